"""Verdicts on time: is a row slower than it was? Faster, the same, or can it not be told?"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import mean
from typing import Any

from pvtprof import units
from pvtprof.records import FAILED, PASSED, UNDECIDED, Case

#: Pairs of processes differ by themselves: within so much of 1 nothing is faster or slower.
MARGIN = 0.01
#: Two runs differ by more than two processes of one run: what MARGIN is between runs.
DRIFT = 0.03
#: Chance of calling one row of identical code slower, before the confirming measurement.
ALPHA = 0.01
#: Shares of the budget after which there is a look; what is clear then is not gone on with.
LOOKS = (0.5, 1.0)
SLOWER, FASTER, SAME, CANNOT_TELL = "slower", "faster", "same", "cannot tell"


@dataclass(frozen=True, kw_only=True)
class Judgement(ABC):
    """One row now against one before; the process is the unit, not the call.

    ``rows`` is by how many rows the tests are corrected; ``tolerance`` is the slowdown that
    matters; ``seconds`` is what the measuring took.
    """

    row: str
    rows: int = 1
    tolerance: float = 0.05
    seconds: float = 0.0
    margin: float = MARGIN

    @property
    @abstractmethod
    def ratio(self) -> float:
        """Time now over time before: the geometric mean."""

    @cached_property
    @abstractmethod
    def interval(self) -> tuple[float, float]:
        """The ratio's interval: 1 - ``level`` sure on either side."""

    @abstractmethod
    def is_surely_beyond(self, share: float) -> bool:
        """Whether the ratio is above 1 + share; of a negative share, below 1 / (1 - share)."""

    @property
    @abstractmethod
    def basis(self) -> str:
        """From how many of what it was found."""

    @property
    def level(self) -> float:
        """The chance of error that one side of one test may have: ALPHA, over rows and looks."""
        return ALPHA / (self.rows * len(LOOKS))

    @property
    def clear(self) -> bool:
        """Whether more measuring would hardly change the verdict."""
        return self.verdict in (SLOWER, FASTER) or self.interval[1] < 1 + self.tolerance / 2

    @cached_property
    def verdict(self) -> str:
        """SLOWER or FASTER (surely, by more than ``margin``), SAME (surely no slowdown of
        ``tolerance``), or CANNOT_TELL.
        """
        if self.is_surely_beyond(self.margin):
            return SLOWER
        if self.is_surely_beyond(-self.margin):
            return FASTER
        return SAME if self.interval[1] < 1 + self.tolerance else CANNOT_TELL

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.row}: {self.verdict}: {units.percent(self.ratio, 1)} of the time before "
            f"({units.percent(low, 1)} to {units.percent(high, 1)}, {self.basis})"
        )


@dataclass(frozen=True, kw_only=True)
class Unpaired(Judgement):
    """Processes of two runs at two times: seconds of a call, one a process, ``before`` and now."""

    before: tuple[float, ...]
    after: tuple[float, ...]

    @cached_property
    def logs(self) -> tuple[list[float], list[float]]:
        """The logarithms of both: before, after."""
        return [math.log(x) for x in self.before], [math.log(x) for x in self.after]

    @property
    def ratio(self) -> float:
        """Time now over time before: of the geometric means."""
        return math.exp(mean(self.logs[1]) - mean(self.logs[0]))

    @cached_property
    def interval(self) -> tuple[float, float]:
        """By Welch's t over the processes' logarithms (``scipy.stats.ttest_ind``)."""
        from scipy.stats import ttest_ind

        found = ttest_ind(self.logs[1], self.logs[0], equal_var=False)
        low, high = found.confidence_interval(1 - 2 * self.level)
        return math.exp(low), math.exp(high)

    def is_surely_beyond(self, share: float) -> bool:
        """By a permutation test of all processes over the two runs."""
        import numpy as np

        sign = math.copysign(1, share)
        before, after = (sign * np.array(logs) for logs in self.logs)
        samples = after - math.log1p(abs(share)), before
        return permuted(samples, _difference, "independent") < self.level

    @property
    def basis(self) -> str:
        """How many processes there were."""
        return f"{len(self.before)} processes then, {len(self.after)} now"


def _difference(x: Any, y: Any, axis: int) -> Any:
    return x.mean(axis=axis) - y.mean(axis=axis)


def fewest_processes(rows: int) -> int:
    """Fewest processes on either side from which Unpaired reaches ALPHA for so many rows.

    Of n and n the smallest p is 1 in (2n choose n); three more, so that one does not decide.
    """
    needed = rows * len(LOOKS) / ALPHA
    return next(n for n in range(2, 100) if math.comb(2 * n, n) > needed) + 3


def permuted(samples: Sequence[Any], statistic: Callable[..., Any], kind: str) -> float:
    """One-sided p that ``statistic`` is this large by chance (``scipy.stats.permutation_test``).

    Exact up to 20,000 permutations; above, from so many at random, with a fixed seed.
    """
    from scipy.stats import permutation_test

    found = permutation_test(  # type: ignore[call-overload] # its stubs name every literal
        samples, statistic, permutation_type=kind, alternative="greater", n_resamples=20_000,
        vectorized=True, random_state=0,
    )  # fmt: skip
    return float(found.pvalue)


#: What a verdict means for a gate.
STATUS = {SLOWER: FAILED, FASTER: PASSED, SAME: PASSED, CANNOT_TELL: UNDECIDED}


def outcome(judgements: Sequence[Judgement], before: str) -> tuple[str, list[Case]]:
    """What the judgements say, the last line the one that matters; and the case of every row.

    ``before`` is what they were held against, in words.
    """
    cases = [Case(j.row, "latency", STATUS[j.verdict], (str(j),)) for j in judgements]
    lines = [f"- {judgement}" for judgement in judgements]
    slower = [case.row for case in cases if case.status == FAILED]
    unsure = [j for j in judgements if STATUS[j.verdict] == UNDECIDED]
    if slower:
        lines.append(f"check: slower than {before}: {', '.join(slower)}")
    elif unsure:
        names = ", ".join(j.row for j in unsure)
        lines.append(
            f"check: cannot tell whether {names} became slower by {unsure[0].tolerance:.0%}; "
            f"--budget {max(map(_deciding_s, unsure))} (seconds a row) would, by what was seen"
        )
    else:
        lines.append(f"check: no row of {len(judgements)} is slower than {before}")
    return "\n".join(lines) + "\n", cases


def _deciding_s(judgement: Judgement) -> int:
    """About what budget would bring the interval within the tolerance: it goes with 1/sqrt."""
    low, high = (math.log(x) for x in judgement.interval)
    room = math.log1p(judgement.tolerance) - max(0.0, (low + high) / 2)
    half = (high - low) / 2
    times = (half / room) ** 2 if room > 0 else 4.0
    return math.ceil(judgement.seconds * min(100.0, max(1.5, 1.2 * times)))
