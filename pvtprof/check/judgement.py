"""Verdicts on time: slower, faster, the same, or cannot tell."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import mean
from typing import Any, ClassVar, TypeVar

from pvtprof import units
from pvtprof.check.case import FAILED, PASSED, UNDECIDED, Case
from pvtprof.check.result import GateResult, result

#: Pairs of processes differ by themselves: within so much of 1 nothing is faster or slower.
MARGIN = 0.01
#: How far below the slowdown that matters one must surely lie to be found, mostly.
SLACK = 0.04
#: Two runs differ by more than two processes of one run: MARGIN and SLACK between runs.
DRIFT, DRIFT_SLACK = 0.03, 0.07
#: Chance of calling one row of identical code slower, before the confirming measurement.
ALPHA = 0.01
#: Shares of the budget after which there is a look; what is clear then is not gone on with.
LOOKS = (0.5, 1.0)
#: So many permutations are all looked at; of more, so many at random, or what ``level`` needs.
RESAMPLES = 20_000
SLOWER, FASTER, SAME, CANNOT_TELL = "slower", "faster", "same", "cannot tell"


@dataclass(frozen=True, kw_only=True)
class Judgement(ABC):
    """One row now against the same row before; the process is the unit, not the call.

    ``rows`` is by how many rows the tests are corrected; ``tolerance`` is the slowdown that
    matters.
    """

    row: str
    rows: int = 1
    tolerance: float = 0.05
    #: Within so much of 1 nothing is faster or slower, and how far below ``tolerance`` it is found.
    floor: ClassVar[float] = MARGIN
    slack: ClassVar[float] = SLACK

    @property
    @abstractmethod
    def ratio(self) -> float:
        """Time now over time before: the geometric mean."""

    @cached_property
    @abstractmethod
    def interval(self) -> tuple[float, float]:
        """The interval of the ratio: 1 - ``level`` sure on either side."""

    @abstractmethod
    def is_surely_beyond(self, share: float) -> bool:
        """Return whether the ratio is above 1 + share (if negative, below 1 / (1 - share))."""

    @property
    @abstractmethod
    def basis(self) -> str:
        """The number of samples, for the message."""

    @property
    def margin(self) -> float:
        """What a slowdown must surely exceed to be called SLOWER: less than ``tolerance``.

        Else a slowdown of just ``tolerance`` would be found half the time.
        """
        return max(self.floor, self.tolerance - self.slack)

    @property
    @abstractmethod
    def way_out(self) -> str:
        """What would decide it, if it cannot be told."""

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
        """SLOWER (surely, by more than ``margin``), FASTER (by more than ``floor``), SAME (surely
        no slowdown of ``tolerance``), or CANNOT_TELL.
        """
        if self.is_surely_beyond(self.margin):
            return SLOWER
        if self.is_surely_beyond(-self.floor):
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
    """Two runs at two times: seconds of a call, one a process, ``before`` and ``after``."""

    floor: ClassVar[float] = DRIFT
    slack: ClassVar[float] = DRIFT_SLACK
    before: tuple[float, ...]
    after: tuple[float, ...]
    way_out: str = "more processes on either side may tell"

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
        """Return the verdict of a permutation test of all processes over the two runs."""
        import numpy as np

        sign = math.copysign(1, share)
        before, after = (sign * np.array(logs) for logs in self.logs)
        samples = after - math.log1p(abs(share)), before
        return surely_large(samples, _difference, "independent", self.level)

    @property
    def basis(self) -> str:
        """How many processes there were."""
        return f"{len(self.before)} processes then, {len(self.after)} now"


def _difference(x: Any, y: Any, axis: int) -> Any:
    return x.mean(axis=axis) - y.mean(axis=axis)


def fewest_processes(rows: int) -> int:
    """Return the fewest processes on a side with which Unpaired can reach ALPHA for these rows.

    Of n and n the smallest p is 1 in (2n choose n); three more, so that one does not decide.
    """
    needed = rows * len(LOOKS) / ALPHA
    return next(n for n in range(2, 100) if math.comb(2 * n, n) > needed) + 3


def surely_large(
    samples: Sequence[Any], statistic: Callable[..., Any], kind: str, level: float
) -> bool:
    """Return whether chance gives such a large ``statistic`` less often than ``level``, one-sided.

    Source: ``scipy.stats.permutation_test``; exact up to RESAMPLES permutations, above from as
    many at random, with a fixed seed.
    """
    if statistic(*samples, axis=0) <= 0:
        return False  # half of all permutations are larger
    from scipy import stats

    test: Any = stats.permutation_test  # where scipy has stubs, they name every literal
    found = test(
        samples,
        statistic,
        permutation_type=kind,
        alternative="greater",
        vectorized=True,
        n_resamples=max(RESAMPLES, math.ceil(4 / level)),
        batch=10_000,
        random_state=0,
    )
    return bool(found.pvalue < level)


#: What a verdict means for a gate.
STATUS = {SLOWER: FAILED, FASTER: PASSED, SAME: PASSED, CANNOT_TELL: UNDECIDED}


Judged = TypeVar("Judged", bound=Judgement)


def confirmed(
    rows: Sequence[str], measure: Callable[[Sequence[str], int], Mapping[str, Judged]]
) -> list[Judged]:
    """Return every row's judgement; a slower row is measured again, and the second one counts.

    ``measure`` is given the rows to measure, and 0 or 1: which attempt it is.
    """
    found = dict(measure(rows, 0))
    if again := [row for row in rows if found[row].verdict == SLOWER]:
        found |= measure(again, 1)
    return [found[row] for row in rows]


def outcome(judgements: Sequence[Judgement], before: str, confirmed: str = "") -> GateResult:
    """Return the judgements in words, and the case of every row.

    ``before`` is what they were held against, and ``confirmed`` how a slower one was, in words.
    """
    cases = [Case(j.row, "latency", STATUS[j.verdict], (str(j),)) for j in judgements]
    lines = [f"- {judgement}" for judgement in judgements]
    slower = [case.row for case in cases if case.status == FAILED]
    unsure = [j for j in judgements if STATUS[j.verdict] == UNDECIDED]
    if slower:
        lines.append(f"check: slower than {before}{confirmed}: {', '.join(slower)}")
    elif unsure:
        names = ", ".join(j.row for j in unsure)
        lines.append(
            f"check: cannot tell whether {names} became slower by {unsure[0].tolerance:.0%}; "
            f"{max(unsure, key=lambda j: j.interval[1]).way_out}"
        )
    else:
        lines.append(f"check: no row of {len(judgements)} is slower than {before}")
    return result(lines, cases)
