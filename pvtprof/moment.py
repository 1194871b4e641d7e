"""The bytes that are alive at one moment of a forward pass or of a training step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """Bytes of live tensors above input and parameters while an operator runs, with its own.

    ``at`` is a submodule and torch's name of the operator: ``block1.attn.scores mul``.
    """

    bytes: int
    at: str


def highest(moments: Iterable[Moment]) -> Moment:
    """Return the first moment with the most live bytes."""
    return max(moments, key=lambda moment: moment.bytes, default=Moment(0, ""))


def module_at(at: str) -> str:
    """The submodule of a moment's ``at``; "" for the module itself.

    >>> module_at("block1.attn.scores mul"), module_at("cat")
    ('block1.attn.scores', '')
    """
    return at.rpartition(" ")[0]
