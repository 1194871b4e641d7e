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
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pvtprof import units
from pvtprof.errors import SpecError, UnavailableError
from pvtprof.records import FAILED, PASSED, UNDECIDED, Case

if TYPE_CHECKING:
    from pvtprof.observe.sides import Setup, Side

#: A ratio within so much of 1 is never called faster or slower: process pairs differ by themselves.
MARGIN = 0.01
#: Chance of calling one row of identical code slower, before the confirming measurement.
ALPHA = 0.01
#: One pair of processes is sampled so many seconds, both together (more where a call is long).
PAIR_S = 0.2
DEFAULT_BUDGET_S = 8.0
#: Shares of the budget after which the pairs are looked at; what is clear then is not gone on with.
LOOKS = (0.5, 1.0)
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
    seconds: float = 0.0  # that the measuring took

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
        """Its interval: 99 % sure on either side, corrected for the number of rows and looks.

        Source: Student's t over the pairs' log ratios, ``scipy.stats.ttest_1samp``.
        """
        from scipy.stats import ttest_1samp

        found = ttest_1samp(self.logs, 0.0)
        low, high = found.confidence_interval(1 - 2 * self.level)
        return math.exp(low), math.exp(high)

    @property
    def level(self) -> float:
        """The chance of error that one side of one test may have: ALPHA, over rows and looks."""
        return ALPHA / (self.rows * len(LOOKS))

    @property
    def clear(self) -> bool:
        """Whether more pairs would hardly change the verdict."""
        return self.verdict in (SLOWER, FASTER) or self.interval[1] < 1 + self.tolerance / 2

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
        return bool(found.pvalue < self.level)

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
            f"a budget of about {max(map(_deciding_s, unsure)):.0f} s a row would"
        )
    else:
        lines.append(f"check: no row of {len(judgements)} is slower than base")
    return "\n".join(lines) + "\n", cases


def _deciding_s(judgement: Judgement) -> int:
    """About what budget would bring the interval within the tolerance: it goes with 1/sqrt."""
    low, high = (math.log(x) for x in judgement.interval)
    room = math.log1p(judgement.tolerance) - max(0.0, (low + high) / 2)
    half = (high - low) / 2
    times = (half / room) ** 2 if room > 0 else 4.0
    return math.ceil(judgement.seconds * min(100.0, max(1.5, 1.2 * times)))


def judged(
    versions: Versions,
    rows: Mapping[str, Mapping[str, Any]],
    *,
    target: str | None = None,
    dtype: str = "float32",
    device: str = "cpu",
    budget_s: float = DEFAULT_BUDGET_S,
    tolerance: float = 0.05,
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Judgement]:
    """Measure and judge every row; a slower one is measured once more, and must be so again.

    ``rows`` maps a name to what the worker builds (None with a target). ``budget_s`` is for each
    row, without the confirmation, which is by fresh processes throughout. Raises UnavailableError
    where a side cannot be measured.
    """
    from pvtprof.observe.sides import Setup

    if not 0 < budget_s < float("inf"):
        raise SpecError(f"budget is {budget_s:g} s; use more than 0, such as {DEFAULT_BUDGET_S:g}")
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [None]
    where = {"base": (versions.base, versions.base_python),
             "head": (versions.head, versions.head_python)}  # fmt: skip
    setup = {
        name: Setup(root, target, dtype, device, core=cores[-1], python=python)
        for name, (root, python) in where.items()
    }
    found: dict[str, Judgement] = {}
    for attempt in range(2):
        again = [name for name in rows if name not in found or found[name].verdict == SLOWER]
        if not again:
            break
        with _started(setup) as both:
            for number, name in enumerate(again):
                first = seed + 10_000 * number + 1_000_000 * attempt
                found[name] = _judgement(
                    both, rows[name], first, name, len(rows), tolerance, budget_s, progress
                )
    return [found[name] for name in rows]


@contextmanager
def _started(setup: Mapping[str, Setup]) -> Iterator[tuple[Side, Side]]:
    from pvtprof.observe.sides import sides

    with sides(setup) as (base, head):
        if base.said == head.said and setup["base"].python == setup["head"].python:
            raise SpecError(
                f"base and head both import {base.said['source']}: there is nothing to compare; "
                "is the package installed from elsewhere?"
            )
        yield base, head


def fewest_pairs(rows: int) -> int:
    """Fewest pairs from which the sign-flip test reaches ALPHA, corrected for so many rows.

    Of n pairs the smallest p is 2^-n; three more, so that one contrary pair does not decide; an
    even number, so that either side goes first as often.
    """
    return 2 * math.ceil((math.log2(rows * len(LOOKS) / ALPHA) + 3) / 2)


def _judgement(
    both: tuple[Side, Side],
    row: Any,
    first: int,
    name: str,
    rows: int,
    tolerance: float,
    budget_s: float,
    progress: Callable[[str], None],
) -> Judgement:
    """Of pairs of processes, an even number, as many as the budget and the test need."""
    from pvtprof.observe.sides import pair

    taken: list[Mapping[str, float]] = []
    begin = time.perf_counter()
    for look in LOOKS:
        while (
            len(taken) < fewest_pairs(rows)
            or len(taken) % 2
            or (time.perf_counter() - begin) * (1 + 2 / len(taken)) < look * budget_s
        ):
            ratio = f", {taken[-1]['time']:.3f}" if taken else ""
            progress(f"{name}: pair {len(taken) + 1}{ratio}")
            taken.append(pair(*both, row, len(taken), first + 2 * len(taken), PAIR_S))
        found = Judgement(
            name, tuple(t["time"] for t in taken), tuple(t["wall"] for t in taken), rows, tolerance,
            time.perf_counter() - begin,
        )  # fmt: skip
        if found.clear:
            break
    return found
