"""What a training step reads off a list of operators: outputs, blocks, what batch norms keep."""

from __future__ import annotations

from collections.abc import Sequence

from pvtprof.analytic.ops import Op
from pvtprof.analytic.terms import Term


def outputs(terms: Sequence[Term]) -> tuple[str, ...]:
    """Return the results that the network returns: the last, or those held to the end."""
    held = tuple(term.op.name for term in terms if term.op.until == "")
    return held or (terms[-1].op.name,)


def batch_statistics(term: Term) -> int:
    """Return the elements that a batch norm keeps in training: mean and deviation of a channel."""
    return 2 * term.sizes["e"] if term.op.kind == "batchnorm" else 0


def blocks(terms: Sequence[Term]) -> list[list[int]]:
    """Return the numbers of the operators of each block."""
    found: dict[str, list[int]] = {}
    for number, term in enumerate(terms):
        if name := block_of(term.op):
            found.setdefault(name, []).append(number)
    return list(found.values())


def block_of(op: Op) -> str:
    """Return the block that an operator is in, such as "block1@0"; "" outside of blocks."""
    head = op.place.removeprefix("backbone.").partition(".")[0]
    return head if head.startswith("block") else ""
