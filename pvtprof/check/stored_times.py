"""The clock against a stored baseline: only where the machine is the same, and never in silence.

Between two runs a machine is faster or slower as a whole: each process times a row and a reference
(a matrix product and a softmax) in turns, and what is kept is their ratio.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from pvtprof.check.baseline import Baseline, Timed
from pvtprof.check.case import SKIPPED, UNDECIDED, Case
from pvtprof.check.judgement import Unpaired, confirmed, fewest_processes, outcome
from pvtprof.designs.workload import Workload
from pvtprof.observe.machine import Environment

if TYPE_CHECKING:
    from pvtprof.observe.worker import Sampler

#: A process is sampled so many seconds, row and reference together.
PROCESS_S = 0.2
REFERENCE = "reference"
WAY_OUT = "time side by side with --base, or store surer times with --update --latency --budget 30"
Progress = Callable[[str], None]


def conditions(environment: Environment, workload: Workload) -> dict[str, str]:
    """What must be the same for two times to mean something, by name."""
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
    workload: Workload,
    target: str | None,
    rows: Sequence[str],
    of: int,
    budget_s: float,
    progress: Progress = lambda text: None,
) -> Timed:
    """Time ``rows``, each in a number of fresh processes, about ``budget_s`` / 2 seconds a row.

    ``of`` is how many rows there are in all, for which the tests are corrected. Raises
    UnavailableError where a row cannot be timed here.
    """
    from pvtprof.observe.sides import Setup, last_core, sides
    from pvtprof.run.recipes import of_rows

    what = of_rows(workload.designs, workload.setting, target)
    root = os.getcwd() if target else str(Path(__file__).parents[2])
    setup = Setup(root, target, workload.dtype, workload.device, workload.mode, core=last_core())
    found: dict[str, tuple[float, ...]] = {}
    with sides({"the timed process": setup}) as (side,):
        for name in rows:
            taken: list[float] = []
            begin = time.perf_counter()
            while (
                len(taken) < fewest_processes(of)
                or (time.perf_counter() - begin) * (1 + 1 / len(taken)) < budget_s / 2
            ):
                progress(f"{name}: process {len(taken) + 1}")
                request = {name: what[name], REFERENCE: REFERENCE}
                with side.forked(request, seed=len(taken)) as samplers:
                    taken.append(_ratio(samplers[name], samplers[REFERENCE]))
            found[name] = tuple(taken)
    return Timed(conditions(environment, workload), found)


def _ratio(row: Sampler, reference: Sampler) -> float:
    """The row's time over the reference's, the medians over turns in one process."""
    from pvtprof.observe.sides import calls_for, machine_s, warm

    both = [(sample, calls_for(warm(sample))) for sample in (row, reference)]
    begin = time.perf_counter()
    taken: list[list[float]] = []
    while len(taken) < 3 or time.perf_counter() - begin < PROCESS_S:
        taken.append([machine_s(sample(calls)) for sample, calls in both])
    times, references = zip(*taken, strict=True)
    return float(median(times) / median(references))


def refusals(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Why the times cannot be compared, one reason a condition."""
    for name in dict.fromkeys((*before, *now)):
        then, here = before.get(name, "not said"), now.get(name, "not said")
        if then != here:
            yield f"the baseline was timed with {name} {then}, this is {here}"


def gate(
    path: str,
    old: Baseline,
    new: Baseline,
    required: bool,
    budget_s: float,
    tolerance: float,
    progress: Progress,
) -> tuple[str, list[Case]]:
    """Time again what ``old`` has times of: what is said, and the case of every row.

    A slower row is timed once more, and must be so again. Where times cannot be compared, every
    row says why; with ``required`` that could not be decided, else it is skipped.
    """
    here = conditions(new.environment, old.workload)
    if old.timed is None:
        again = f"`pvtprof check {path} --update --latency`"
        reasons = [f"{path} holds no times; to have some: {again}"]
    else:
        reasons = list(refusals(old.timed.conditions, here))
        reasons += [f"{path} has no time of {row}" for row in old.rows if row not in old.timed.rows]
        reasons += [f"there is no row {row} now" for row in old.timed.rows if row not in new.rows]
    if old.timed is None or reasons:
        lines = [f"- latency is not compared: {reason}" for reason in reasons]
        status = UNDECIDED if required else SKIPPED
        cases = [Case(row, "latency", status, tuple(reasons)) for row in old.rows]
        return "\n".join([*lines, f"check: latency is not compared: {reasons[0]}"]) + "\n", cases
    before = old.timed.rows

    def measured(rows: Sequence[str], attempt: int) -> dict[str, Unpaired]:
        now = timed(
            new.environment, old.workload, old.target, rows, len(old.rows), budget_s, progress
        )
        return {
            row: Unpaired(
                row=row, rows=len(old.rows), tolerance=tolerance, way_out=WAY_OUT,
                before=before[row], after=now.rows[row],
            )
            for row in rows
        }  # fmt: skip

    return outcome(confirmed(list(old.rows), measured), path, ", measured twice")
