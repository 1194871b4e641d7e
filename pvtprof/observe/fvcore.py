"""fvcore as a witness: it traces the real module on real tensors."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from pvtprof.errors import UnavailableError
from pvtprof.observe.modules import own_counts
from pvtprof.observe.witness import Count

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fvcore imports what torch and others deprecate
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_handles import get_shape

#: fvcore 0.1.5 does not know fused attention and counts it as 0; pvtprof teaches it.
SDPA = "aten::scaled_dot_product_attention"


#: What fvcore counts as a product of matrices or a convolution.
_CONTRACTIONS = (
    *("conv", "linear", "matmul", "bmm", "addmm", "baddbmm", "einsum", "mm"),
    "scaled_dot_product_attention",
)


def count(module: nn.Module, *inputs: Tensor) -> Count:
    """Return fvcore's count of one forward pass, in its own convention (1 per MAC)."""
    with _analysis(module, inputs) as analysis:
        by_operator = analysis.by_operator()
        return Count(
            counted=int(analysis.total()),
            by_module=own_counts({name: int(n) for name, n in analysis.by_module().items()}),
            skipped=dict(sorted(analysis.unsupported_ops().items())),
            handles=(SDPA,) if by_operator.get("scaled_dot_product_attention") else (),
        )


def contractions(module: nn.Module, *inputs: Tensor) -> Count:
    """Return what fvcore counts of matrix products and convolutions alone, in MACs.

    Raises UnavailableError for einsum, whose count fvcore rounds.
    """
    with _analysis(module, inputs) as analysis:
        if analysis.by_operator().get("einsum"):
            raise UnavailableError("fvcore rounds what it counts of einsum")
        totals = {
            name: sum(int(found.get(operator, 0)) for operator in _CONTRACTIONS)
            for name, found in analysis.by_module_and_operator().items()
        }
        return Count(
            totals[""], own_counts(totals), dict(sorted(analysis.unsupported_ops().items()))
        )


@contextmanager
def _analysis(module: nn.Module, inputs: tuple[Tensor, ...]) -> Iterator[FlopCountAnalysis]:
    """Yield fvcore over one forward pass, its log and warnings silent."""
    quiet = logging.getLogger("fvcore.nn.jit_analysis")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            analysis = FlopCountAnalysis(module, inputs).set_op_handle(SDPA, _sdpa_macs)
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
            yield analysis.tracer_warnings("none")
    finally:
        quiet.setLevel(level)


def _sdpa_macs(inputs: list[Any], outputs: list[Any]) -> int:
    """Return the MACs of both products of attention: (..., N, d) with (..., M, d), twice."""
    *batch, queries, dim = get_shape(inputs[0])
    return int(2 * math.prod(batch) * queries * get_shape(inputs[1])[-2] * dim)
