"""Which candidate is the fastest, with few measurements: successive halving on intervals.

Candidates come in the order of their predictions. The best of them are measured shortly; the
interval of a candidate that lies above that of the fastest one ends it; the rest get twice the
time, and so on. Source: Karnin, Koren and Somekh 2013, "Almost optimal exploration in multi-armed
bandits"; the intervals take the place of a fixed number of rounds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
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
#: Seconds of the first, short measurement of a candidate; each round takes twice as long, up to the
#: longest.
FIRST_S, LONGEST_S = 0.25, 4.0
#: Candidates are measured so many at a time, in random order, so that drift does not look like one.
TOGETHER = 8

What = TypeVar("What")


@dataclass
class Candidate(Generic[What]):
    """Something that may be the fastest: what it is, its predicted seconds, and its measurements.

    ``failure`` is why it could not be measured.
    """

    what: What
    predicted_s: float
    measured: list[Measurement] = field(default_factory=list)
    failure: str | None = None

    @property
    def samples(self) -> list[float]:
        """The samples of all measurements."""
        return [one for measurement in self.measured for one in measurement.samples]

    @property
    def seconds(self) -> float:
        """The median over the medians of its measurements."""
        return median(measurement.median for measurement in self.measured)

    @property
    def interval(self) -> tuple[float, float]:
        """A 95 % interval of the median; with few samples, from the least to the largest.

        Never narrower than what two processes differ by.
        """
        return _interval(tuple(self.samples), self.seconds)


@lru_cache(maxsize=4096)
def _interval(samples: tuple[float, ...], middle: float) -> tuple[float, float]:
    low, high = median_interval(samples) or (min(samples), max(samples))
    floor, ceiling = middle * (1 - BETWEEN_PROCESSES), middle * (1 + BETWEEN_PROCESSES)
    return min(low, floor), max(high, ceiling)


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

    It returns a measurement, or why there is none.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate[What]],
        measure: Measure[What],
        most: int,
        told: Callable[[str], None] = lambda text: None,
        seed: int = 0,
    ) -> None:
        if most < 1:
            raise SpecError(f"--measure is {most}; use 1 measurement or more, such as 40")
        self.candidates = sorted(candidates, key=lambda one: one.predicted_s)
        self.measure, self.most, self.told = measure, most, told
        self.chance = random.Random(seed)
        self.used = self.rounds = 0

    def run(self) -> Halved[What]:
        """Measure until the fastest is known to CLOSE_ENOUGH, or ``most`` measurements were made.

        Raises UnavailableError where no candidate could be measured.
        """
        self._first_round()
        left = sum(bool(one.measured) for one in self.candidates)
        if not left:
            reason = next((one.failure for one in self.candidates if one.failure), "no candidate")
            raise UnavailableError(f"no candidate could be measured: {reason}")
        budget_s = FIRST_S
        while self.used < self.most and self._within() > CLOSE_ENOUGH:
            budget_s = min(LONGEST_S, 2 * budget_s)
            kept = self._kept(max(2, -(-left // 2)))
            left = len(kept)
            if left < 2:  # the others failed
                break
            self._measure_all(kept[: self.most - self.used], budget_s)
        best = self.best()
        open_ = sum(self._may_win(one, best) for one in self.candidates if not one.measured)
        return Halved(self.candidates, best, self._within(), self.used, self.rounds, open_)

    def _first_round(self) -> None:
        """Measure the best predicted ones shortly: half of all measurements at most.

        Ends early where what is left cannot win, as far as predictions tell. Those that have
        measurements already are not measured again.
        """
        share = self.most - self.most // 2
        ahead = [one for one in self.candidates if not one.measured]
        while ahead and self.used < share:
            now = ahead[: min(TOGETHER, share - self.used)]
            ahead = ahead[len(now) :]
            self._measure_all(now, FIRST_S)
            known = [one for one in self.candidates if one.measured]
            if len(known) >= TOGETHER and ahead and not self._may_win(ahead[0], self.best()):
                break

    def _measure_all(self, candidates: Sequence[Candidate[What]], budget_s: float) -> None:
        self.rounds += 1
        for one in self.chance.sample(candidates, len(candidates)):
            self.used += 1
            found = self.measure(one.what, budget_s)
            if isinstance(found, str):
                one.failure = found
            else:
                one.measured.append(found)
                self.told(self._said())

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

    def _may_win(self, one: Candidate[What], best: Candidate[What]) -> bool:
        """Return whether a candidate that was not measured may be faster than the fastest.

        Its prediction is taken as wrong as the worst one that was measured.
        """
        if one.failure is not None:
            return False
        ratios = [known.seconds / known.predicted_s for known in self.candidates if known.measured]
        return one.predicted_s * min(ratios) * (1 - BETWEEN_PROCESSES) < best.seconds
