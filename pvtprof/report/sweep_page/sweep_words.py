"""The sentences of a sweep, by rules: what is done, which design is fastest where, and drift."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

from pvtprof import spoken, units
from pvtprof.report.phrases import FEW, several
from pvtprof.report.sweep_page.sweep_rows import SETTING, Row, Sweep, Timed

#: So many lines say which design is fastest where; of so many stretches each.
MOST_LINES, MOST_STRETCHES = 6, 5
#: How the columns of a setting are said where they vary; the others are said by value alone.
SAID = {"batch": "batch {}", "task": "for {}", "content": "content {}"}
#: Columns of a setting that a place says by itself.
IN_A_PLACE = ("model", "changes", "target", "at", "height", "width")


@dataclass(frozen=True)
class Race:
    """Designs at one setting on one machine, the fastest first."""

    machine: str
    runners: tuple[tuple[Row, Timed], ...]

    @cached_property
    def first(self) -> Row:
        """One that is the fastest by its median."""
        return self.runners[0][0]

    @property
    def seconds(self) -> float:
        """The fastest median."""
        return float(self.runners[0][1].latency_s or 0)

    @cached_property
    def level(self) -> tuple[str, ...]:
        """The names of the designs that are equal to the fastest within the noise, it first."""
        best = self.runners[0][1]
        rest = [row.name for row, timed in self.runners[1:] if best.is_level(timed)]
        return (self.first.name, *rest)

    @cached_property
    def is_sure(self) -> bool:
        """Whether every time has an interval, so that the order can be told from noise."""
        best = self.runners[0][1]
        return all(best.is_level(timed) is not None for _, timed in self.runners[1:])

    @property
    def verdict(self) -> str:
        """What the race says, in words that follow a place."""
        if len(self.runners) == 1:
            return f"{self.first.name} alone was measured"
        if not self.is_sure:
            return f"{self.first.name} has the lowest median, and an interval is missing"
        if len(self.level) > FEW:
            return f"{len(self.level)} designs are equal within the noise"
        if len(self.level) > 1:
            return f"{several(self.level)} are equal within the noise"
        return f"{self.first.name} is the fastest"


def races(sweep: Sweep) -> list[Race]:
    """Return the designs at each setting and machine; no comparison crosses machines."""
    found: dict[tuple[Any, ...], list[tuple[Row, Timed]]] = defaultdict(list)
    for row in sweep.rows:
        for machine, timed in row.timed.items():
            if timed.latency_s is not None:
                found[machine, *row.setting].append((row, timed))
    made = []
    for (machine, *_), runners in found.items():
        runners.sort(key=lambda one: one[1].latency_s or 0)
        made.append(Race(machine, tuple(runners)))
    order = list(sweep.machines)
    return sorted(made, key=lambda race: (order.index(race.machine), *_sortable(race.first)))


def _sortable(row: Row) -> tuple[Any, ...]:
    at = [row.words[name] for name in SETTING if name not in ("height", "width")]
    keyed = [(isinstance(value, str), value if value is not None else 0) for value in at]
    return (*keyed, (row.words["height"] or 0) * (row.words["width"] or 0), row.side)


def place(sweep: Sweep, race: Race, sized: bool = True) -> str:
    """Return where a race was: the model, its image, and what else varies in the sweep."""
    words = race.first.words
    model = _network(race.first)
    parts = [f"{model} at {race.first.side}" if sized else model]
    for name in sweep.varying:
        if name not in IN_A_PLACE and words[name] not in (None, ""):
            parts.append(on_setting(name, words[name]))
    if words["changes"]:
        parts.append(str(words["changes"]))
    if len(sweep.machines) > 1:
        parts.append(f"on {sweep.machines[race.machine]}")
    return ", ".join(parts)


def _network(row: Row) -> str:
    return str(row.words["model"] or row.words["target"] or "module")


def on_setting(name: str, value: Any) -> str:
    """Return one word of a setting.

    >>> on_setting("batch", 8), on_setting("dtype", "bfloat16"), on_setting("changes", "")
    ('batch 8', 'bfloat16', 'no changes')
    """
    if value in (None, ""):
        return f"no {name}"
    if name == "threads":
        return "threads by torch" if value == 0 else f"{value} thread{'s' * (value != 1)}"
    return SAID.get(name, "{}").format(value)


def title(sweep: Sweep, found: Sequence[Race]) -> str:
    """Return the finding of the whole sweep in one sentence."""
    run = [race for race in found if len(race.runners) > 1]
    if not sweep.rows:
        return "The store holds no row yet"
    if not found:
        return "No row was measured: the figures here are the closed forms'"
    if not run:
        count = sweep.measured
        what = f"Of {_count(count, 'measured row')}" if count > 1 else "One row was measured"
        return f"{what}, no two differ in the design alone" if count > 1 else what
    if len(run) == 1:
        return f"{place(sweep, run[0])}: {run[0].verdict}"
    wins = Counter(race.first.name for race in run if race.is_sure and len(race.level) == 1)
    level = sum(race.is_sure and len(race.level) > 1 for race in run)
    if not wins:
        return _undecided(len(run), level)
    name, count = wins.most_common(1)[0]
    noise = f"; in {units.integer(level)} the fastest are equal within the noise" if level else ""
    return f"{name} is clearly the fastest in {_of(count, len(run))} comparisons of designs{noise}"


def _undecided(total: int, level: int) -> str:
    """Return that no comparison has a clear winner, and why."""
    if not level:
        every = f"all {units.integer(total)} comparisons"
        return f"No fastest design is known: intervals are missing in {every}"
    lacking = f"; {units.integer(total - level)} lack intervals" if total > level else ""
    return (
        f"In none of {units.integer(total)} comparisons is one design clearly the fastest{lacking}"
    )


def sentences(sweep: Sweep, found: Sequence[Race]) -> Iterator[str]:
    """Yield what is done and where, which design is fastest where, and how machines drifted."""
    yield done(sweep)
    if len(sweep.machines) > 1:
        said = [f"{_count(sweep.times_on(m), 'row')} on {n}" for m, n in sweep.machines.items()]
        yield f"Measured: {several(said)}. Times of two machines are never compared here."
    elif sweep.measured:
        yield f"Measured on {next(iter(sweep.machines.values()))}."
    yield from drifts(sweep)


def done(sweep: Sweep) -> str:
    """Return how many rows there are, and how many of them are measured, failed or left."""
    total = len(sweep.rows)
    if not total:
        return "The store holds no rows; pvtprof sweep adds them."
    parts = [f"{units.integer(sweep.measured)} measured"]
    parts += [f"{units.integer(sweep.failed)} failed"] if sweep.failed else []
    parts += [f"{units.integer(sweep.left)} not measured yet"] if sweep.left else []
    if total == 1:
        state = "is measured" if sweep.measured else "is not measured yet"
        return f"The store holds one row, which {'failed' if sweep.failed else state}."
    if len(parts) == 1:
        return f"The store holds {_count(total, 'row')}, all of them measured."
    if sweep.failed == total:
        return f"The store holds {_count(total, 'row')}, and all of them failed."
    if sweep.left == total:
        return f"The store holds {_count(total, 'row')}, and none is measured yet."
    return f"The store holds {_count(total, 'row')}: {several(parts)}."


def drifts(sweep: Sweep) -> Iterator[str]:
    """Yield by how much the time of the reference row changed on each machine."""
    by: dict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)
    for one in sweep.stored.references:
        by[one.machine, one.row].append((one.date, one.seconds))
    order = list(sweep.machines)
    for (machine, row), times in sorted(by.items(), key=lambda one: order.index(one[0][0])):
        where = f" on {sweep.machines.get(machine, machine)}" if len(sweep.machines) > 1 else ""
        seconds = [value for _, value in sorted(times)]
        if len(seconds) < 2:
            yield f"Drift{where} is not known: {row} was measured once."
            continue
        middle, low, high = median(seconds), min(seconds), max(seconds)
        share = spoken.people(high - low, middle)
        yield (
            f"Drift{where}: {row} was measured {len(seconds)} times and took "
            f"{spoken.duration(low)} to {spoken.duration(high)}, a spread of {share} of its median"
            f" ({spoken.duration(middle)})."
        )


def stretches(sweep: Sweep, found: Sequence[Race]) -> tuple[list[str], int]:
    """Return which design is fastest where, in some lines, and how many lines there would be.

    A line for each series of image sizes; of many series, a line for each model and machine.
    """
    series: dict[str, list[Race]] = defaultdict(list)
    models: dict[str, list[Race]] = defaultdict(list)
    for race in found:
        if len(race.runners) > 1:
            series[place(sweep, race, sized=False)].append(race)
            words = [_network(race.first)]
            words += [f"on {sweep.machines[race.machine]}"] if len(sweep.machines) > 1 else []
            models[" ".join(words)].append(race)
    if len(series) <= MOST_LINES:
        return [_stretch(where, ones) for where, ones in series.items()], len(series)
    return [_tally(where, ones) for where, ones in [*models.items()][:MOST_LINES]], len(models)


def _tally(where: str, ones: Sequence[Race]) -> str:
    """Return "model: of 40 comparisons a is the fastest in 30, b in 4; the others are equal"."""
    wins = Counter(race.first.name for race in ones if race.is_sure and len(race.level) == 1)
    level = sum(race.is_sure and len(race.level) > 1 for race in ones)
    parts = [f"{name} in {units.integer(count)}" for name, count in wins.most_common(FEW)]
    others = sum(count for _, count in wins.most_common()[FEW:])
    parts += [f"other designs in {units.integer(others)}"] if others else []
    first = f"the fastest is {', '.join(parts)}" if parts else "no design is clearly the fastest"
    noise = f"; the fastest are equal within the noise in {units.integer(level)}" if level else ""
    return f"{where}: of {_count(len(ones), 'comparison')} {first}{noise}."


def _stretch(where: str, ones: Sequence[Race]) -> str:
    """Return "model: a is the fastest at 64 to 128, b at 256" of races by size."""
    merged: list[tuple[str, list[Race]]] = []
    for race in ones:
        if merged and merged[-1][0] == race.verdict:
            merged[-1][1].append(race)
        else:
            merged.append((race.verdict, [race]))
    if len(merged) <= MOST_STRETCHES:
        return f"{where}: {'; '.join(f'{said} {_sides(part)}' for said, part in merged)}."
    counts = Counter(race.verdict for race in ones).most_common(MOST_STRETCHES - 2)
    parts = [f"{said} at {count} of {len(ones)} sizes" for said, count in counts]
    rest = len(ones) - sum(count for _, count in counts)
    other = [f"other results at {rest} of {len(ones)}"] if rest else []
    return f"{where}: {'; '.join([*parts, *other])}."


def _sides(part: Sequence[Race]) -> str:
    low, high = part[0].first.side, part[-1].first.side
    if low == high:
        return f"at {low} ({spoken.duration(part[0].seconds)})"
    times = f"{spoken.duration(part[0].seconds)} to {spoken.duration(part[-1].seconds)}"
    return f"at {low} to {high} ({times})"


def _count(count: int, noun: str) -> str:
    return f"{units.integer(count)} {noun}{'s' * (count != 1)}"


def _of(count: int, total: int) -> str:
    many = units.integer(total)
    return f"all {many}" if count == total else f"{units.integer(count)} of {many}"
