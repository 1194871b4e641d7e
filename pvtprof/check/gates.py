"""The gates of `pvtprof check`, and the order in which they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from pvtprof import files
from pvtprof.check import baseline as baselines
from pvtprof.check import exact_figures, judgement, paired, sample_files, stored_sweep, stored_times
from pvtprof.check.base import base_folder
from pvtprof.check.baseline import Baseline
from pvtprof.check.case import UNDECIDED, Case
from pvtprof.check.request import AT_TWO_TIMES, SIDE_BY_SIDE, Checked, Progress, Request
from pvtprof.check.result import GateResult, result
from pvtprof.designs.checks import one_of
from pvtprof.errors import SpecError, UnavailableError
from pvtprof.run import recipes
from pvtprof.sweep.connection import is_sqlite

#: Opens the display of progress while a gate runs, and closes it before the result is printed.
Showing = Callable[[], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Observed:
    """The input of every gate: the request, the stored baseline, and the figures of now."""

    request: Request
    checked: Checked
    old: Baseline | None = None
    new: Baseline | None = None


@dataclass(frozen=True)
class Gate:
    """One gate: whether it applies to a request, and the function that judges."""

    applies: Callable[[Observed], bool]
    judge: Callable[[Observed, Progress], GateResult]


def results(request: Request, showing: Showing) -> Iterator[GateResult]:
    """Yield the result of every gate that was asked for, as soon as it is known.

    With --update, writing the baseline is the only result. Raises StoreError for a file that is not
    a baseline, UnavailableError if a row cannot run here.
    """
    if request.update:
        _check_no_store(str(request.baseline))
        with showing() as show:
            found = _update(request, show)
        yield found
        return
    if is_store(request.baseline):
        with showing() as show:
            found = stored_sweep.exact(str(request.baseline), show)
        yield found
        with showing() as show:
            found = _sweep_times(request, show)
        yield found
        if not request.base:
            return
        request = replace(request, baseline=None, require_latency=False)
    with showing() as show:
        observed = _observed(request, show)
    for gate in GATES.values():
        if gate.applies(observed):
            with showing() as show:
                found = gate.judge(observed, show)
            yield found


def is_store(path: str | None) -> bool:
    """Return whether a baseline is the store of a sweep, or any other file of SQLite."""
    return path is not None and is_sqlite(path)


def _check_no_store(path: str) -> None:
    """Raise SpecError where --update would write over a sweep."""
    if is_store(path):
        raise SpecError(
            f"{path} is the store of a sweep, which no check writes; `pvtprof sweep -o {path} "
            "--again` adds times to it, and another name holds a baseline"
        )


def _sweep_times(request: Request, progress: Progress) -> GateResult:
    """Compare the times of a few rows of a sweep."""
    timing = request.timing(AT_TWO_TIMES)
    return stored_sweep.times(str(request.baseline), request.require_latency, timing, progress)


def _observed(request: Request, progress: Progress) -> Observed:
    if not request.baseline or request.samples:
        return Observed(request, request.checked)
    old = baselines.load(request.baseline)
    limit = request.checked.limit
    checked = Checked(old.workload.again(), old.target, limit=limit).on_device()
    old = replace(old, workload=replace(old.workload, device=checked.workload.device))
    return Observed(request, checked, old, exact_figures.observed(checked, progress))


def exact(observed: Observed, progress: Progress) -> GateResult:
    """Compare every exact figure with the baseline."""
    old, new = _baselines(observed)
    return exact_figures.verdict(str(observed.request.baseline), old, new)


def against_stored_times(observed: Observed, progress: Progress) -> GateResult:
    """Compare times with those of the baseline, if the conditions are the same."""
    request, (old, new) = observed.request, _baselines(observed)
    path, timing = str(request.baseline), request.timing(AT_TWO_TIMES)
    try:
        return stored_times.gate(path, old, new, request.require_latency, timing, progress)
    except UnavailableError as error:
        return _unmeasured(f"the times of {path}", error)


def against_base(observed: Observed, progress: Progress) -> GateResult:
    """Time base and head side by side."""
    request, checked = observed.request, observed.checked.on_device()
    base, timing = str(request.base), request.timing(SIDE_BY_SIDE)
    rows = recipes.of_rows(checked.workload.designs, checked.workload.setting, checked.target)
    for name in request.rows:
        one_of("row", name, tuple(rows))
    chosen = {name: rows[name] for name in request.rows or rows}
    notes: list[str] = []
    try:
        with base_folder(base) as folder:
            python = request.base_python or sys.executable
            versions = paired.Versions(folder, os.getcwd(), python, sys.executable)
            found = paired.judged(versions, chosen, checked, timing, progress, notes.append)
    except UnavailableError as error:
        return _unmeasured(f"time against {base}", error)
    judged = judgement.outcome(found, base, ", measured twice")
    return replace(judged, text="".join(f"- {note}\n" for note in notes) + judged.text)


def against_samples(observed: Observed, progress: Progress) -> GateResult:
    """Compare files of pytest-benchmark of now with those of before."""
    path, samples = str(observed.request.baseline), str(observed.request.samples)
    if Path(path).resolve() == Path(samples).resolve():
        raise SpecError(f"{path} is both BASELINE and --samples; give two different files")
    before, after = sample_files.load(path), sample_files.load(samples)
    tolerance = observed.request.timing(AT_TWO_TIMES).tolerance
    return sample_files.gate(path, before, after, tolerance)


def _baselines(observed: Observed) -> tuple[Baseline, Baseline]:
    if observed.old is None or observed.new is None:
        raise SpecError("this gate needs a baseline; give the file")
    return observed.old, observed.new


def _unmeasured(what: str, error: UnavailableError) -> GateResult:
    """Return the result of a gate that could not measure: undecided."""
    reason = str(error)
    if reason.startswith(("base: ModuleNotFoundError", "base: AttributeError")):
        reason += "; where the base has no such module yet, there is nothing to compare"
    case = Case(what, "latency", UNDECIDED, (reason,))
    return result([f"check: {what} could not be compared: {reason}"], [case])


def _holds_times(observed: Observed) -> bool:
    request, old = observed.request, observed.old
    return old is not None and bool(old.timed or request.require_latency or request.tolerance)


#: Every gate by its name, in the order in which they run.
GATES: Mapping[str, Gate] = {
    "samples": Gate(lambda seen: seen.request.samples is not None, against_samples),
    "exact": Gate(lambda seen: seen.old is not None, exact),
    "stored times": Gate(_holds_times, against_stored_times),
    "base against head": Gate(lambda seen: seen.request.base is not None, against_base),
}


def _update(request: Request, progress: Progress) -> GateResult:
    """Write the baseline: of the rows that the options name, or else of its own rows."""
    path, checked, timed = str(request.baseline), request.checked, request.latency
    if not request.given:
        old = baselines.load(path, baselines.NAME_IT)
        checked = replace(checked, workload=old.workload.again(), target=old.target)
        timed = timed or old.timed is not None
    files.check_writable(path, request.force, ".json")
    checked = checked.on_device()
    new = exact_figures.observed(checked, progress)
    if timed:
        rows, timing = list(new.rows), request.timing(AT_TWO_TIMES)
        times = stored_times.timed(new.environment, checked, rows, len(rows), timing, progress)
        new = replace(new, timed=times)
    files.write(path, baselines.dumps(new), request.force, ".json")
    held = "exact figures and times" if new.timed else "exact figures"
    last = f"check: wrote {path}, {held} of {len(new.rows)} row{'s' * (len(new.rows) != 1)}"
    shown = [line for row, seen in new.rows.items() for line in exact_figures.figures(row, seen)]
    return result([*(shown if new.target else []), last], [])
