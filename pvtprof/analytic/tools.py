"""What other tools count, as conventions: facts that running them on pvtprof's modules has shown.

pvtprof depends on none of them. Each rule is of the named version. ``tests/tools`` holds what the
tools said of four models at two sizes, and how they were asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pvtprof.analytic.cost import FVCORE, MACS, PAPER, TORCH, Convention, Monomial
from pvtprof.analytic.ops import Op, letters


class _ByCall(Convention):
    """torchinfo's rule: a convolution by position, everything else by its parameters alone."""

    def monomials(self, op: Op) -> tuple[Monomial, ...]:
        """Return the parameters of the operator, times the batch or the output positions."""
        if op.kind == "contract" and op.owns_right and op.is_convolution:
            return super().monomials(op)
        if not (op.right and op.bias) or op.kind not in ("contract", "layernorm", "batchnorm"):
            return ()
        return ((1, letters("b", op.right)), (1, letters("b", op.bias)))


class _ByAddmm(Convention):
    """ptflops' aten rule: a bias counts where product and bias are one operator.

    torch splits them where the input does not lie token by token in memory: after a convolution.
    """

    def monomials(self, op: Op) -> tuple[Monomial, ...]:
        """Return the count of one operator, as products of index sizes."""
        return super().monomials(replace(op, bias="") if op.from_map else op)


@dataclass(frozen=True, slots=True)
class Tool:
    """A convention in words: who counts so, what one MAC is, and what is counted besides.

    ``softmax`` is what its count of a softmax module is, which the official code does not have: a
    method of the tensor does the work there. ``learned`` says whether it was held to its tool on
    backbones alone, so that it is not used for necks and heads.
    """

    convention: Convention
    whose: str
    besides: str
    softmax: tuple[Monomial, ...] = ()
    learned: bool = False

    @property
    def name(self) -> str:
        """The name by which results call it."""
        return self.convention.name

    @property
    def with_softmax(self) -> Convention:
        """The same convention where the softmax is a module, as in pvtprof's networks."""
        also = {**self.convention.also, "softmax": self.softmax}
        return replace(self.convention, also=also)


_SCORES = ("b", "h", "n", "m")
_KEYS = ("b", "m", "c")
_MMCV = replace(PAPER, name="mmcv", renamed={}, products=False)
_THOP = Convention(
    "thop",
    elementwise={"layernorm": (4, "out"), "batchnorm": (4, "out"), "pool": (1, "left")},
    products=False,
    also={"pool": ((1, _KEYS),)},
)
_PTFLOPS = Convention(
    "ptflops",
    elementwise={
        "layernorm": (1, "out"),
        "interpolate": (1, "out"),
        "pool": (2, "left"),
        "gelu": (2, "out"),
        "relu": (2, "out"),
    },
    conv_bias=True,
    linear_bias=True,
    products=False,
)
_PTFLOPS_ATEN = _ByAddmm("ptflops aten", conv_bias=True, linear_bias=True)
_CALFLOPS = Convention(
    "calflops",
    per_mac=2,
    elementwise={
        "layernorm": (5, "out"),
        "pool": (1, "left"),
        "gelu": (1, "out"),
        "relu": (1, "out"),
    },
    conv_bias=True,
    products=False,
    also={"interpolate": ((1, ("s",)),)},
)
_TORCHINFO = _ByCall("torchinfo", conv_bias=True, products=False)

#: Every convention by its name, the plainest first.
TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(MACS, "pvtprof (MACs alone)", "nothing"),
        Tool(
            PAPER,
            "the papers' get_flops.py",
            "biases of convolutions; norms 2 per element; ReLU modules and pooling 1 per element",
        ),
        Tool(
            FVCORE,
            "fvcore 0.1.5",
            "layer norm 5 per element, batch norm 2; pooling 1 per input element; bilinear "
            "interpolation 4 per output element, nearest 1",
        ),
        Tool(TORCH, "torch.utils.flop_counter", "nothing"),
        Tool(
            _MMCV,
            "mmcv 1.7.2's module hooks",
            "biases of convolutions; norms 2 per element; ReLU modules and pooling 1 per element",
        ),
        Tool(
            _PTFLOPS_ATEN,
            "ptflops 0.7.5 with its aten backend",
            "biases of convolutions, and of linear layers whose input is no feature map",
            learned=True,
        ),
        Tool(
            _THOP,
            "thop 0.1.1",
            "layer norm 4 per element; pooling 1 per input element and 1 per output element; "
            "no bias",
            ((3, _SCORES), (-1, ("b", "h", "n"))),
            learned=True,
        ),
        Tool(
            _PTFLOPS,
            "ptflops 0.7.5",
            "all biases; layer norm 1 per element; GELU, ReLU and pooling 2 per element (the "
            "module and the function that it calls); bilinear interpolation 1 per output element",
            ((1, _SCORES),),
            learned=True,
        ),
        Tool(
            _CALFLOPS,
            "calflops 0.3.2",
            "biases of convolutions; layer norm 5 per element; GELU, ReLU and pooling 1 per "
            "element; bilinear interpolation 1 per position, for all channels together",
            ((1, _SCORES),),
            learned=True,
        ),
        Tool(
            _TORCHINFO,
            "torchinfo 1.8.0's mult-adds",
            "a convolution counts its weights and biases at every position; a linear layer or a "
            "norm counts its parameters once per image, not once per token",
            learned=True,
        ),
    )
}
