"""The clock against a stored baseline: only where the machine is the same, and never in silence.

Between two runs a machine is faster or slower as a whole: each process times a row and a reference
(a matrix product and a softmax) in turns, and what is kept is their ratio.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from pvtprof import cores
from pvtprof.check.baseline import Baseline, Timed
from pvtprof.check.case import SKIPPED, UNDECIDED, Case
from pvtprof.check.judgement import Unpaired, confirmed, fewest_processes, outcome
from pvtprof.check.request import Checked, Progress, Timing
from pvtprof.check.result import GateResult, result
from pvtprof.designs.workload import Workload
from pvtprof.observe.machine import Environment
from pvtprof.run.recipes import of_rows

if TYPE_CHECKING:
    from pvtprof.observe.clocks import Sampler
    from pvtprof.observe.sides import Side

#: A process is sampled so many seconds, row and reference together.
PROCESS_S = 0.2
REFERENCE = "reference"
WAY_OUT = "time side by side with --base, or store surer times with --update --latency --budget 30"


def conditions(environment: Environment, workload: Workload) -> dict[str, str]:
    """Return the conditions that must be equal for two times to be comparable, by name."""
    return {
        "device": environment.device,
        "driver": environment.driver or "none",
        "CUDA": environment.cuda or "none",
        "torch": environment.torch or "none",
        "threads": "1",
        "dtype": workload.dtype,
        "attention": workload.attention,
    }


def timed(
    environment: Environment,
    checked: Checked,
    rows: Sequence[str],
    of: int,
    timing: Timing,
    progress: Progress = lambda text: None,
) -> Timed:
    """Time ``rows``, each in a number of fresh processes, about half the budget for a row.

    ``of`` is how many rows there are in all, for which the tests are corrected. Raises
    UnavailableError where a row cannot be timed here.
    """
    from pvtprof.observe.sides import Setup, sides

    work, target = checked.workload, checked.target
    recipes = of_rows(work.designs, work.setting, target)
    root = os.getcwd() if target else str(Path(__file__).parents[2])
    setup = Setup(
        root,
        target,
        work.dtype,
        work.device,
        work.mode,
        core=cores.last(),
        tf32=checked.tf32,
        patience_s=checked.patience_s,
    )
    ratios: dict[str, tuple[float, ...]] = {}
    with sides({"the timed process": setup}) as (side,):
        for name in rows:
            ratios[name] = _ratios(side, name, recipes[name], of, timing, progress)
    return Timed(conditions(environment, work), ratios)


def _ratios(
    side: Side, name: str, recipe: Any, of: int, timing: Timing, progress: Progress
) -> tuple[float, ...]:
    """Return the row's time over the reference's, one for each process.

    Each process counts on as many seconds as those before it took.
    """
    ratios: list[float] = []
    begin = time.perf_counter()
    while (
        len(ratios) < fewest_processes(of)
        or (time.perf_counter() - begin) * (1 + 1 / len(ratios)) < timing.budget_s / 2
    ):
        progress(f"{name}: process {len(ratios) + 1}")
        request = {name: recipe, REFERENCE: REFERENCE}
        with side.forked(request, seed=timing.seed + len(ratios)) as samplers:
            ratios.append(_ratio(samplers[name], samplers[REFERENCE]))
    return tuple(ratios)


def _ratio(row: Sampler, reference: Sampler) -> float:
    """Return the row's median time over the reference's in one process."""
    from pvtprof.observe.sides import calls_for, machine_s, warm

    both = [(sample, calls_for(warm(sample))) for sample in (row, reference)]
    begin = time.perf_counter()
    turns: list[list[float]] = []
    while len(turns) < 3 or time.perf_counter() - begin < PROCESS_S:
        turns.append([machine_s(sample(calls)) for sample, calls in both])
    times, references = zip(*turns, strict=True)
    return float(median(times) / median(references))


def refusals(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield the reasons why times cannot be compared, one a condition."""
    for name in dict.fromkeys((*before, *now)):
        then, here = before.get(name, "not said"), now.get(name, "not said")
        if then != here:
            yield f"the baseline was timed with {name} {then}, this is {here}"


def gate(
    path: str,
    old: Baseline,
    new: Baseline,
    required: bool,
    timing: Timing,
    progress: Progress,
) -> GateResult:
    """Time every row of ``old`` again, and judge it.

    A slower row is timed once more, and must be so again. Where times cannot be compared, every
    row says why; with ``required`` that could not be decided, else it is skipped.
    """
    reasons = _refusals(path, old, new)
    if old.timed is None or reasons:
        lines = [f"- latency is not compared: {reason}" for reason in reasons]
        status = UNDECIDED if required else SKIPPED
        cases = [Case(row, "latency", status, tuple(reasons)) for row in old.rows]
        return result([*lines, f"check: latency is not compared: {reasons[0]}"], cases)
    before, checked = old.timed.rows, Checked(new.workload, old.target)

    def measured(rows: Sequence[str], attempt: int) -> dict[str, Unpaired]:
        now = timed(new.environment, checked, rows, len(old.rows), timing, progress)
        return {
            row: Unpaired(
                row=row,
                rows=len(old.rows),
                tolerance=timing.tolerance,
                way_out=WAY_OUT,
                before=before[row],
                after=now.rows[row],
            )
            for row in rows
        }

    return outcome(confirmed(list(old.rows), measured), path, ", measured twice")


def _refusals(path: str, old: Baseline, new: Baseline) -> list[str]:
    """Return the reasons why the times of a baseline cannot be compared with new ones."""
    if old.timed is None:
        again = f"`pvtprof check {path} --update --latency`"
        return [f"{path} holds no times; to have some: {again}"]
    return [
        *refusals(old.timed.conditions, conditions(new.environment, old.workload)),
        *(f"{path} has no time of {row}" for row in old.rows if row not in old.timed.rows),
        *(f"there is no row {row} now" for row in old.timed.rows if row not in new.rows),
    ]
