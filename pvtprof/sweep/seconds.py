"""The predicted seconds of a network, put together of its stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pvtprof.analytic.formulas import Term

if TYPE_CHECKING:
    from pvtprof.predict.calibration import Calibration


def latency_s(
    by_stage: Sequence[tuple[float | None, int]], calibration: Calibration
) -> float | None:
    """Return the seconds of a forward pass, of those of its kernels and their number by stage."""
    busy, calls = 0.0, 0
    for seconds, count in by_stage:
        if seconds is None:
            return None
        busy, calls = busy + seconds, calls + count
    return calibration.together_s(busy, calls)


def kernels_s(
    terms: Sequence[Term], dtype: str, calibration: Calibration
) -> tuple[float | None, int]:
    """Return the seconds of all kernels of a stage, and their number; None for an unknown one."""
    from pvtprof.predict.kernels import kernels

    busy, calls = 0.0, 0
    for term, kernel in kernels(terms, dtype):
        if kernel.family not in calibration.families:
            return None, 0
        busy += term.times * calibration.kernel_s(kernel)
        calls += term.times
    return busy, calls
