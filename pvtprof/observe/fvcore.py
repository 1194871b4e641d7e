"""fvcore as a witness: it traces the real module on real tensors."""

from __future__ import annotations

import logging
import math
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from pvtprof.observe.modules import own_counts
from pvtprof.observe.witness import Count

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fvcore imports what torch and others deprecate
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_handles import get_shape

#: fvcore 0.1.5 does not know fused attention and counts it as 0; pvtprof teaches it.
SDPA = "aten::scaled_dot_product_attention"


def count(module: nn.Module, *inputs: Tensor) -> Count:
    """What fvcore counts in one forward pass of ``module``, in its own convention (1 a MAC)."""
    quiet = logging.getLogger("fvcore.nn.jit_analysis")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _count(module, inputs)
    finally:
        quiet.setLevel(level)


def _count(module: nn.Module, inputs: tuple[Tensor, ...]) -> Count:
    analysis = FlopCountAnalysis(module, inputs).set_op_handle(SDPA, _sdpa_macs)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings(
        "none"
    )
    by_operator = analysis.by_operator()
    return Count(
        counted=int(analysis.total()),
        by_module=own_counts({name: int(n) for name, n in analysis.by_module().items()}),
        skipped=dict(sorted(analysis.unsupported_ops().items())),
        handles=(SDPA,) if by_operator.get("scaled_dot_product_attention") else (),
    )


def _sdpa_macs(inputs: list[Any], outputs: list[Any]) -> int:
    """MACs of both matmuls of attention: queries (..., N, d) against keys (..., M, d), twice."""
    *batch, queries, dim = get_shape(inputs[0])
    return int(2 * math.prod(batch) * queries * get_shape(inputs[1])[-2] * dim)
