"""The store of a sweep as a baseline: the exact figures of every row, and the times of a few.

A time is judged against the row's own spread in the store. A machine is faster or slower as a
whole from one night to the next: where the store has the reference (a matrix product and a
softmax), times are held against that.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from pvtprof import units
from pvtprof.check.case import FAILED, PASSED, SKIPPED, UNDECIDED, Case
from pvtprof.check.exact_figures import Change
from pvtprof.check.judgement import Judgement, confirmed, outcome
from pvtprof.check.request import Progress, Timing
from pvtprof.check.result import GateResult, result
from pvtprof.errors import PvtprofError, SpecError, UnavailableError
from pvtprof.observe.measurement import Measurement, median_interval
from pvtprof.sweep.closed_forms import EXACT, MOST
from pvtprof.sweep.halving import BETWEEN_PROCESSES
from pvtprof.sweep.machines import machines, this_one
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import measurement_of
from pvtprof.sweep.worker import Timing as RowTiming
from pvtprof.sweep.worker import Worker

#: The times of so many rows are measured again, in so many fresh processes each.
TIMED, PROCESSES = 3, 4
USUAL = Planned("", "", 0, 0, (), 0)
WAY_OUT = "measure its rows once more with `pvtprof sweep -o STORE --again`, or raise --budget"


def named_in_words(planned: Planned) -> str:
    """Return a row in a few words, those that are not as usual last; no two rows have the same.

    >>> named_in_words(Planned("pvt_v2_b0", "mha", 64, 96, (1, 1, 1, 1), 7, batch=2))
    'pvt_v2_b0 mha R 1,1,1,1 pool 7 model 64x96 batch 2 float32'
    >>> named_in_words(Planned("", "", 0, 0, (), 0, target="a.py:b", at="h=64", threads=2))
    'a.py:b h=64 float32 threads 2'
    """
    unusual = [
        f"{name} {value}"
        for name in ("attention", "mode", "task", "threads", "device", "content")
        if (value := getattr(planned, name)) != getattr(USUAL, name)
    ]
    unusual += [f"--set {change}" for change in planned.changes]
    return " ".join([_usual(planned), *unusual])


def _usual(planned: Planned) -> str:
    if planned.target:
        return " ".join(filter(None, (planned.target, planned.at, planned.dtype)))
    ratios, size = units.ratios(planned.sr_ratios), units.sides(planned.height, planned.width)
    return (
        f"{planned.model} {planned.design} R {ratios} pool {planned.pool_size} {planned.part} "
        f"{size} batch {planned.batch} {planned.dtype}"
    )


def exact(path: str, progress: Progress) -> GateResult:
    """Compare the closed form of every row with what the store says: integer equality."""
    changes: list[tuple[str, list[str]]] = []
    count = 0
    with Store.open(path, read_only=True) as store:
        names = ", ".join(EXACT)
        for line in store.read(f'SELECT key, refused, {names} FROM "row" ORDER BY id'):
            planned = Planned.from_key(line["key"])
            before = {name: line[name] for name in EXACT}
            if found := list(_changed(planned, before, line["refused"])):
                changes.append((named_in_words(planned), found))
            count += 1
            if count % 100 == 0:
                progress(f"{units.integer(count)} rows compared, {len(changes)} changed")
    if not count:
        raise SpecError(
            f"{path} has no rows, so nothing can be compared; `pvtprof sweep -o {path}` adds some"
        )
    cases = [Case(row, "exact", FAILED, tuple(lines)) for row, lines in changes]
    kept = count - len(cases)
    if kept:
        cases.append(Case(f"{units.integer(kept)} rows of {path}", "exact", PASSED))
    lines = [f"- {line}" for _, found in changes for line in found]
    figures = sum(len(found) for _, found in changes)
    if figures:
        last = (
            f"check: {units.integer(figures)} exact figure{'s' * (figures != 1)} of "
            f"{units.integer(len(changes))} of {units.integer(count)} rows of {path} changed"
        )
    else:
        rows = f"{units.integer(count)} row{'s' * (count != 1)}"
        last = f"check: no exact figure of {rows} of {path} changed"
    return result([*lines, last], cases)


def _changed(
    planned: Planned, before: Mapping[str, int | None], refused: str | None
) -> Iterator[str]:
    """Yield the figures of a row that are no longer what they were."""
    row = named_in_words(planned)
    try:
        found = planned.row()
    except PvtprofError as error:
        if refused is None:
            yield f"{row}: had figures, and has no closed form now: {error}"
        return
    now = {
        "macs": found.macs,
        "params": found.params,
        "moved_bytes": sum(found.moved_bytes),
        "peak_bytes": found.peak.bytes,
    }
    if refused is not None:
        if max(now.values()) <= MOST:  # else no column can hold it, and a store refuses it
            yield f"{row}: had no closed form ({refused}), and has one now"
        return
    for name, value in now.items():
        if value != before[name]:
            yield str(Change(row, name.replace("_", " "), "", before[name], value))


@dataclass(frozen=True, kw_only=True)
class AgainstSpread(Judgement):
    """A row now against its times in a store: its samples then, and medians of processes now.

    ``drift`` is what the reference takes now over what it took then.
    """

    floor: ClassVar[float] = 0.03
    slack: ClassVar[float] = 0.0
    way_out: str = WAY_OUT
    before: tuple[Measurement, ...]
    after: tuple[Measurement, ...]
    drift: float = 1.0

    @property
    def ratio(self) -> float:
        """Time now over time before, of the medians; drift is taken out."""
        now, then = (median(one.median for one in side) for side in (self.after, self.before))
        return now / then / self.drift

    @property
    def interval(self) -> tuple[float, float]:
        """From the fast end of now over the slow end of then to the other way round."""
        (low, high), (then_low, then_high) = _spread(self.after), _spread(self.before)
        return low / then_high / self.drift, high / then_low / self.drift

    def is_surely_beyond(self, share: float) -> bool:
        """Return whether all of the interval lies beyond."""
        low, high = self.interval
        return low > 1 + share if share > 0 else high < 1 / (1 - share)

    @property
    def basis(self) -> str:
        """How many processes and samples there were, and the drift."""
        then, now = (
            f"{len(side)} process{'es' * (len(side) != 1)}" for side in (self.before, self.after)
        )
        return f"{then} then, {now} now, the machine itself takes {self.drift:.1%}"


def _spread(side: Sequence[Measurement]) -> tuple[float, float]:
    """Return a 95 % interval of the samples' median, no narrower than processes differ by."""
    samples = [one for measurement in side for one in measurement.samples]
    low, high = median_interval(samples) or (min(samples), max(samples))
    medians = [one.median for one in side]
    return (
        min(low, *medians, median(medians) * (1 - BETWEEN_PROCESSES)),
        max(high, *medians, median(medians) * (1 + BETWEEN_PROCESSES)),
    )


def times(path: str, required: bool, timing: Timing, progress: Progress) -> GateResult:
    """Measure a few rows of a store again, and judge each against its own spread.

    A slower row is timed once more, and must be so again. Where the store has no times of this
    machine, that is skipped, or with ``required`` undecided.
    """
    with Store.open(path, read_only=True) as store:
        found = machines(store.connection)
        here = this_one(found, "auto")
        if here is None:
            others = f"; it has those of {', '.join(map(str, found))}" if found else ""
            reason = f"{path} has no times of this machine{others}"
            case = Case(path, "latency", UNDECIDED if required else SKIPPED, (reason,))
            return result([f"check: latency is not compared: {reason}"], [case])
        before = _some(store, here.name, timing.seed)
        then = store.reference_s(here.name)
    rows = {named_in_words(planned): planned for planned in before}
    try:
        with Worker(RowTiming(timing.budget_s / (2 * PROCESSES))) as worker:

            def measured(names: Sequence[str], attempt: int) -> dict[str, AgainstSpread]:
                chosen = {name: rows[name] for name in names}
                return _judged(worker, chosen, before, then, timing, progress)

            judged = confirmed(list(rows), measured)
    except UnavailableError as error:
        case = Case(path, "latency", UNDECIDED, (str(error),))
        return result([f"check: the times of {path} could not be compared: {error}"], [case])
    return outcome(judged, path, ", measured twice")


def _some(store: Store, machine: str, seed: int) -> dict[Planned, tuple[Measurement, ...]]:
    """Return a few rows that were measured on a machine, drawn at random, with all their times."""
    sql = (
        'SELECT r.key, m.measurement FROM measured AS m JOIN "row" AS r ON r.id = m."row" '
        "JOIN environment AS e ON e.id = m.environment WHERE e.machine = ? "
        "AND m.measurement IS NOT NULL AND r.key IN "
        "(SELECT key FROM rows WHERE machine = ? AND latency_s IS NOT NULL) ORDER BY r.key, m.id"
    )
    keys: dict[str, list[str]] = {}
    for line in store.read(sql, (machine, machine)):
        keys.setdefault(line["key"], []).append(line["measurement"])
    chosen = random.Random(seed).sample(sorted(keys), min(TIMED, len(keys)))
    return {
        Planned.from_key(key): tuple(measurement_of(text) for text in keys[key]) for key in chosen
    }


def _judged(
    worker: Worker,
    rows: Mapping[str, Planned],
    before: Mapping[Planned, tuple[Measurement, ...]],
    then: Sequence[float],
    timing: Timing,
    progress: Progress,
) -> dict[str, AgainstSpread]:
    """Return the judgement of each row, from fresh processes in turns with the reference."""
    after: dict[str, list[Measurement]] = {name: [] for name in rows}
    references: list[float] = []
    for process in range(PROCESSES):
        for name, planned in rows.items():
            progress(f"{name}: process {process + 1} of {PROCESSES}")
            after[name].append(_measurement(worker, planned, process))
            if then and (found := worker.reference(planned.device).outcome.measurement):
                references.append(found.median)
    drift = median(references) / median(then) if references else 1.0
    return {
        name: AgainstSpread(
            row=name,
            rows=len(before),
            tolerance=timing.tolerance,
            before=before[planned],
            after=tuple(after[name]),
            drift=drift,
        )
        for name, planned in rows.items()
    }


def _measurement(worker: Worker, planned: Planned, seed: int) -> Measurement:
    """Return one measurement of a row; raise UnavailableError where there is none."""
    outcome = worker.tried(planned, seed).outcome
    if outcome.measurement is None:
        raise UnavailableError(f"{named_in_words(planned)}: {outcome.failure}")
    return outcome.measurement
