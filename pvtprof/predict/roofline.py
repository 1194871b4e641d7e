"""The ladder of rooflines: what each simple model of a machine says that a row takes.

Source: Williams, Waterman and Patterson 2009, "Roofline", CACM 52(4). Ceilings are measured.
"""

from __future__ import annotations

from collections.abc import Iterable

from pvtprof.predict.kernels import Kernel
from pvtprof.predict.prediction import BOUNDS, Ceilings

#: The rungs, from the simplest on.
RUNGS = ("flops", "roofline", "per operator")


def ladder(runs: Iterable[tuple[Kernel, int]], ceilings: Ceilings) -> dict[str, float]:
    """Return the seconds by each simple predictor, of kernels and how often each runs.

    >>> one = Kernel("mm", "gemm", "product", (1.0,), 500, 100)
    >>> ladder([(one, 2)], Ceilings(1000.0, 100.0))
    {'flops': 2.0, 'roofline': 2.0, 'per operator': 2.0}
    """
    macs = moved = 0
    by_kernel = 0.0
    for kernel, times in runs:
        macs += times * kernel.macs
        moved += times * kernel.moved_bytes
        by_kernel += times * kernel_s(kernel, ceilings)
    flops_s = ceilings.compute_s(macs)
    seconds = (flops_s, max(flops_s, ceilings.bandwidth_s(moved)), by_kernel)
    return dict(zip(RUNGS, seconds, strict=True))


def kernel_s(kernel: Kernel, ceilings: Ceilings) -> float:
    """Return the seconds of a kernel, the greater of its arithmetic and its memory time."""
    return max(ceilings.compute_s(kernel.macs), ceilings.bandwidth_s(kernel.moved_bytes))


def bound(kernel: Kernel, ceilings: Ceilings, overhead_s: float) -> str:
    """Return what a kernel waits for: arithmetic, memory, or its launch."""
    waits_s = (
        ceilings.compute_s(kernel.macs),
        ceilings.bandwidth_s(kernel.moved_bytes),
        overhead_s,
    )
    return BOUNDS[waits_s.index(max(waits_s))]
