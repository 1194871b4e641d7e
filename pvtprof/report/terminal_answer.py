"""The answer of a run for the terminal: the sentences and one small table, no line wasted.

No column is left out at any width: a table that is too wide stands the other way round, and where
that is too wide too, as a list. Without rich, which takes longer to load than this to run.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from itertools import chain

from pvtprof import spoken
from pvtprof.report import sentences
from pvtprof.report.answer.answer import Answer, answers, summary, trust
from pvtprof.report.answer.answer_table import Cell, Line
from pvtprof.report.answer.by_size import by_time
from pvtprof.report.answer.facts import facts
from pvtprof.report.notes import remarks
from pvtprof.run.run import Run

#: The most lines at USUAL columns.
MOST = 25
USUAL = 80
#: The sign of the smallest figure of a line.
SIGN = "*"
#: What stands instead of a ratio.
MEANINGS = {"equal": "within noise", "same": "same operators"}
_BOLD, _RED, _PLAIN = "\x1b[1m", "\x1b[1;31m", "\x1b[0m"


def render(run: Run, width: int, color: bool = False, exact: bool = False) -> str:
    """Return the answer of a run, ``width`` columns wide; ``exact``: with every digit."""
    width = max(width, 1)
    found = answers(run)
    wrapped = _Wrapped(width, color)
    made = _one(run, found[0], wrapped, exact) if len(found) == 1 else _many(run, found, wrapped)
    return "\n".join(line.rstrip() for line in made) + "\n"


class _Wrapped:
    """Texts as lines of a width, of which those that are bold are so if there is color."""

    def __init__(self, width: int, color: bool) -> None:
        self.width, self.color = width, color

    def __call__(self, text: str, style: str = "") -> list[str]:
        plain = "".join(char if char.isprintable() else " " for char in text)
        kept = spoken.unbroken(plain)
        wrapped = textwrap.wrap(kept, self.width, break_on_hyphens=False) or [""]
        lines = [line.replace("\N{NO-BREAK SPACE}", " ") for line in wrapped]
        return [f"{style}{line}{_PLAIN}" for line in lines] if style and self.color else lines


def _one(run: Run, one: Answer, wrapped: _Wrapped, exact: bool) -> list[str]:
    """One comparison: sentences around its table."""
    above = [
        *wrapped(f"{one.title}, {one.setting}{_machine(run)}"),
        *_disagreements(run, wrapped),
        *wrapped(one.finding, _BOLD),
        *_paragraphs(wrapped, one.advice, one.mix),
    ]
    sizes = (one.by_size, by_time(run, facts(run)))
    surprise = one.surprise.replace("Attention of stage", "Stage")  # the table calls it attention
    below = _paragraphs(wrapped, surprise, *sizes, one.accuracy, *[one.trust] * one.agrees)
    below += _paragraphs(wrapped, summary([one], len(list(remarks(run)))))
    is_limited = wrapped.width >= USUAL and not exact
    least = max(len(wrapped(_legend(one, left_out, True))) for left_out in ([], ["stages"]))
    room = MOST - len(above) - len(below) - least if is_limited else None
    table, left_out = _table(one, wrapped, exact, room)
    space = MOST - len(above) - len(table) - len(below)
    legend = wrapped(_legend(one, left_out))
    if is_limited and len(legend) > space:
        legend = wrapped(_legend(one, left_out, True))
    space -= len(legend)
    held = wrapped(one.held)
    if not is_limited or len(held) <= space:
        table, space = [*table, *held], space - len(held)
    return [*above, *[""] * (space > 0), *table, *below, *legend]


def _legend(one: Answer, left_out: Sequence[str], is_short: bool = False) -> str:
    """How to read the table, and where the rest is; ``is_short``: as short as can be."""
    sign = any(cell.is_smallest for line in one.lines for cell in line.cells)
    says = [f"{SIGN} {'least' if is_short else 'smallest'}"] * sign
    if len(one.designs) > 1 and "ratios" not in left_out:
        says.append(f"ratios to {one.designs[0]}")
        shown = (*one.lines, *(() if "stages" in left_out else one.stages))
        said = {cell.ratio for line in shown for cell in line.cells}
        says += [f"{word}: {means}" for word, means in MEANINGS.items() if word in said]
    rest = " and ".join([*left_out, "more" if is_short else "all tables"])
    text = f"{'; '.join(says)}{'. ' * bool(says)}{rest[0].upper()}{rest[1:]}: --full."
    return text if is_short else f"{text} Every digit: --exact."


def _many(run: Run, found: Sequence[Answer], wrapped: _Wrapped) -> list[str]:
    """Several comparisons: the finding of each, as far as the lines suffice."""
    head = [
        *wrapped(f"{len(found)} comparisons{_machine(run)}"),
        *_disagreements(run, wrapped),
        "",
    ]
    tail = _paragraphs(wrapped, *[trust(run)] * run.agrees, summary(found, len(list(remarks(run)))))
    shown: list[str] = []
    for number, one in enumerate(found):
        name, _, size = one.title.partition(" at ")
        said = f"{name}: {one.finding[0].lower()}{one.finding[1:]}" if size else one.finding
        advice = f" {one.advice.partition(': ')[0]}." if one.advice else ""
        lines = wrapped(f"{said}{advice}", _BOLD)
        left = MOST - len(head) - len(tail) - len(shown) - 1
        if wrapped.width >= USUAL and len(lines) > left - (number + 1 < len(found)):
            more = len(found) - number
            shown += wrapped(f"{more} more comparisons: --full.")
            break
        shown += lines
    return [*head, *shown, *tail, *wrapped("All tables: --full; with every digit: --full --exact.")]


def _machine(run: Run) -> str:
    env = run.environment
    return f", {env.device}, {env.threads} threads, torch {env.torch}" if env.threads else ""


def _disagreements(run: Run, wrapped: _Wrapped) -> list[str]:
    """What differs from its formula, first of all; the exit code tells it too."""
    if run.agrees:
        return []
    those = list(sentences.disagreements(run))
    lines = wrapped(trust(run), _RED)
    for text in those[:3]:
        lines += wrapped(f"- {text}")
    return lines + (wrapped(f"- {len(those) - 3} more: --full") if len(those) > 3 else [])


def _paragraphs(wrapped: _Wrapped, *texts: str) -> list[str]:
    return list(chain.from_iterable(wrapped(text) for text in texts if text))


def _table(
    one: Answer, wrapped: _Wrapped, exact: bool, room: int | None
) -> tuple[list[str], list[str]]:
    """The table as it fits into the width and so many lines, and what of it is left out.

    Designs as columns, with a line for each stage or without; designs as lines; a list.
    """
    text: Callable[[Cell], str] = (lambda cell: cell.exact) if exact else (lambda cell: cell.text)
    every, no_stages = (*one.lines, *one.stages), ["stages"] * bool(one.stages)
    tries: list[tuple[list[str], list[str]]] = [
        (_aligned(_across(one.designs, every, text)), []),
        (_aligned(_across(one.designs, one.lines, text)), no_stages),
        (_aligned(_down(one.designs, one.lines, text, _beside)), no_stages),
        (_aligned(_down(one.designs, one.lines, text, _sign)), [*no_stages, "ratios"]),
    ]
    if room is None:
        tries = [one for one in tries if not one[1]]
    for made, left_out in tries:
        if max(map(cell_len, made)) <= wrapped.width and (room is None or len(made) <= room):
            return made, left_out
    return _list(one.designs, every, wrapped, text), []


Beside = Callable[[Cell], str]


def _across(designs: Sequence[str], lines: Sequence[Line], text: Beside) -> list[list[str]]:
    """Designs as columns."""
    return [
        ["", *chain.from_iterable((name, "") for name in designs)],
        *(
            [line.name, *chain.from_iterable((text(c), _beside(c)) for c in line.cells)]
            for line in lines
        ),
    ]


def _down(
    designs: Sequence[str], lines: Sequence[Line], text: Beside, beside: Beside
) -> list[list[str]]:
    """Designs as lines; attention, which is a share, by one word."""
    names = [line.name.replace("attention, of", "att. of") for line in lines]
    return [
        ["", *chain.from_iterable((name, "") for name in names)],
        *(
            [
                name,
                *chain.from_iterable(
                    (text(line.cells[i]), beside(line.cells[i])) for line in lines
                ),
            ]
            for i, name in enumerate(designs)
        ),
    ]


def _sign(cell: Cell) -> str:
    return SIGN if cell.is_smallest else ""


def _beside(cell: Cell) -> str:
    return f"{cell.ratio}{_sign(cell) or ' '}" if cell.ratio or _sign(cell) else ""


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table whose columns but the first stand to the right.

    A name in the first line spans the two columns of its figure and its ratio.
    """
    head, *rest = table
    widths = [max(cell_len(line[i]) for line in rest) for i in range(len(head))]
    # A star alone stands at its figure, as it does at a ratio.
    gaps = {i: int(widths[i + 1] > len(SIGN)) for i in range(1, len(head), 2)}
    for i in gaps:
        room = widths[i] + gaps[i] + widths[i + 1]
        widths[i] += max(0, cell_len(head[i]) - room)
    made = []
    for line in table:
        text = line[0] + " " * (widths[0] - cell_len(line[0]))
        for i in range(1, len(line), 2):
            figure, beside = line[i], line[i + 1]
            room = widths[i] + gaps[i] + widths[i + 1]
            if line is head:
                text += "  " + " " * (room - cell_len(figure)) + figure
                continue
            text += "  " + " " * (widths[i] - cell_len(figure)) + figure
            if widths[i + 1]:
                text += " " * gaps[i] + " " * (widths[i + 1] - cell_len(beside)) + beside
        made.append(text)
    return made


def _list(
    designs: Sequence[str],
    lines: Sequence[Line],
    wrapped: _Wrapped,
    text: Callable[[Cell], str],
) -> list[str]:
    made = []
    for i, name in enumerate(designs):
        made += wrapped(f"{name}:")
        for line in lines:
            cell = line.cells[i]
            gap = " " * bool(cell.ratio)
            made += wrapped(f"- {line.name}: {text(cell)}{gap}{_beside(cell)}".rstrip())
    return made


def cell_len(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    >>> cell_len("mha"), cell_len("注意")
    (3, 4)
    """
    if text.isascii():
        return len(text)
    from rich.cells import cell_len as measured

    return measured(text)
