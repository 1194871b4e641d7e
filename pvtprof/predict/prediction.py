"""A predicted latency, and the best rates of a machine, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pvtprof.errors import SpecError

#: What a kernel waits for.
BOUNDS = ("compute", "bandwidth", "overhead")
#: Bytes of vectors of AVX2 and AVX-512: what is left of a row after whole ones is dear, element by
#: element in a softmax of short rows and in fused attention.
VECTORS = (32, 64)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What the machine does at best: FLOPs a second in a matrix product, bytes a second in a copy
    (read and written)."""

    flops_per_s: float
    bytes_per_s: float

    def __post_init__(self) -> None:
        for name, rate in (("flops_per_s", self.flops_per_s), ("bytes_per_s", self.bytes_per_s)):
            if not rate > 0:
                raise SpecError(f"{name} is {rate}; use a rate of more than 0")

    def compute_s(self, macs: int) -> float:
        """Return the seconds of the arithmetic by itself; two FLOPs a MAC."""
        return 2 * macs / self.flops_per_s

    def bandwidth_s(self, moved_bytes: int) -> float:
        """Return the seconds of moving the operands by itself."""
        return moved_bytes / self.bytes_per_s


@dataclass(frozen=True, slots=True)
class Prediction:
    """Seconds of a forward pass that nobody ran, and between what nine in ten of them lie.

    ``is_doubtful``: the calibration was made on a busy machine. ``rungs`` are what simpler models
    of the machine say: "flops", "roofline", "per operator".
    """

    seconds: float
    low: float
    high: float
    rungs: Mapping[str, float] = field(default_factory=dict)
    is_doubtful: bool = False

    @property
    def by_predictor(self) -> dict[str, float]:
        """Seconds as each of them says, "calibrated" last."""
        return {**self.rungs, "calibrated": self.seconds}
