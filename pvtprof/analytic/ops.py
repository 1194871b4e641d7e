"""An operator in index notation, and its MACs, params, reads and writes.

The notation of an operator already is its cost, as in ``opt_einsum``: its MACs are the product of
the sizes of all the indices of the right operand and the result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from math import prod

from pvtprof.analytic.geometry import INDICES, Sizes
from pvtprof.errors import SpecError

#: Kinds that at least one counter counts, and kinds that none does.
_COUNTED_KINDS = (
    *("contract", "layernorm", "batchnorm", "pool", "interpolate", "nearest"),
    *("relu", "relu_"),
)
_FREE_KINDS = (
    *("softmax", "gelu", "add", "concat", "mean", "scale", "copy"),
    *("functional_relu_", "maxpool", "zeros"),
)
#: Kinds that write into the storage that they read. Who reads the result names that storage.
INPLACE = frozenset(("relu_", "functional_relu_"))
#: What an operator can be. An unknown kind is an error: it must never count as zero.
KINDS = frozenset((*_COUNTED_KINDS, *_FREE_KINDS))


@dataclass(frozen=True, slots=True)
class Regrad:
    """A tensor that autograd makes of the gradient of a result, before the gradient is used.

    Views cost nothing on the way forward; on the way back some must copy. ``aten`` is torch's
    operator, ``where`` the submodule that made the view, ``when`` as for an ``Op``.
    """

    aten: str
    where: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class Op:
    """One operator: ``left`` and ``right`` make ``out``; a ``right`` without ``b`` is a parameter.

    ``where`` is the submodule that runs it (None: one of its own name; "": the module itself). A
    number tells calls apart: "convs@1.conv" is "convs.1.conv"; "head.(2).conv" is called in the
    third call of something of "head" that is a function or has no name but a number.
    ``of`` names the operators whose results it reads; "x" is the input of the module.
    ``when`` names products of indices ("b h": two, "bm": one) that must all exceed 1 for it to run
    at all: a copy that views spare.
    ``bound`` results stay alive until their module returns, held by a local variable; ``until``
    names a later call (from the outermost module, "": that one) whose return lets go of them.
    ``from_map`` operators read the result of a convolution over the token map, which lies channel
    by channel in memory where the batch is 1.
    ``regrads`` are the copies that views of its result cost on the way back.
    ``fused`` operators run inside one kernel: as many MACs, but the indices ``h n m`` of the
    scores are never stored.
    ``shared`` names the operator whose parameters it uses, which has them in its count.

    >>> q = Op("q", "contract", "b n c", "c e", "b n e", bias="e")
    >>> macs(q, {"b": 2, "n": 196, "c": 64, "e": 64}) == 2 * 196 * 64 * 64
    True
    """

    name: str
    kind: str
    left: str
    right: str
    out: str
    bias: str = ""
    where: str | None = None
    of: tuple[str, ...] = ()
    when: str = ""
    bound: bool = False
    until: str | None = None
    fused: bool = False
    from_map: bool = False
    regrads: tuple[Regrad, ...] = ()
    shared: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SpecError(
                f"operator {self.name}: unknown kind {self.kind!r}; use one of {sorted(KINDS)}"
            )
        if unknown := _unknown(self.left, self.right, self.out, self.bias, self.when):
            raise SpecError(f"operator {self.name}: unknown indices {unknown}; see INDICES")

    @property
    def place(self) -> str:
        """The call that runs it: ``module`` with the numbers that tell calls apart."""
        return self.name if self.where is None else self.where

    @property
    def module(self) -> str:
        """The submodule that runs it, dotted, without the indices of repeated blocks.

        "" is the module itself.
        """
        return numberless(self.place)

    @property
    def owns_right(self) -> bool:
        """Whether the right operand is a parameter: it has no batch."""
        return bool(self.right) and "b" not in self.right

    @property
    def is_convolution(self) -> bool:
        """Whether the right operand begins with two kernel axes."""
        return self.right[:3] in ("i j", "x y", "k l")

    def runs(self, sizes: Sizes) -> bool:
        """Return whether the operator runs at these sizes."""
        return exceeds_one(self.when, sizes)

    def inside(self, prefix: str, x: str = "x") -> Op:
        """Return the operator as part of a module that calls it ``prefix`` and feeds it ``x``."""
        return replace(
            self,
            name=f"{prefix}.{self.name}",
            where=f"{prefix}.{self.place}".rstrip("."),
            regrads=tuple(
                replace(regrad, where=f"{prefix}.{regrad.where}".rstrip("."))
                for regrad in self.regrads
            ),
            of=tuple(x if name == "x" else f"{prefix}.{name}" for name in self.of),
        )


@cache
def _unknown(left: str, right: str, out: str, bias: str, when: str) -> list[str]:
    """Return the letters that are no index; thousands of operators have the same operands."""
    return sorted({*letters(left, right, out, bias), *when.replace(" ", "")} - set(INDICES))


@cache
def numberless(place: str) -> str:
    """Return a place without the numbers that tell calls apart.

    >>> numberless("block1@2.attn.q"), numberless("head.(3).convs.(0).conv")
    ('block1.attn.q', 'head.convs.conv')
    """
    return re.sub(r"@[0-9]+|\.\([0-9]+\)", "", place)


def chained(*ops: Op) -> tuple[Op, ...]:
    """Return the operators, each reading the one before it unless it says otherwise."""
    before = ("x", *(op.name for op in ops))
    return tuple(op if op.of else replace(op, of=(b,)) for b, op in zip(before, ops, strict=False))


@cache
def letters(*operands: str) -> tuple[str, ...]:
    """Return the distinct indices of some operands, in order.

    >>> letters("c e", "b n e")
    ('c', 'e', 'b', 'n')
    """
    return tuple(dict.fromkeys(" ".join(operands).split()))


def product(indices: tuple[str, ...], sizes: Sizes) -> int:
    """Return the product of the sizes of some indices."""
    return prod([sizes[i] for i in indices])


def exceeds_one(groups: str, sizes: Sizes) -> bool:
    """Return whether the product of the indices of each group is above 1 (as in ``Op.when``).

    >>> exceeds_one("b h", {"b": 1, "h": 2}), exceeds_one("bh", {"b": 1, "h": 2})
    (False, True)
    """
    return all(product(tuple(group), sizes) > 1 for group in groups.split())


def numel(indices: str, sizes: Sizes) -> int:
    """Return the elements of a tensor with these indices; 0 if there are no indices."""
    return product(letters(indices), sizes) if indices else 0


def macs(op: Op, sizes: Sizes) -> int:
    """Return the multiply-accumulates of one operator; only contractions have any."""
    return product(letters(op.right, op.out), sizes) if op.kind == "contract" else 0


def params(op: Op, sizes: Sizes) -> int:
    """Return the parameters of one operator: a right operand without batch, and the bias."""
    if op.shared:
        return 0
    return (numel(op.right, sizes) if op.owns_right else 0) + numel(op.bias, sizes)


def reads(op: Op, sizes: Sizes) -> int:
    """Return the elements that one operator reads, each once; fused scores are never read."""
    left = 0 if op.fused and _is_scores(op.left) else numel(op.left, sizes)
    return left + numel(op.right, sizes) + numel(op.bias, sizes)


def writes(op: Op, sizes: Sizes) -> int:
    """Return the elements that one operator writes, each once; fused scores are never written."""
    return 0 if op.fused and _is_scores(op.out) else numel(op.out, sizes)


def _is_scores(indices: str) -> bool:
    return indices == "b h n m"
