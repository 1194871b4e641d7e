"""Which candidate is the fastest, with few measurements: successive halving on intervals.

Candidates come in the order of their predictions. The best of them are measured shortly; the
interval of a candidate that lies above that of the fastest one ends it; the rest get twice the
time, and so on. Source: Karnin, Koren and Somekh 2013, "Almost optimal exploration in multi-armed
bandits"; the intervals take the place of a fixed number of rounds.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import median
from typing import Generic, TypeVar

from pvtprof import units
from pvtprof.errors import SpecError, UnavailableError
from pvtprof.observe.measurement import Measurement, median_interval

#: Two processes that run the same differ by so much: no interval is narrower on either side.
BETWEEN_PROCESSES = 0.01
#: The answer is known well enough if no other candidate can be faster by more than this.
CLOSE_ENOUGH = 0.02
#: Seconds of the first, short measurement of a candidate and the row beside it together; each round
#: takes twice as long, up to the longest.
FIRST_S, LONGEST_S = 0.5, 4.0
#: Candidates are measured so many at a time, in random order, so that drift does not look like one.
TOGETHER = 8
#: From so many measured candidates on it is known how wrong predictions are.
FEWEST_RATIOS = 16

What = TypeVar("What")


@dataclass
class Candidate(Generic[What]):
    """Something that may be the fastest: what it is, its predicted seconds, and its measurements.

    ``failure`` is why it could not be measured. If another row was timed beside it, its time is its
    ratio to that row times ``beside_s``, what that row takes: a drift is in both, and cancels.
    """

    what: What
    predicted_s: float
    measured: list[Measurement] = field(default_factory=list)
    failure: str | None = None
    beside_s: float = 1.0

    @property
    def seconds(self) -> float:
        """The median over the median ratios of its measurements, times ``beside_s``."""
        return self.beside_s * median(one.ratio for one in self.measured)

    @property
    def interval(self) -> tuple[float, float]:
        """A 95 % interval of the median; with few samples, from the least to the largest.

        Never narrower than what two processes differ by.
        """
        ratios = tuple(itertools.chain(*(one.ratios for one in self.measured)))
        low, high = _interval(ratios, self.seconds / self.beside_s)
        return low * self.beside_s, high * self.beside_s


@lru_cache(maxsize=4096)
def _interval(samples: tuple[float, ...], middle: float) -> tuple[float, float]:
    low, high = median_interval(samples) or (min(samples), max(samples))
    floor, ceiling = middle * (1 - BETWEEN_PROCESSES), middle * (1 + BETWEEN_PROCESSES)
    return min(low, floor), max(high, ceiling)


def beside_s(measurements: Iterable[Measurement]) -> float:
    """Return what the row beside takes: the median over its medians; 1.0 where there is none."""
    taken = [one.beside_s for one in measurements if one.beside_s is not None]
    return median(taken) if taken else 1.0


@dataclass(frozen=True)
class Halved(Generic[What]):
    """The result: every candidate, the fastest, and how sure that is.

    ``within`` is the share by which another measured candidate may still be faster; ``used`` is how
    many measurements were made in ``rounds`` rounds; ``open`` is how many candidates that were not
    measured may be faster, as far as the predictions of those that were tell.
    """

    candidates: Sequence[Candidate[What]]
    best: Candidate[What]
    within: float
    used: int
    rounds: int
    open: int

    @property
    def measured(self) -> list[Candidate[What]]:
        """The candidates with a time."""
        return [one for one in self.candidates if one.measured]


Measure = Callable[[What, float], Measurement | str]


class Halving(Generic[What]):
    """One search for the fastest candidate. ``measure`` is given a candidate and its seconds.

    It returns a measurement, or why there is none. All measurements are beside one and the same
    row, or none is. ``others`` are measurements of what is no candidate, beside that row too.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate[What]],
        measure: Measure[What],
        most: int,
        told: Callable[[str], None] = lambda text: None,
        seed: int = 0,
        others: Sequence[Measurement] = (),
    ) -> None:
        if most < 1:
            raise SpecError(f"--measure is {most}; use 1 measurement or more, such as 40")
        self.candidates = sorted(candidates, key=lambda one: one.predicted_s)
        self.measure, self.most, self.told, self.others = measure, most, told, others
        self.chance = random.Random(seed)
        self.used = self.rounds = self.left = 0
        self.budget_s = FIRST_S
        self._know_beside()

    def run(self) -> Halved[What]:
        """Measure until the fastest is known to CLOSE_ENOUGH, or ``most`` measurements were made.

        Raises UnavailableError where no candidate could be measured.
        """
        while self._wider(self.most - self.most // 2):
            pass
        if not any(one.measured for one in self.candidates):
            reason = next((one.failure for one in self.candidates if one.failure), "no candidate")
            raise UnavailableError(f"no candidate could be measured: {reason}")
        while self.used < self.most and (self._deeper() or self._wider(self.most)):
            pass
        left = len(self._open())
        return Halved(self.candidates, self.best(), self._within(), self.used, self.rounds, left)

    def _wider(self, share: int) -> bool:
        """Measure the next best predicted candidates shortly; False where there are none to be.

        ``share`` is how many measurements there may be by then. None are to be where what is left
        cannot win, as far as predictions tell, or was measured already.
        """
        now = self._open()[: min(TOGETHER, share - self.used)]
        self._measure_all(now, FIRST_S)
        return bool(now)

    def _deeper(self) -> bool:
        """Measure those that may be the fastest for twice the time; False where it is known.

        They are half as many as before at most.
        """
        if self._within() <= CLOSE_ENOUGH:
            return False
        count = sum(bool(one.measured) for one in self.candidates)
        self.left = max(2, -(-(self.left or count) // 2))
        self.budget_s = min(LONGEST_S, 2 * self.budget_s)
        kept = self._kept(self.left)
        if len(kept) < 2:  # the others failed
            return False
        self._measure_all(kept[: self.most - self.used], self.budget_s)
        return True

    def _measure_all(self, candidates: Sequence[Candidate[What]], budget_s: float) -> None:
        self.rounds += bool(candidates)
        for one in self.chance.sample(candidates, len(candidates)):
            self.used += 1
            found = self.measure(one.what, budget_s)
            if isinstance(found, str):
                one.failure = found
            else:
                one.measured.append(found)
                self._know_beside()
                self.told(self._said())

    def _know_beside(self) -> None:
        """Bring what the row beside takes up to date, by which ratios become seconds."""
        measured = (its for one in self.candidates for its in one.measured)
        seconds = beside_s(itertools.chain(self.others, measured))
        for one in self.candidates:
            one.beside_s = seconds

    def _said(self) -> str:
        seconds = units.milliseconds(self.best().seconds)
        return f"round {self.rounds}: {self.used} of {self.most} measurements, fastest {seconds}"

    def best(self) -> Candidate[What]:
        """Return the fastest of those that were measured."""
        return min((one for one in self.candidates if one.measured), key=lambda one: one.seconds)

    def _kept(self, most: int) -> list[Candidate[What]]:
        """Return the candidates whose interval reaches that of the fastest, ``most`` at most.

        The fastest comes first. One that was left out comes back if the others turn out slower.
        """
        best = self.best()
        known = [one for one in self.candidates if one.measured and one.failure is None]
        by_time = sorted(known, key=lambda one: one.seconds)
        return [one for one in by_time if one.interval[0] <= best.interval[1]][:most]

    def _within(self) -> float:
        """Return by what share another measured candidate may be faster than the fastest."""
        best = self.best()
        others = [one.interval[0] for one in self.candidates if one.measured and one is not best]
        return max(0.0, best.interval[1] / min(others) - 1) if others else 0.0

    def _open(self) -> list[Candidate[What]]:
        """Return the candidates that were not measured, and may be faster by CLOSE_ENOUGH.

        Those of the best predictions were predicted too fast more often than others. So measured
        over predicted may be less than the least that was seen, by as much as it varied.
        """
        left = [one for one in self.candidates if not one.measured and one.failure is None]
        ratios = [known.seconds / known.predicted_s for known in self.candidates if known.measured]
        if len(ratios) < FEWEST_RATIOS:
            return left
        least = min(ratios) * min(ratios) / max(ratios)
        most_s = self.best().seconds / (least * (1 + CLOSE_ENOUGH))
        return [one for one in left if one.predicted_s < most_s]
