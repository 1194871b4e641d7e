"""Gradients in a training step: what holds them, and how those of an operator are made."""

from __future__ import annotations

from dataclasses import dataclass

from pvtprof.analytic.formulas import Term
from pvtprof.analytic.ops import INPLACE, Op, exceeds_one


@dataclass(eq=False, slots=True)
class Storage:
    """A number of bytes, and how many hold them."""

    bytes: int
    holders: int = 1


def of_the_caller(output: Storage) -> Storage:
    """Return the gradient of an output: the caller holds it, and it counts for nothing."""
    return Storage(output.bytes, holders=2)


@dataclass(eq=False, slots=True)
class Gradient:
    """The gradient of a result: whether it is a ``view``, and whether it lies ``as_map``."""

    storage: Storage
    view: bool = False
    as_map: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """The gradient of a parameter, and whether it is laid out ``anew`` once it is complete."""

    storage: Storage
    anew: bool


def weight_is_laid_out_anew(term: Term) -> bool:
    """Return whether the gradient of a convolution's weight is channels-last, and is copied.

    It does where the input is the token map (at batch 1 that one lies channel by channel), and
    where the input is a single token taken as a map, for which both layouts are one.
    """
    if term.op.right.startswith("k l") and term.op.of[0].startswith(("block", "norm")):
        return term.sizes["p"] == 1 and exceeds_one("kl", term.sizes)
    return term.op.right.startswith("i j") and exceeds_one("ij b", term.sizes)


def reads_tokens_as_map(op: Op) -> bool:
    """Return whether a convolution reads a view of tokens, so that its gradient becomes a view."""
    return op.is_convolution and not op.right.startswith("k l")


def storage_of(op: Op) -> str:
    """Return the result whose storage an operator's result has: its own, or what it writes into."""
    return op.of[0] if op.kind in INPLACE else op.name


def rule_of(term: Term) -> str:
    """Return the name of the rule that makes an operator's gradients."""
    op = term.op
    if op.fused:
        return "fused"
    if op.kind == "interpolate" and not op.right:
        return "resize"
    if op.kind != "contract":
        return op.kind
    if not op.owns_right:
        return "bmm"
    return "convolution" if op.is_convolution else "linear"
