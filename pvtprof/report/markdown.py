"""A run as Markdown: for issues, pull requests and notes; the answer first, then every row."""

from __future__ import annotations

from pvtprof import units
from pvtprof.report import gpu, notes, own, sentences
from pvtprof.report.answer.answer import Answer, answers, summary
from pvtprof.report.answer.answer_table import Cell
from pvtprof.run.row import Row
from pvtprof.run.run import Run

COSTS = ("stage", "variant", "keys", "MACs", "params", "peak")


#: How long the bar of a line's largest figure is, in characters.
LONGEST = 10


def render(run: Run) -> str:
    """Return the answer, the tables, the sentences and the notes of every comparison."""
    lines = [f"<!-- pvtprof {run.environment.pvtprof} -->"]
    for one, found in zip(run.comparisons, answers(run), strict=True):
        lines += [*_answer(one, found), ""]
        rest = own.markdown(run) if one.is_own else _comparison(one)
        lines += ["<details><summary>All rows and remarks</summary>", "", *rest, "", "</details>"]
        lines.append("")
    lines += [f"`{run.command}`", "<!-- end of pvtprof -->"]
    return "\n".join(lines) + "\n"


def _answer(run: Run, found: Answer) -> list[str]:
    """The sentences of the answer around its table, whose bars are its figure."""
    said = (found.advice, found.how_mixed)
    trust = found.trust if found.agrees else ""
    below = (found.attention, found.surprise, found.accuracy, trust, summary([found]))
    return [
        f"### {found.title}, {found.setting}, {run.environment.device}",
        "",
        *(() if found.agrees else (f"**{found.trust}**", "")),
        f"**{found.finding}**",
        *(line for text in said if text for line in ("", text)),
        "",
        f"| | {' | '.join(found.designs)} |",
        f"|---|{'---|' * len(found.designs)}",
        *(
            f"| {line.name} | {' | '.join(map(_cell, line.cells))} |"
            for line in (*found.lines, *found.stages)
        ),
        *(line for text in below if text for line in ("", text)),
    ]


def _cell(cell: Cell) -> str:
    """A figure with its bar; the smallest is bold."""
    text = f"**{cell.text}**" if cell.is_smallest else cell.text
    return " ".join(filter(None, (text, cell.ratio, "█" * round(LONGEST * cell.share))))


def _comparison(run: Run) -> list[str]:
    return [
        *_table(run),
        "",
        *sentences.sentences(run),
        "",
        *(f"- {text}" for text in (*sentences.disagreements(run), *notes.notes(run))),
    ]


def _table(run: Run) -> list[str]:
    times = _times(run)
    header = (*COSTS, *times, "agrees")
    lines = [
        (*_costs(row), *cells, ("yes" if row.agrees else "NO") if row.witnesses else "-")
        for row, *cells in zip(run.rows, *times.values(), strict=True)
    ]
    return [
        f"| {' | '.join(header)} |",
        f"|---|---|{'---:|' * (len(header) - 3)}---|",
        *(f"| {' | '.join(line)} |" for line in lines),
    ]


def _times(run: Run) -> dict[str, list[str]]:
    """Columns of what was timed, by their names; on a GPU those that any row has."""
    if not run.setting.on_cuda:
        return {
            "latency": list(map(sentences.latency, run.rows)),
            "95 % (ms)": [units.interval(row.latency_interval_s) for row in run.rows],
        }
    found: dict[str, list[str]] = {}
    for figure, before in zip(gpu.FIGURES, (None, *gpu.FIGURES), strict=False):
        cells = [figure.text(row) for row in run.rows]
        if any(cell != "-" for cell in cells):
            name = f"{before.name} {figure.name} (ms)" if before and figure.name == "95 %" else ""
            found[name or figure.name] = cells
    return found


def _costs(row: Row) -> tuple[str, ...]:
    return (
        "model" if row.part.stage is None else str(row.part.stage),
        row.design.name,
        units.integer(row.kv_tokens),
        units.integer(row.macs),
        units.integer(row.params),
        units.size(row.peak.bytes),
    )
