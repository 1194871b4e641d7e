"""The cost of a list of operators, and what each counter counts of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pvtprof.analytic import ops
from pvtprof.analytic.geometry import Sizes
from pvtprof.analytic.ops import Op, letters, product

#: A factor, and the indices whose sizes it multiplies.
Monomial: TypeAlias = tuple[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of operators, in elements. Costs add up; ``3 * cost`` repeats a block."""

    macs: int = 0
    params: int = 0
    reads: int = 0
    writes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.macs + other.macs,
            self.params + other.params,
            self.reads + other.reads,
            self.writes + other.writes,
        )

    def __rmul__(self, times: int) -> Cost:
        return Cost(times * self.macs, times * self.params, times * self.reads, times * self.writes)


def cost(op: Op, sizes: Sizes) -> Cost:
    """Return the cost of one operator at these index sizes."""
    return Cost(
        ops.macs(op, sizes), ops.params(op, sizes), ops.reads(op, sizes), ops.writes(op, sizes)
    )


@dataclass(frozen=True, eq=False)
class Convention:
    """How one counter counts: the value of a MAC, and what it adds for other operators.

    ``elementwise`` maps a kind to (count per element, "left" or "out": whose elements), ``also``
    to further products of index sizes.
    ``conv_bias`` adds one per output element of a convolution that has a bias, ``linear_bias`` of
    a linear layer. ``products`` says whether products of two activations (scores and mix) count;
    ``renamed`` replaces indices in them.
    """

    name: str
    per_mac: int = 1
    elementwise: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    conv_bias: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    linear_bias: bool = False
    products: bool = True
    also: Mapping[str, tuple[Monomial, ...]] = field(default_factory=dict)

    def monomials(self, op: Op) -> tuple[Monomial, ...]:
        """Return the count of one operator, as products of index sizes."""
        if op.kind != "contract":
            weight, side = self.elementwise.get(op.kind, (0, "out"))
            indices = letters(op.left if side == "left" else op.out)
            return (((weight, indices),) if weight else ()) + self.also.get(op.kind, ())
        if not op.owns_right:
            multiplied = letters(op.right, op.out)
            renamed = tuple(self.renamed.get(i, i) for i in multiplied)
            return ((self.per_mac, renamed),) if self.products else ()
        counts_bias = self.conv_bias if op.is_convolution else self.linear_bias
        bias = ((1, letters(op.out)),) if counts_bias and op.bias else ()
        return ((self.per_mac, letters(op.right, op.out)), *bias)

    def count(self, op: Op, sizes: Sizes) -> int:
        """Return the count of one operator at these index sizes."""
        return sum(factor * product(indices, sizes) for factor, indices in self.monomials(op))


#: Multiply-accumulates and nothing else.
MACS = Convention("macs")
#: ``torch.utils.flop_counter``: two FLOPs a MAC, nothing for anything else.
TORCH = Convention("torch", per_mac=2)
#: fvcore 0.1.5 (``fvcore/nn/jit_handles.py`` and ``flop_count.py``), one "flop" a MAC.
FVCORE = Convention(
    "fvcore",
    elementwise={
        "layernorm": (5, "out"),
        "batchnorm": (2, "out"),
        "pool": (1, "left"),
        "interpolate": (4, "out"),
        "nearest": (1, "out"),
    },
)
#: The papers' GFLOPs (which are GMACs): the official ``get_flops.py``, which adds mmcv's module
#: hooks (``mmcv/cnn/utils/flops_counter.py``) to ``2·h·w·(h//r)·(w//r)·dim`` a block.
PAPER = Convention(
    "paper",
    elementwise={
        "layernorm": (2, "out"),
        "batchnorm": (2, "out"),
        "pool": (1, "left"),
        "relu": (1, "out"),
        "relu_": (1, "out"),
    },
    conv_bias=True,
    renamed={"n": "N", "m": "M"},
)
