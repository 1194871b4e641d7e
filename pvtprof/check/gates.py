"""The gates of `pvtprof check`, one after the other, and the one line that matters."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pvtprof import files
from pvtprof.check import baseline as baselines
from pvtprof.check import exact_figures, judgement, paired, sample_files, stored_times
from pvtprof.check.baseline import Baseline
from pvtprof.check.case import FAILED, PASSED, SKIPPED, UNDECIDED, Case
from pvtprof.designs.checks import one_of
from pvtprof.designs.workload import Workload
from pvtprof.errors import SpecError, UnavailableError
from pvtprof.run import recipes

Progress = Callable[[str], None]
#: From what may pass to what must be looked at first.
GRAVITY = (PASSED, SKIPPED, UNDECIDED, FAILED)


@dataclass(frozen=True)
class Said:
    """What a gate says, its last line the one that matters; and a case for every row."""

    text: str
    cases: Sequence[Case]
    matters: str = ""

    @property
    def last(self) -> str:
        """The line that matters."""
        return self.matters or self.text.splitlines()[-1]

    @property
    def worst(self) -> str:
        """The gravest status of its cases."""
        return max((case.status for case in self.cases), key=GRAVITY.index, default=PASSED)


def together(gates: Sequence[Said]) -> Said:
    """All of them; the gravest one's last line is the last, and of equals the first that ran."""
    gravest = max(gates, key=lambda said: GRAVITY.index(said.worst))
    cases = [case for said in gates for case in said.cases]
    again = f"{gravest.last}\n" if gates[-1].last != gravest.last else ""
    return Said(again, cases, gravest.last)


def exact(path: str, progress: Progress) -> tuple[Baseline, Baseline, Said]:
    """Hold the code to a baseline: what that holds, what is there now, and what the gate says.

    Raises StoreError for a file that is no baseline, UnavailableError where a row cannot run here.
    """
    old = baselines.load(path)
    old = replace(old, workload=on_device(old.workload))
    new = exact_figures.observed(old.workload, old.target, progress)
    return old, new, Said(*exact_figures.verdict(path, old, new))


def against_times(
    path: str, old: Baseline, new: Baseline, required: bool, budget_s: float, tolerance: float,
    progress: Progress,
) -> Said:  # fmt: skip
    """Hold times to a baseline's; ``required``: where they cannot be compared, it is no pass."""
    try:
        return Said(*stored_times.gate(path, old, new, required, budget_s, tolerance, progress))
    except UnavailableError as error:
        return _unmeasured(f"the times of {path}", error)


def _unmeasured(what: str, error: UnavailableError) -> Said:
    """That a gate could not measure is a verdict too; others keep theirs."""
    case = Case(what, "latency", UNDECIDED, (str(error),))
    return Said(f"check: {what} could not be compared: {error}\n", [case])


def update(
    path: str, workload: Workload | None, target: str | None, timed: bool, budget_s: float,
    force: bool, progress: Progress,
) -> Said:  # fmt: skip
    """Write a baseline, of ``workload`` and ``target``, or (None) of what it says itself."""
    if workload is None:
        old = baselines.load(path)
        workload, target, timed = old.workload, old.target, timed or old.timed is not None
    files.check_writable(path, force)
    work = on_device(workload)
    new = exact_figures.observed(work, target, progress)
    if timed:
        rows = list(new.rows)
        times = stored_times.timed(
            new.environment, work, target, rows, len(rows), budget_s, progress
        )
        new = replace(new, timed=times)
    files.write(path, baselines.dumps(new), force, ".json")
    held = "exact figures and times" if new.timed else "exact figures"
    return Said(f"check: wrote {path}, {held} of {len(new.rows)} rows\n", [])


def against_base(
    workload: Workload, target: str | None, base: str, base_python: str, only: Sequence[str],
    budget_s: float, tolerance: float, progress: Progress,
) -> Said:  # fmt: skip
    """Time base against head, side by side: what is said, and the case of every row."""
    rows = recipes.of_rows(workload.designs, workload.setting, target)
    for name in only:
        one_of("row", name, tuple(rows))
    chosen = {name: rows[name] for name in only} if only else rows
    notes: list[str] = []
    try:
        with paired.base_folder(base) as folder:
            versions = paired.Versions(folder, os.getcwd(), base_python, sys.executable)
            found = paired.judged(
                versions, chosen, target=target, dtype=workload.dtype, device=workload.device,
                mode=workload.mode, budget_s=budget_s, tolerance=tolerance, progress=progress,
                note=notes.append,
            )  # fmt: skip
    except UnavailableError as error:
        return _unmeasured(f"time against {base}", error)
    text, cases = judgement.outcome(found, base, ", measured twice")
    return Said("".join(f"- {note}\n" for note in notes) + text, cases)


def against_samples(path: str, samples: str, tolerance: float) -> Said:
    """Hold pytest-benchmark's files, now, to those of before: what is said, and the cases."""
    if Path(path).resolve() == Path(samples).resolve():
        raise SpecError(f"{path} is both BASELINE and --samples: there is nothing to compare")
    before, after = sample_files.load(path), sample_files.load(samples)
    return Said(*sample_files.gate(path, before, after, tolerance))


def on_device(workload: Workload) -> Workload:
    """The workload on the device that its name means here; raises UnavailableError for none."""
    from pvtprof.observe.subject import resolved_device

    return replace(workload, device=resolved_device(workload.device))


def report(said: Said, junit: str | None, markdown: str | None, force: bool) -> str:
    """Write the files that were asked for; returns what GitHub reads, where this runs there."""
    from pvtprof.check import formats

    if junit:
        files.write(junit, formats.junit(said.cases), force, ".xml")
    if markdown:
        text = formats.markdown(said.cases, said.last)
        files.write(markdown, text, force, ".md")
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            try:
                with Path(summary).open("a", encoding="utf-8") as file:
                    file.write(text)
            except OSError as error:
                print(f"pvtprof: no step summary: {error}", file=sys.stderr)
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return ""
    return "".join(f"{line}\n" for line in (*formats.commands(said.cases), said.last))
