"""fvcore as a witness of a derived form, on real tensors."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pvtprof.derive.inputs import Example
from pvtprof.derive.trace import settings

#: Bytes up to which a module is run for real, for fvcore.
REAL = 2**29


#: What fvcore counts as a multiplication of matrices or a convolution.
_CONTRACTIONS = (
    "conv",
    "linear",
    "matmul",
    "bmm",
    "addmm",
    "baddbmm",
    "einsum",
    "mm",
    "scaled_dot_product_attention",
)


def fvcore_macs(module: nn.Module, example: Example, point: Mapping[str, int]) -> int:
    """What fvcore counts of matrix products and convolutions at a point, on real tensors."""
    import warnings

    from fvcore.nn import FlopCountAnalysis

    from pvtprof.observe.fvcore import SDPA, _sdpa_macs

    args, kwargs = example.with_sizes(point)
    if kwargs or not all(isinstance(a, Tensor) for a in args):
        raise TypeError("fvcore takes tensors alone")
    quiet = logging.getLogger("fvcore.nn.jit_analysis")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with torch.no_grad(), warnings.catch_warnings(), settings(module):
            warnings.simplefilter("ignore")
            analysis = FlopCountAnalysis(module, args).set_op_handle(SDPA, _sdpa_macs)
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
            analysis.tracer_warnings("none")
            counted = analysis.by_operator()
    finally:
        quiet.setLevel(level)
    if counted.get("einsum"):
        raise ValueError("fvcore rounds what it counts of einsum")
    return sum(int(counted.get(name, 0)) for name in _CONTRACTIONS)
