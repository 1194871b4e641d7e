"""Gradients in a training step: what holds them, and how those of an operator are made."""

from __future__ import annotations

from dataclasses import dataclass

from pvtprof.analytic.formulas import Term
from pvtprof.analytic.ops import exceeds_one


@dataclass(eq=False, slots=True)
class Storage:
    """A number of bytes, and how many hold them."""

    bytes: int
    holders: int = 1


@dataclass(eq=False, slots=True)
class Gradient:
    """The gradient of a result: whether it is a ``view``, and whether it lies ``as_map``."""

    storage: Storage
    view: bool = False
    as_map: bool = False


def weight_is_laid_out_anew(term: Term) -> bool:
    """Return whether the gradient of a convolution's weight is channels-last, and is copied.

    It does where the input is the token map (at batch 1 that one lies channel by channel), and
    where the input is a single pixel, for which both layouts are one.
    """
    if term.op.right.startswith("k l") and term.op.of != ("image",):
        return term.sizes["p"] == 1 and exceeds_one("kl", term.sizes)
    return term.op.right.startswith("i j") and exceeds_one("ij b", term.sizes)


def rule_of(term: Term) -> str:
    """Return the name of the rule that makes an operator's gradients."""
    op = term.op
    if op.fused:
        return "fused"
    if op.kind != "contract":
        return op.kind
    if not op.owns_right:
        return "bmm"
    return "convolution" if op.is_convolution else "linear"
