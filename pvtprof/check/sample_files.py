"""Files of pytest-benchmark as samples: what was measured before, against what is measured now.

One file is one process, and the process is the unit: a folder of files says more than one file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pvtprof import units
from pvtprof.check.case import FAILED, PASSED, UNDECIDED, Case
from pvtprof.check.judgement import Judgement, Unpaired, fewest_processes, outcome
from pvtprof.errors import StoreError
from pvtprof.fields import Fields, parsed, text_of

_AGAIN = "make one with `pytest --benchmark-json FILE`"
#: What the fixture pvt_benchmark stores and nothing but the code may change.
EXACT = ("macs", "params", "peak_bytes", "saved_bytes")


@dataclass
class Samples:
    """Of each benchmark, by its full name: the median of each process (seconds), exact figures."""

    medians: dict[str, list[float]] = field(default_factory=dict)
    exact: dict[str, dict[str, int]] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)


def load(path: str) -> Samples:
    """Read a file, or every .json file below a folder; raises StoreError for any other."""
    place = Path(path)
    files = sorted(place.rglob("*.json")) if place.is_dir() else [place]
    if not files:
        raise StoreError(f"there is no .json file in {path}; {_AGAIN}")
    found = Samples()
    for file in files:
        text = text_of(file, _AGAIN)
        one = parsed(text, str(file), {None: _samples}, _AGAIN)
        for name, values in one.medians.items():
            found.medians.setdefault(name, []).extend(values)
            if found.exact.setdefault(name, one.exact[name]) != one.exact[name]:
                raise StoreError(f"{file}: {name} has other exact figures than the files before it")
        if found.conditions and found.conditions != one.conditions:
            reason = next(_differences(found.conditions, one.conditions))
            raise StoreError(f"{file} does not go with the files before it: {reason}")
        found.conditions = one.conditions
    return found


def _samples(document: Fields) -> Samples:
    machine = document.object("machine_info")
    cpu = machine.object("cpu") if machine.has("cpu") else Fields({}, "cpu.")
    said = {name: machine.text(name) for name in ("system", "machine", "python_version")}
    said["processor"] = cpu.text("brand_raw") if cpu.has("brand_raw") else "not said"
    found = Samples(conditions=said)
    for i, one in enumerate(document.list("benchmarks")):
        benchmark = Fields(one, f"benchmarks[{i}].")
        name, more = benchmark.text("fullname"), benchmark.object("extra_info")
        found.medians[name] = [benchmark.object("stats").seconds("median")]
        found.exact[name] = {what: more.whole(what) for what in EXACT if more.has(what)}
        for what in ("torch", "threads"):
            if more.has(what):
                said[what] = more.text(what)
    if not found.medians:
        raise StoreError("benchmarks is empty")
    return found


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        then, now = before.get(name, "not said"), after.get(name, "not said")
        if then != now:
            yield f"{name} was {then}, and is {now}"


def gate(path: str, before: Samples, after: Samples, tolerance: float) -> tuple[str, list[Case]]:
    """Exact figures and times of every benchmark on either side: what is said, and the cases."""
    names = dict.fromkeys((*before.exact, *after.exact))
    exact = [case for name in names for case in _exact(name, before, after)]
    both = [name for name in before.medians if name in after.medians]
    needed = fewest_processes(len(both) or 1)
    fewest = min((len(s.medians[name]) for s in (before, after) for name in both), default=0)
    reasons = list(_differences(before.conditions, after.conditions))
    if fewest < needed:
        reasons.append(
            f"{fewest} process{'es' if fewest > 1 else ''} on a side says too little of the noise "
            f"between processes; run it {needed} times or more, on either side, into a folder"
        )
    judgements: list[Judgement] = [] if reasons else [
        Unpaired(row=name, rows=len(both), tolerance=tolerance,
                 way_out="more files on either side may tell",
                 before=tuple(before.medians[name]), after=tuple(after.medians[name]))
        for name in both
    ]  # fmt: skip
    lines = [f"- {line}" for case in exact for line in case.lines]
    failed = sum(case.status == FAILED for case in exact)
    if failed:
        lines.append(f"check: exact figures changed in {failed} of {len(exact)} benchmarks")
    if reasons:
        cases = [Case(name, "latency", UNDECIDED, tuple(reasons)) for name in both]
        lines[:0] = [f"- latency is not compared: {reason}" for reason in reasons]
        if not failed:
            lines.append(f"check: latency is not compared: {reasons[0]}")
        return "\n".join(lines) + "\n", [*exact, *cases]
    said, timed = outcome(judgements, path)
    return said + "".join(f"{line}\n" for line in lines), [*exact, *timed]


def _exact(name: str, before: Samples, after: Samples) -> Iterator[Case]:
    """The case of a benchmark that is there on one side alone, or has exact figures."""
    if name not in before.exact or name not in after.exact:
        side = "before" if name in before.exact else "now"
        yield Case(name, "exact", FAILED, (f"{name}: there {side} alone",))
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
