"""Which dimensions of the example input are free, by what name, and the input on symbolic sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from pvtprof.errors import SpecError
from pvtprof.observe.nesting import arguments

#: Where a free size lies: name of the input, and its dimension (None: the input is the number).
Place: TypeAlias = tuple[str, int | None]
#: What a user may say of free sizes: "b=0,h=2,w=3", or name: dimension or (input, dimension).
Free: TypeAlias = str | Mapping[str, object]
_WAY_OUT = "use --free b=0,h=2,w=3 (dimensions of the first input) or --free q.0=b,k.1=m"
#: Free dimensions of a tensor by its number of dimensions, where nothing was said.
_IMAGES = {4: {0: "b", 2: "h", 3: "w"}, 5: {0: "b", 2: "t", 3: "h", 4: "w"}}
_TOKENS = {2: {0: "b"}, 3: {0: "b", 1: "n"}}
_WHOLE_TOKENS = {1: {0: "n"}, 2: {0: "b", 1: "n"}}


@dataclass(frozen=True)
class Example:
    """The example input, and the names of the sizes in it that are free.

    ``names`` maps a place to a size's name or to a product of names such as "h*w".
    ``said`` tells that a user named them, so that one that the code fixes is an error.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    names: Mapping[Place, str]
    said: bool = False

    @property
    def sizes(self) -> dict[str, int]:
        """The free sizes by name, as the example has them."""
        found: dict[str, int] = {}
        leaves = dict(_leaves(self.args, self.kwargs))
        for (key, dim), name in self.names.items():
            if "*" not in name:
                found.setdefault(name, leaves[key] if dim is None else leaves[key].shape[dim])
        return found

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors of the example."""
        return [leaf for _, leaf in _leaves(self.args, self.kwargs) if isinstance(leaf, Tensor)]

    @property
    def first_shape(self) -> tuple[int | str, ...]:
        """The shape of the first tensor, its free sizes by name.

        >>> example(torch.zeros(1, 49, 64)).first_shape
        ('b', 'n', 64)
        """
        leaves = _leaves(self.args, self.kwargs)
        key, first = next((key, leaf) for key, leaf in leaves if isinstance(leaf, Tensor))
        return tuple(self.names.get((key, dim), size) for dim, size in enumerate(first.shape))

    def with_sizes(self, sizes: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the inputs at other sizes: new tensors without content, on the mode's device."""
        args = tuple(self._resized(str(i), value, sizes) for i, value in enumerate(self.args))
        kwargs = {key: self._resized(key, value, sizes) for key, value in self.kwargs.items()}
        return args, kwargs

    def real(self, sizes: Mapping[str, int], device: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the inputs with content on ``device``: the example's own, else random ones."""
        own = {name: sizes[name] for name in self.sizes} == self.sizes
        args, kwargs = (self.args, dict(self.kwargs)) if own else self.with_sizes(sizes)

        def placed(leaf: Any) -> Any:
            if not isinstance(leaf, Tensor):
                return leaf
            value = leaf.detach()
            if not own and value.is_floating_point():
                value = torch.randn_like(value)
            return value.to(device).requires_grad_(leaf.requires_grad)

        return tree_map(placed, (args, kwargs))  # type: ignore[no-any-return] # as it was given

    def _resized(self, key: str, value: Any, sizes: Mapping[str, Any]) -> Any:
        if isinstance(value, tuple | list):
            parts = [self._resized(f"{key}.{i}", part, sizes) for i, part in enumerate(value)]
            return type(value)(parts)
        if isinstance(value, dict):
            return {k: self._resized(f"{key}.{k}", part, sizes) for k, part in value.items()}
        if (key, None) in self.names:
            return _product(self.names[key, None], sizes)
        if not isinstance(value, Tensor):
            return value
        shape = [
            _product(self.names[key, dim], sizes) if (key, dim) in self.names else size
            for dim, size in enumerate(value.shape)
        ]
        order = sorted(range(value.dim()), key=value.stride, reverse=True)
        made = torch.zeros([shape[dim] for dim in order], dtype=value.dtype)
        made = made.permute([order.index(dim) for dim in range(value.dim())])
        return made.requires_grad_(value.requires_grad)


def example(inputs: Any, free: Free | None = None) -> Example:
    """Return the example and its free sizes: as said, or by the shape of each tensor.

    >>> example(torch.zeros(1, 3, 8, 9)).sizes
    {'b': 1, 'h': 8, 'w': 9}
    >>> example((torch.zeros(1, 64, 8), 8, 8), "b=0,0.1=h*w,1=h,2=w").sizes
    {'b': 1, 'h': 8, 'w': 8}
    """
    args, kwargs = arguments(inputs)
    leaves = dict(_leaves(args, kwargs))
    if not any(isinstance(leaf, Tensor) for leaf in leaves.values()):
        raise SpecError("the example input has no tensor; give a tensor, a tuple or a dict of them")
    if free is None:
        return Example(args, kwargs, _deduced(leaves))
    names = dict(_said(free, leaves))
    if not names:
        raise SpecError(f"no free dimension is named; {_WAY_OUT}")
    made = Example(args, kwargs, names, said=True)
    for name in names.values():
        if missing := [n for n in name.split("*") if n not in made.sizes]:
            raise SpecError(f"free size {missing[0]!r} is no input's dimension alone; {_WAY_OUT}")
    return made


def _leaves(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in (*((str(i), v) for i, v in enumerate(args)), *kwargs.items()):
        yield from _within(key, value)


def _within(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, tuple | list):
        for i, part in enumerate(value):
            yield from _within(f"{key}.{i}", part)
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _within(f"{key}.{name}", part)
    else:
        yield key, value


def _deduced(leaves: Mapping[str, Any]) -> dict[Place, str]:
    """Return batch, and spatial or sequence dimensions; in later tensors what has the same size."""
    names: dict[Place, str] = {}
    sizes: dict[str, int] = {}
    for key, leaf in leaves.items():
        if not isinstance(leaf, Tensor):
            continue
        if not names:
            kinds = _IMAGES | (_TOKENS if leaf.is_floating_point() else _WHOLE_TOKENS)
            for dim, name in kinds.get(leaf.dim(), {}).items():
                names[key, dim], sizes[name] = name, leaf.shape[dim]
            continue
        by_size = {size: name for name, size in sizes.items() if name != "b"}
        for dim, size in enumerate(leaf.shape):
            if dim == 0 and size == sizes.get("b"):
                names[key, dim] = "b"
            elif size in by_size:
                names[key, dim] = by_size[size]
    return names


def _said(free: Free, leaves: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    pairs = _parsed(free) if isinstance(free, str) else list(free.items())
    first = next(key for key, leaf in leaves.items() if isinstance(leaf, Tensor))
    for name, where in pairs:
        places = where if isinstance(where, list) else [where]
        for place in places:
            key, dim = place if isinstance(place, tuple) else (first, place)
            yield _checked(str(key), dim, name, leaves), name


def _parsed(free: str) -> list[tuple[str, object]]:
    """Return the pairs of a text such as "b=0,h=2" or "q.0=b" or "1=h"."""
    pairs: list[tuple[str, object]] = []
    for part in filter(None, (part.strip() for part in free.split(","))):
        left, _, right = (side.strip() for side in part.partition("="))
        if re.fullmatch(r"[A-Za-z]\w*", left) and right.isdigit():
            pairs.append((left, int(right)))
        elif re.fullmatch(r"[A-Za-z]\w*(\*[A-Za-z]\w*)*", right):
            key, _, dim = left.rpartition(".")
            pairs.append((right, (key, int(dim)) if key and dim.isdigit() else (left, None)))
        else:
            raise SpecError(f"--free {part!r} is not understood; {_WAY_OUT}")
    return pairs


def _checked(key: str, dim: object, name: str, leaves: Mapping[str, Any]) -> Place:
    if key not in leaves:
        raise SpecError(f"free size {name!r}: no input {key!r}; there are {', '.join(leaves)}")
    leaf = leaves[key]
    if dim is None and isinstance(leaf, int) and not isinstance(leaf, bool):
        return key, None
    if not isinstance(leaf, Tensor) or not isinstance(dim, int) or not 0 <= dim < leaf.dim():
        shape = f"a tensor {tuple(leaf.shape)}" if isinstance(leaf, Tensor) else type(leaf).__name__
        raise SpecError(f"free size {name!r}: input {key!r} is {shape}, which has no {dim}")
    return key, dim


def _product(name: str, sizes: Mapping[str, Any]) -> Any:
    first, *more = name.split("*")
    product = sizes[first]
    for factor in more:
        product = product * sizes[factor]
    return product
