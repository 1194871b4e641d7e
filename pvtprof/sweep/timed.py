"""The timing of one row in a fork of a warm process, until a deadline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pvtprof.errors import UnavailableError
from pvtprof.observe.measurement import BESIDE, Measurement

if TYPE_CHECKING:
    from pvtprof.observe.clocks import Block, Sampler
    from pvtprof.observe.sides import Side

#: What a warm process is called in messages.
NAME = "the timed process"
#: Rows that are slow for their budget get the time of so many calls of each, by which there is an
#: interval.
CALLS = 10
#: Seconds that are always waited for an answer.
LEAST_S = 0.01


class LateError(UnavailableError):
    """A row for which there is no time left."""


class TimedRow:
    """The timing of one row, until a deadline, and of another in the same rounds if one is given.

    A drift of the machine is then in both, and not in their ratio.
    """

    def __init__(self, side: Side, deadline: float) -> None:
        self.side, self.deadline = side, deadline
        self.kept: dict[str, Measurement] = {}
        self.begin = time.perf_counter()

    @property
    def spent_s(self) -> float:
        """Seconds since the first call."""
        return time.perf_counter() - self.begin

    @property
    def taken(self) -> Measurement | None:
        """What was taken so far, with the samples of the row beside; None before the first."""
        found, beside = self.kept.get(NAME), self.kept.get(BESIDE)
        if found is None or beside is None:  # nothing yet, or a row that is timed alone
            return found
        return replace(found, series={**found.series, BESIDE: beside.samples})

    def measured(
        self, recipes: Sequence[Any], budget_s: float, device: str, seed: int
    ) -> tuple[Measurement, float]:
        """Build and time it in a fresh fork, beside that of a second recipe if there is one.

        Raises UnavailableError where that cannot be.
        """
        from pvtprof.observe import latency

        self._wait_no_longer()
        named = dict(zip((NAME, BESIDE), recipes, strict=False))
        with self.side.forked(named, seed) as forked:
            self.begin = time.perf_counter()
            samplers = {name: self._limited(sampler) for name, sampler in forked.items()}
            once_s = sum(sampler(1)["wall"] for sampler in samplers.values())
            plan = latency.Plan(max(budget_s, CALLS * once_s), device, seed=seed)
            latency.measure(samplers, plan, keep=self.kept)
            spent_s = self.spent_s
            if not self.kept:  # a call that took far longer than the one before
                self.kept.update({name: _one_sample(one(1)) for name, one in samplers.items()})
            self._wait_no_longer()
        found = self.taken
        assert found is not None
        return found, spent_s

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
