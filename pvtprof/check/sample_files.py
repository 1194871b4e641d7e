"""The gate over files of pytest-benchmark: figures and times before, against those of now.

One file is one process, and the process is the unit of the test. So times need folders of files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from pvtprof import units
from pvtprof.check.case import FAILED, PASSED, UNDECIDED, Case
from pvtprof.check.judgement import Unpaired, fewest_processes, outcome
from pvtprof.check.result import GateResult, result
from pvtprof.decode import loaded
from pvtprof.errors import SpecError, StoreError
from pvtprof.observe.measurement import LONGEST_S

_AGAIN = "make a file with `pytest --benchmark-json FILE`"
#: Exact figures that the fixture pvt_benchmark stores: only the code can change them.
EXACT = ("macs", "params", "peak_bytes", "saved_bytes")


@dataclass
class Samples:
    """Medians (seconds, one a process) and exact figures of each benchmark, by its full name."""

    medians: dict[str, list[float]] = field(default_factory=dict)
    exact: dict[str, dict[str, int]] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)


class _Cpu(Struct, frozen=True):
    brand_raw: str | None = None


class _Machine(Struct, frozen=True):
    system: str
    machine: str
    python_version: str
    cpu: _Cpu | None = None

    @property
    def conditions(self) -> dict[str, str]:
        processor = (self.cpu and self.cpu.brand_raw) or "not said"
        named = {name: getattr(self, name) for name in ("system", "machine", "python_version")}
        return {**named, "processor": processor}


class _Stats(Struct, frozen=True):
    median: Annotated[float, Meta(gt=0, le=LONGEST_S)]


class _Info(Struct, frozen=True):
    macs: int | None = None
    params: int | None = None
    peak_bytes: int | None = None
    saved_bytes: int | None = None
    torch: str | None = None
    threads: str | None = None

    def known(self, names: Iterable[str]) -> dict[str, Any]:
        return {name: found for name in names if (found := getattr(self, name)) is not None}


class _Benchmark(Struct, frozen=True):
    fullname: str
    extra_info: _Info
    stats: _Stats


class _File(Struct, frozen=True):
    """The part of a file of pytest-benchmark that pvtprof reads."""

    machine_info: _Machine
    benchmarks: tuple[_Benchmark, ...]

    def __post_init__(self) -> None:
        if not self.benchmarks:
            raise SpecError("benchmarks is empty")

    @property
    def samples(self) -> Samples:
        found = Samples(conditions=self.machine_info.conditions)
        for one in self.benchmarks:
            found.medians[one.fullname] = [one.stats.median]
            found.exact[one.fullname] = one.extra_info.known(EXACT)
            found.conditions.update(one.extra_info.known(("torch", "threads")))
        return found


def load(path: str) -> Samples:
    """Return the samples of a file, or of every .json file below a folder."""
    place = Path(path)
    files = sorted(place.rglob("*.json")) if os.path.isdir(path) else [place]
    if not files:
        raise StoreError(f"there is no .json file in {path}; {_AGAIN}")
    found = Samples()
    for file in files:
        one = loaded(file, {None: _File}, _AGAIN).samples
        for name, values in one.medians.items():
            found.medians.setdefault(name, []).extend(values)
            if found.exact.setdefault(name, one.exact[name]) != one.exact[name]:
                raise StoreError(
                    f"{file}: the exact figures of {name} differ from those in the other files; "
                    "use files of one version"
                )
        if found.conditions and found.conditions != one.conditions:
            reason = next(_differences(found.conditions, one.conditions))
            raise StoreError(
                f"{file} differs from the other files: {reason}; use files of one machine"
            )
        found.conditions = one.conditions
    return found


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        then, now = before.get(name, "not said"), after.get(name, "not said")
        if then != now:
            yield f"{name} was {then} and is {now}"


def gate(path: str, before: Samples, after: Samples, tolerance: float) -> GateResult:
    """Compare the exact figures and times of every benchmark on either side."""
    names = dict.fromkeys((*before.exact, *after.exact))
    exact = [case for name in names for case in _exact(name, before, after)]
    failed = sum(case.status == FAILED for case in exact)
    lines = [f"- {line}" for case in exact for line in case.lines]
    if failed:
        lines.append(f"check: exact figures changed in {failed} of {len(exact)} benchmarks")
    both = [name for name in before.medians if name in after.medians]
    if reasons := _refusals(both, before, after):
        refused = [f"- latency is not compared: {reason}" for reason in reasons]
        last = [] if failed else [f"check: latency is not compared: {reasons[0]}"]
        cases = [Case(name, "latency", UNDECIDED, tuple(reasons)) for name in both]
        return result([*refused, *lines, *last], [*exact, *cases])
    timed = outcome(_judgements(both, before, after, tolerance), path)
    return result([*timed.text.splitlines(), *lines], [*exact, *timed.cases])


def _refusals(both: Sequence[str], before: Samples, after: Samples) -> list[str]:
    """Return why the times of the benchmarks on both sides cannot be compared."""
    reasons = list(_differences(before.conditions, after.conditions))
    needed = fewest_processes(len(both) or 1)
    fewest = min((len(s.medians[name]) for s in (before, after) for name in both), default=0)
    if fewest < needed:
        reasons.append(
            f"{fewest} process{'es' if fewest > 1 else ''} on a side cannot show the noise between "
            f"processes; on either side, run it {needed} times or more into a folder"
        )
    return reasons


def _judgements(
    both: Sequence[str], before: Samples, after: Samples, tolerance: float
) -> list[Unpaired]:
    return [
        Unpaired(
            row=name,
            rows=len(both),
            tolerance=tolerance,
            way_out="more files on either side may decide it",
            before=tuple(before.medians[name]),
            after=tuple(after.medians[name]),
        )
        for name in both
    ]


def _exact(name: str, before: Samples, after: Samples) -> Iterator[Case]:
    """Yield the case of a benchmark with exact figures, or that is on one side only."""
    if name not in before.exact or name not in after.exact:
        side = "before" if name in before.exact else "now"
        yield Case(name, "exact", FAILED, (f"{name}: there is only {side}",))
        return
    lines = [
        f"{name}: {what}: {_shown(then)} -> {_shown(now)}"
        for what in EXACT
        if (then := before.exact[name].get(what)) != (now := after.exact[name].get(what))
    ]
    if before.exact[name] or after.exact[name]:
        yield Case(name, "exact", FAILED if lines else PASSED, tuple(lines))


def _shown(value: int | None) -> str:
    return "absent" if value is None else units.integer(value)
