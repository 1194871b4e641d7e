"""Two versions of the same code: is one slower? The pair of processes is the unit, not the call.

Most of the noise between two versions is per process (how its memory happens to lie), which no
repetition within a process averages out; so few samples are taken of each of many fresh pairs, and
the test runs on one log ratio a pair.
"""

from __future__ import annotations

import math
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pvtprof import units
from pvtprof.analytic.rows import analytic_rows
from pvtprof.errors import SpecError, UnavailableError
from pvtprof.records import FAILED, PASSED, UNDECIDED, Case
from pvtprof.spec import IN_CHANNELS, Workload

if TYPE_CHECKING:
    from pvtprof.observe.sides import Side

#: A ratio within so much of 1 is never called faster or slower: process pairs differ by themselves.
MARGIN = 0.01
#: Chance of calling one row of identical code slower, before the confirming measurement.
ALPHA = 0.01
#: Fewest pairs, an even number, from which the test can reach ALPHA for one row (2^-8 < 1 %).
FEWEST_PAIRS = 8
#: One pair of processes is sampled so many seconds, both together.
PAIR_S = 0.7
SLOWER, FASTER, SAME, CANNOT_TELL = "slower", "faster", "same", "cannot tell"


@dataclass(frozen=True)
class Judgement:
    """Head against base in one row: ``ratios`` of processor time, one a pair of processes.

    ``rows`` is by how many rows the test is corrected; ``tolerance`` is the slowdown that matters.
    """

    row: str
    ratios: tuple[float, ...]
    wall: tuple[float, ...]
    rows: int = 1
    tolerance: float = 0.05

    @property
    def ratio(self) -> float:
        """The geometric mean of the ratios."""
        return math.exp(sum(self.logs) / len(self.logs))

    @cached_property
    def logs(self) -> tuple[float, ...]:
        """The ratios' logarithms: what is averaged and tested."""
        return tuple(map(math.log, self.ratios))

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Its 98 % interval (99 % on either side), corrected for the number of rows.

        Source: Student's t over the pairs' log ratios, ``scipy.stats.ttest_1samp``.
        """
        from scipy.stats import ttest_1samp

        found = ttest_1samp(self.logs, 0.0)
        low, high = found.confidence_interval(1 - 2 * ALPHA / self.rows)
        return math.exp(low), math.exp(high)

    @cached_property
    def verdict(self) -> str:
        """SLOWER, FASTER, SAME (no slowdown of ``tolerance``), or CANNOT_TELL.

        Slower or faster by a sign-flip permutation test over the pairs, beyond MARGIN
        (``scipy.stats.permutation_test``).
        """
        margin = math.log1p(MARGIN)
        if self._is_surely_positive([x - margin for x in self.logs]):
            return SLOWER
        if self._is_surely_positive([-x - margin for x in self.logs]):
            return FASTER
        return SAME if self.interval[1] < 1 + self.tolerance else CANNOT_TELL

    def _is_surely_positive(self, values: Sequence[float]) -> bool:
        import numpy as np
        from scipy.stats import permutation_test

        found = permutation_test(
            (np.array(values),), np.mean, permutation_type="samples", alternative="greater",
            n_resamples=20_000, random_state=0,
        )  # fmt: skip
        return bool(found.pvalue < ALPHA / self.rows)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.row}: {self.verdict}: {units.percent(self.ratio, 1)} of base's processor time "
            f"({units.percent(low, 1)} to {units.percent(high, 1)}, {len(self.ratios)} pairs)"
        )


@dataclass(frozen=True, slots=True)
class Versions:
    """Where base and head are: folders put first on the path, and the Pythons that run them."""

    base: str
    head: str
    base_python: str
    head_python: str


@contextmanager
def base_folder(base: str) -> Iterator[str]:
    """The folder that BASE names: itself, or a git ref's worktree, gone again afterwards."""
    if Path(base).is_dir():
        yield str(Path(base).resolve())
        return
    top = _git("rev-parse", "--show-toplevel")
    if top is None:
        raise SpecError(f"base {base!r} is no folder, and this is no git repository; name a folder")
    commit = None if base.startswith("-") else _git("rev-parse", "--verify", f"{base}^{{commit}}")
    if commit is None:
        raise SpecError(f"base {base!r} is neither a folder nor a commit, branch or tag here")
    inside = Path.cwd().resolve().relative_to(Path(top).resolve())
    with tempfile.TemporaryDirectory(prefix="pvtprof-base-") as folder:
        tree = Path(folder, "tree")
        try:
            if _git("worktree", "add", "--detach", "--quiet", str(tree), commit) is None:
                raise UnavailableError(f"git could not check out {base!r} beside this one")
            yield str(tree / inside)
        finally:
            _git("worktree", "remove", "--force", str(tree))
            _git("worktree", "prune")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def own_rows(workload: Workload) -> dict[str, dict[str, Any]]:
    """What the worker builds for each row of pvtprof's own, by names that all versions have."""
    found: dict[str, dict[str, Any]] = {}
    for row in analytic_rows(workload):
        common = {"attention": workload.attention, "pool_size": workload.pool_size}
        extra: dict[str, Any]
        if row.scope.stage is None:
            size = [workload.batch, IN_CHANNELS, workload.height, workload.width]
            named = {"model": workload.model, "variant": row.scope.variant}
            extra = {**named, "sr_ratios": workload.sr_ratios, "input": size}
        else:
            stage = workload.spec(row.scope.variant).stages[row.scope.stage - 1]
            shape = [workload.batch, row.tokens, stage.dim]
            extra = {"stage": asdict(stage), "grid": row.grid, "input": shape}
        found[str(row.scope)] = {**common, **extra}
    return found


#: What a verdict means for a gate.
STATUS = {SLOWER: FAILED, FASTER: PASSED, SAME: PASSED, CANNOT_TELL: UNDECIDED}


def outcome(judgements: Sequence[Judgement]) -> tuple[str, list[Case]]:
    """What the judgements say, the last line the one that matters; and the case of every row."""
    cases = [Case(j.row, "latency", STATUS[j.verdict], (str(j),)) for j in judgements]
    lines = [f"- {judgement}" for judgement in judgements]
    slower = [case.row for case in cases if case.status == FAILED]
    unsure = [j for j in judgements if STATUS[j.verdict] == UNDECIDED]
    if slower:
        lines.append(f"check: slower than base, measured twice: {', '.join(slower)}")
    elif unsure:
        names = ", ".join(j.row for j in unsure)
        lines.append(
            f"check: cannot tell whether {names} became slower by {unsure[0].tolerance:.0%}; "
            f"a budget of about {max(map(_deciding_pairs, unsure)) * PAIR_S:.0f} s a row would"
        )
    else:
        lines.append(f"check: no row of {len(judgements)} is slower than base")
    return "\n".join(lines) + "\n", cases


def _deciding_pairs(judgement: Judgement) -> int:
    """About how many pairs would bring the interval within the tolerance: it goes with 1/sqrt."""
    low, high = (math.log(x) for x in judgement.interval)
    room = math.log1p(judgement.tolerance) - max(0.0, (low + high) / 2)
    half = (high - low) / 2
    times = (half / room) ** 2 if room > 0 else 4.0
    return math.ceil(len(judgement.ratios) * min(100.0, max(1.5, 1.2 * times)))


def judged(
    versions: Versions,
    rows: Mapping[str, Mapping[str, Any]],
    *,
    target: str | None = None,
    dtype: str = "float32",
    device: str = "cpu",
    budget_s: float = 20.0,
    tolerance: float = 0.05,
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Judgement]:
    """Measure and judge every row; a slower one is measured once more, and must be so again.

    ``rows`` maps a name to what the worker builds (None with a target). ``budget_s`` is for each
    row, without the confirmation. Raises UnavailableError where a side cannot be measured.
    """
    from pvtprof.observe.sides import sides

    pairs = int(budget_s / PAIR_S) // 2 * 2  # even: either side goes first as often
    if pairs < FEWEST_PAIRS:
        raise SpecError(
            f"budget is {budget_s:g} s; use {FEWEST_PAIRS * PAIR_S + 0.1:g} or more for each row"
        )
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [None]
    common = {"target": target, "dtype": dtype, "device": device, "threads": 1, "core": cores[-1]}
    setup = {name: {**common, "root": getattr(versions, name)} for name in ("base", "head")}
    python = {"base": versions.base_python, "head": versions.head_python}
    found = []
    with sides(python, setup) as (base, head):
        if base.said == head.said and versions.base_python == versions.head_python:
            raise SpecError(
                f"base and head both import {base.said['source']}: there is nothing to compare; "
                "is the package installed from elsewhere?"
            )
        for number, (name, row) in enumerate(rows.items()):
            for attempt in range(2):
                first = seed + 10_000 * number + 1_000 * attempt
                judgement = _measured(
                    name, row, (base, head), range(first, first + 2 * pairs, 2),
                    len(rows), tolerance, progress,
                )  # fmt: skip
                if judgement.verdict != SLOWER:
                    break
            found.append(judgement)
    return found


def _measured(
    name: str,
    row: Any,
    both: tuple[Side, Side],
    seeds: Sequence[int],
    rows: int,
    tolerance: float,
    progress: Callable[[str], None],
) -> Judgement:
    from pvtprof.observe.sides import pair

    taken: list[Mapping[str, float]] = []
    for i, seed in enumerate(seeds):
        progress(f"{name}: pair {i + 1} of {len(seeds)}")
        taken.append(pair(*both, row, i, seed, PAIR_S))
    return Judgement(
        name, tuple(t["cpu"] for t in taken), tuple(t["wall"] for t in taken), rows, tolerance
    )
