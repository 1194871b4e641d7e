"""A module as witnesses take it: tensors in, and a tensor or a tuple of tensors out."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

from pvtprof.observe.nesting import mapped, tensors


class _Hole:
    """Stands for a tensor in the nesting of an example."""


class _Flat(nn.Module):
    """Stands before a module's own class, and fills the example's nesting with what it is given."""

    _example: tuple[tuple[Any, ...], dict[str, Any]]

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors of the output, one after the other."""
        left = iter(given)
        args, kwargs = mapped(lambda leaf: next(left) if leaf is _Hole else leaf, self._example)
        return tuple(tensors(super().forward(*args, **kwargs)))


def flat(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Return the module and its inputs as tensors alone; its output is a tuple of tensors then.

    What is returned shares parameters, buffers, submodules and hooks with ``module``; inputs that
    are no tensors (numbers, texts, None) are part of it.
    """
    found: list[Tensor] = []

    def hole(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        found.append(leaf)
        return _Hole

    example = mapped(hole, (args, kwargs))
    twin = copy.copy(module)
    twin.__class__ = type(type(module).__name__, (_Flat, type(module)), {})
    twin._example = example
    return twin, tuple(found)
