"""A predicted latency, and the best rates of a machine, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pvtprof.fields import Fields


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What the machine does at best: FLOPs a second in a matrix product, bytes a second in a copy
    (read and written)."""

    flops_per_s: float
    bytes_per_s: float

    def compute_s(self, macs: int) -> float:
        """Seconds of the arithmetic alone; two FLOPs a MAC."""
        return 2 * macs / self.flops_per_s

    def bandwidth_s(self, moved_bytes: int) -> float:
        """Seconds of moving the operands alone."""
        return moved_bytes / self.bytes_per_s


@dataclass(frozen=True, slots=True)
class Prediction:
    """Seconds of a forward pass that nobody ran, and between what nine in ten of them lie.

    ``rungs`` are what simpler models of the machine say: "flops", "roofline", "per operator".
    """

    seconds: float
    low: float
    high: float
    rungs: Mapping[str, float] = field(default_factory=dict)

    @property
    def by_predictor(self) -> dict[str, float]:
        """Seconds as each of them says, "calibrated" last."""
        return {**self.rungs, "calibrated": self.seconds}


def read_ceilings(document: Fields) -> Ceilings:
    """The ceilings of a machine: both more than 0."""
    return Ceilings(document.rate("flops_per_s"), document.rate("bytes_per_s"))
