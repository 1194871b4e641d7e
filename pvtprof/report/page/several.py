"""Several comparisons side by side: small multiples, and a table of ratios."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pvtprof import spoken, units
from pvtprof.errors import SpecError
from pvtprof.observe.machine import WITHHELD, differing
from pvtprof.report import phrases
from pvtprof.report.answer.facts import facts
from pvtprof.report.figures.style import color_of
from pvtprof.report.page.naming import names
from pvtprof.report.sheet import Sheet
from pvtprof.run.row import Row
from pvtprof.run.run import Run

Record = dict[str, Any]
#: So many files make one page, and so many comparisons are drawn side by side.
MOST = 8


@dataclass(frozen=True, slots=True)
class Quantity:
    """One figure of a whole model: its name, its number, its text."""

    name: str
    number: Callable[[Row], float | None]
    text: Callable[[Row], str]


def _time(row: Row) -> str:
    """The median time in words, marked where it cannot be trusted; "-" where there is none."""
    if row.latency_median_s is None:
        return "-"
    return units.marked(spoken.duration(row.latency_median_s), row.is_doubtful)


#: What is drawn and divided.
QUANTITIES = (
    Quantity("MACs", lambda row: row.macs, lambda row: spoken.short(row.macs)),
    Quantity("params", lambda row: row.params, lambda row: spoken.short(row.params)),
    Quantity("peak memory", lambda row: row.peak.bytes, lambda row: units.size(row.peak.bytes)),
    Quantity(
        "time",
        lambda row: row.latency_median_s,
        _time,
    ),
)
#: Params of a model are the same at every size: the table has them.
DRAWN = ("MACs", "peak memory", "time")


@dataclass(frozen=True, slots=True)
class Bar:
    """One design in a panel: its width in per cent of the longest of its group, and its figure."""

    design: str
    color: str
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """One quantity in a panel."""

    name: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One comparison."""

    name: str
    anchor: str
    groups: tuple[Group, ...]

    @property
    def spoken(self) -> str:
        """The same figures as a sentence, for readers who do not see the bars."""
        parts = (
            f"{group.name}: {', '.join(f'{bar.design} {bar.text}' for bar in group.bars)}"
            for group in self.groups
        )
        return f"{self.name}. {'; '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Several:
    """The section: a finding, a panel a comparison, and the ratios to the first."""

    title: str
    reasons: tuple[str, ...]
    panels: tuple[Panel, ...]
    ratios: Sheet


def several(runs: Sequence[Run], anchors: Sequence[str]) -> Several:
    """Return the section of some comparisons whose parts of the page have these anchors."""
    called = names(runs)
    panels = [
        Panel(name, anchor, tuple(_groups(run)))
        for run, name, anchor in zip(runs[:MOST], called, anchors, strict=False)
    ]
    return Several(
        _title(runs, called), tuple(incomparable(runs)), tuple(panels), _ratios(runs, called)
    )


def wholes(run: Run) -> dict[str, Row]:
    """Return the rows of the whole model by design; of one's own modules, of each module."""
    return {
        row.design.name: row
        for row in run.rows
        if row.part.stage is None and row.part.module is None
    }


def _groups(run: Run) -> Iterator[Group]:
    if attention := tuple(_attention(run)):
        yield Group("attention, of MACs", attention)
    for quantity in QUANTITIES:
        if quantity.name not in DRAWN:
            continue
        found = {
            name: (value, quantity.text(row))
            for name, row in wholes(run).items()
            if (value := quantity.number(row)) is not None
        }
        most = max((value for value, _ in found.values()), default=0) or 1
        if found:
            yield Group(
                quantity.name,
                tuple(
                    Bar(name, color_of(name), round(100 * value / most, 1), text)
                    for name, (value, text) in found.items()
                ),
            )


def _attention(run: Run) -> Iterator[Bar]:
    """How much of each network is attention."""
    for one in facts(run):
        if one.stages:
            width = round(100 * one.attention_macs / one.macs, 1)
            share = spoken.people(one.attention_macs, one.macs)
            yield Bar(one.name, color_of(one.name), width, share)


def _shared(runs: Sequence[Run]) -> list[str]:
    """Return the designs that all comparisons have."""
    return [name for name in wholes(runs[0]) if all(name in wholes(run) for run in runs)]


def _title(runs: Sequence[Run], called: Sequence[str]) -> str:
    """Return how the MACs of each design grow from the smallest comparison to the largest."""
    designs = _shared(runs)
    if not designs:
        return f"{len(runs)} comparisons that have no design in common."
    sums = [sum(wholes(run)[name].macs for name in designs) for run in runs]
    low, high = sums.index(min(sums)), sums.index(max(sums))
    if sums[low] == sums[high]:
        return f"All {len(runs)} need the same MACs: {', '.join(called)} differ in time alone."
    large, small = wholes(runs[high]), wholes(runs[low])
    factors = [f"{_factor(large[name].macs, small[name].macs)} with {name}" for name in designs]
    factors[0] = factors[0].replace("x with", "x the MACs with", 1)
    return f"{called[high]} takes {phrases.several(factors)}, held against {called[low]}."


def _factor(part: float, whole: float) -> str:
    """Return a ratio as a factor of three digits.

    >>> _factor(8587, 4026), _factor(3, 3), _factor(1690, 100)
    ('2.13x', '1.00x', '16.9x')
    """
    ratio = part / whole
    return f"{ratio:,.{max(0, 2 - len(str(int(ratio))) + 1)}f}x"


def incomparable(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the reasons why times of some comparisons cannot be divided."""
    called = names(runs)
    if untimed := [name for run, name in zip(runs, called, strict=True) if not run.measured]:
        if len(untimed) < len(runs):
            yield f"{', '.join(untimed)} {'has' if len(untimed) == 1 else 'have'} none"
        else:
            yield "none was timed"
        return
    if any(run.environment.device == WITHHELD for run in runs):
        yield "devices are withheld"
        return
    said = dict.fromkeys(
        f"{what.replace('_', ' ')} is {a} in {called[0]}, {b} in {name}"
        for run, name in zip(runs[1:], called[1:], strict=True)
        for what, a, b in differing(runs[0].environment, run.environment)
    )
    yield from said


def _ratios(runs: Sequence[Run], called: Sequence[str]) -> Sheet:
    """Return every quantity of every design, with ratios to the first comparison."""
    divides = not any(incomparable(runs))
    header = ("design", "figure", *_columns(called))
    lines = [
        (name, quantity.name, *_cells(runs, name, quantity, divides))
        for name in dict.fromkeys(name for run in runs for name in wholes(run))
        for quantity in QUANTITIES
    ]
    return Sheet(f"Whole models, and ratios to {called[0]}", header, tuple(lines))


def _columns(called: Sequence[str]) -> Iterator[str]:
    yield called[0]
    for name in called[1:]:
        yield name
        yield f"{name} / {called[0]}"


def _cells(runs: Sequence[Run], design: str, quantity: Quantity, divides: bool) -> Iterator[str]:
    first = wholes(runs[0]).get(design)
    for number, run in enumerate(runs):
        row = wholes(run).get(design)
        yield quantity.text(row) if row else "-"
        if number:
            ours, theirs = (quantity.number(one) if one else None for one in (row, first))
            has = ours and theirs and (divides or quantity.name != "time")
            yield units.ratio(ours, theirs) if has and ours and theirs else "-"


def check(runs: Sequence[tuple[str, Run]]) -> None:
    """Raise SpecError where some runs, each with its path, cannot stand on one page."""
    for path, run in runs:
        if any(row.is_own for row in run.rows):
            raise SpecError(
                f"{path} holds modules of your own; several files on one page hold PVT's designs: "
                "compare your modules in one run, pvtprof compare --target A --target B"
            )
        if len(run.comparisons) > 1:
            raise SpecError(
                f"{path} holds {len(run.comparisons)} comparisons; for several files on one page, "
                "each must hold one; give this file alone, or compare one model at one size"
            )


def records(runs: Sequence[Run]) -> list[Record]:
    """Return one record for each row that all runs have: their figures, and ratios to the first.

    The runs are a, b, c and so on in the names of the figures; a ratio of two runs has no letter.
    """
    comparable = not any(incomparable(runs))
    others = [{(row.part, row.design.name): row for row in run.rows} for run in runs[1:]]
    return [
        _record([row, *found], comparable)
        for row in runs[0].rows
        if all(found := [one.get((row.part, row.design.name)) for one in others])
    ]


#: The figures of a record: name before and after the letter, number, name of the ratio.
_FIGURES: tuple[tuple[str, str, Callable[[Row], float | None], str], ...] = (
    ("macs", "", lambda row: row.macs, "macs_ratio"),
    ("params", "", lambda row: row.params, ""),
    ("peak_bytes", "", lambda row: row.peak.bytes, "peak_ratio"),
    ("time", "_s", lambda row: row.latency_median_s, "time_ratio"),
)


def _record(rows: Sequence[Any], comparable: bool) -> Record:
    record: Record = {"row": rows[0].name}
    for name, unit, number, ratio in _FIGURES:
        values = [number(row) for row in rows]
        for letter, value in zip("abcdefgh", values, strict=False):
            record[f"{name}_{letter}{unit}"] = value
        first, *rest = values
        for letter, value in zip("bcdefgh", rest, strict=False):
            divides = ratio and first and value and (comparable or name != "time")
            if ratio:
                record[ratio + f"_{letter}" * (len(rest) > 1)] = (
                    value / first if divides and value and first else None
                )
    return record


def brief(runs: Sequence[Run]) -> list[Record]:
    """Return the columns that fit into a terminal: ratios to the first run, by name."""
    called, letters = names(runs), "bcdefgh"[: len(runs) - 1]
    made = []
    for record in records(runs):
        line: Record = {"row": record["row"]}
        for letter, name in zip(letters, called[1:], strict=True):
            suffix = f"_{letter}" * (len(letters) > 1)
            for what in ("macs", "peak", "time"):
                ratio = record[f"{what}_ratio{suffix}"]
                line[f"{what}, {name}"] = "-" if ratio is None else units.ratio(ratio, 1)
        made.append(line)
    return made
