"""The timing of one row in a fork of a warm process, until a deadline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pvtprof.errors import UnavailableError
from pvtprof.observe.measurement import Measurement

if TYPE_CHECKING:
    from pvtprof.observe.clocks import Block, Sampler
    from pvtprof.observe.sides import Side

#: What a warm process is called in messages.
NAME = "the timed process"
#: A row that is slow for its budget gets the time of so many calls, by which it has an interval.
CALLS = 10
#: Seconds that are always waited for an answer.
LEAST_S = 0.01


class LateError(UnavailableError):
    """A row for which there is no time left."""


class TimedRow:
    """The timing of one row, until a deadline; ``kept`` has what was taken so far."""

    def __init__(self, side: Side, deadline: float, kept: dict[str, Measurement]) -> None:
        self.side, self.deadline, self.kept = side, deadline, kept
        self.begin = time.perf_counter()

    @property
    def spent_s(self) -> float:
        """Seconds since the first call."""
        return time.perf_counter() - self.begin

    def measured(
        self, recipe: Any, budget_s: float, device: str, seed: int
    ) -> tuple[Measurement, float]:
        """Build and time it in a fresh fork; raise UnavailableError where that cannot be."""
        from pvtprof.observe import latency

        self._wait_no_longer()
        with self.side.forked({NAME: recipe}, seed) as samplers:
            self.begin = time.perf_counter()
            sampler = self._limited(samplers[NAME])
            once_s = sampler(1)["wall"]
            plan = latency.Plan(max(budget_s, CALLS * once_s), device, seed=seed)
            latency.measure({NAME: sampler}, plan, keep=self.kept)
            spent_s = self.spent_s
            if not self.kept:  # a call that took far longer than the one before
                self.kept[NAME] = _one_sample(sampler(1))
            self._wait_no_longer()
        return self.kept[NAME], spent_s

    def _limited(self, sampler: Sampler) -> Sampler:
        def limited(calls: int) -> Block:
            self._wait_no_longer()
            return sampler(calls)

        return limited

    def _wait_no_longer(self) -> None:
        """Let the next answer be waited for until the deadline; raise where that has passed."""
        left_s = self.deadline - time.perf_counter()
        if left_s <= 0:
            raise LateError("late")
        self.side.patience_s = max(LEAST_S, left_s)


def _one_sample(block: Block) -> Measurement:
    return Measurement((block.get("device", block["wall"]),), stopped="budget")
