"""Inputs and outputs of any nesting: the tensors in them, and the arguments that they stand for.

The worker loads it beside itself, whatever pvtprof it runs: it imports nothing of pvtprof.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Set
from typing import Any


def arguments(example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and the named arguments that an example input stands for.

    >>> arguments(3), arguments([3, 4]), arguments({"height": 3})
    (((3,), {}), ((3, 4), {}), ((), {'height': 3}))
    """
    if isinstance(example, Mapping):
        return (), dict(example)
    if isinstance(example, tuple | list):
        return tuple(example), {}
    return (example,), {}


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """Return the same nesting, with ``function`` of every leaf in its place.

    Tuples, lists and mappings are entered; anything else is a leaf.

    >>> mapped(lambda leaf: leaf + 1, {"a": (1, [2])})
    {'a': (2, [3])}
    """
    if isinstance(value, Mapping):
        return {key: mapped(function, held) for key, held in value.items()}
    if isinstance(value, tuple | list):
        parts = [mapped(function, held) for held in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return function(value)


def tensors(value: Any) -> list[Any]:
    """Return every tensor in an output, also in tuples, lists, sets, mappings and dataclasses."""
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Mapping):
        parts = list(value.values())
    elif isinstance(value, tuple | list | Set):
        parts = list(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, field.name) for field in dataclasses.fields(value)]
    else:
        return []
    return [tensor for part in parts for tensor in tensors(part)]
