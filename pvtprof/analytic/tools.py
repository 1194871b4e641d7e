"""How other tools count, as conventions: what each of them adds up, and what it leaves out.

Each was found by running the tool on pvtprof's own modules (versions in ``TOOLS``); a test holds
what it said. No tool is needed to use its convention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pvtprof.analytic.cost import FVCORE, MACS, PAPER, TORCH, Convention, Monomial
from pvtprof.analytic.ops import Op, letters


@dataclass(frozen=True, eq=False)
class _Thop(Convention):
    """thop counts a softmax of n values 3n - 1, and a pooling by its window plus one division."""

    def monomials(self, op: Op) -> tuple[Monomial, ...]:
        if op.kind == "softmax":
            rows = tuple(letters(op.out)[:-1])
            return ((3, letters(op.out)), (-1, rows))
        if op.kind == "pool":
            return ((1, letters(op.left)), (1, letters(op.out)))
        return super().monomials(op)


@dataclass(frozen=True, eq=False)
class _Torchinfo(Convention):
    """torchinfo multiplies with the positions for convolutions alone, not for linear layers."""

    def monomials(self, op: Op) -> tuple[Monomial, ...]:
        if not op.owns_right or op.where == "" or op.kind not in ("contract", "layernorm"):
            return ()
        if op.is_convolution:
            return super().monomials(op)
        return ((1, letters(op.right)), *([(1, letters(op.bias))] if op.bias else []))


@dataclass(frozen=True, eq=False)
class _PtflopsAten(Convention):
    """The bias of a linear layer is not counted where torch adds it by itself (PVT v2's MLP)."""

    def monomials(self, op: Op) -> tuple[Monomial, ...]:
        rule = replace(self, linear_bias=False) if op.from_map else self
        return Convention.monomials(rule, op)


#: The name of what torch's counter says.
OPERATIONS = "floating-point operations, two a MAC (torch's flop counter)"
#: Every convention by the words that name it, in the order in which they are likely.
TOOLS: Mapping[str, Convention] = {
    "multiply-accumulates (MACs)": MACS,
    "the papers' get_flops.py (mmcv's hooks and the products of attention)": PAPER,
    "fvcore": FVCORE,
    OPERATIONS: TORCH,
    "mmcv's hooks alone, as get_model_complexity_info": replace(
        PAPER, name="mmcv", products=False, renamed={}
    ),
    "calflops 0.3.2, its MACs": Convention("calflops", products=False),
    "thop 0.1.1": _Thop("thop", elementwise={"layernorm": (4, "out")}, products=False),
    "ptflops 0.7.5, backend aten": _PtflopsAten("ptflops", conv_bias=True, linear_bias=True),
    "torchinfo 1.8.0, its mult-adds at batch 1": _Torchinfo("torchinfo", conv_bias=True),
}
