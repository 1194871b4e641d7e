"""The kernels of a user's own module, from the operators that it runs.

Families and features are those of ``kernels``; an operator that PVT does not run has a family of
its own name, which no calibration has seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from pvtprof.designs.words import DTYPES
from pvtprof.predict import kernels as known
from pvtprof.predict.kernels import Kernel

if TYPE_CHECKING:
    from pvtprof.observe.operators import Call

#: Family, kind, features and MACs.
Seen: TypeAlias = tuple[str, str, tuple[float, ...], int]

#: Families of operators that pass over elements: by the layout of maps, and others.
_BY_PATH = {"gelu": "gelu", "relu": "relu", "clone": "clone_merge"}
_PLAIN = {"add": "add_add"}


def kernels(calls: Iterable[Call], dtype: str, batch: int) -> Iterator[Kernel]:
    """The kernels of a forward pass in the order in which they run."""
    size, path = DTYPES[dtype], "@1" if batch == 1 else "@n"
    for call in calls:
        family, kind, features, macs = _seen_as(call, size, path)
        moved = size * (sum(map(math.prod, call.shapes)) + math.prod(call.made))
        yield Kernel(call.aten, family, kind, features, macs, moved)


def _seen_as(call: Call, size: int, path: str) -> Seen:
    name = call.aten
    if name in ("addmm", "mm", "bmm"):
        return _product(call, size, path)
    if name == "convolution":
        return _convolution(call, size, path)
    elements = math.prod(call.made)
    if name == "_softmax":
        return name.strip("_"), "softmax", known.softmax_of(elements, call.made[-1], size), 0
    if name == "native_layer_norm":
        is_map = call.strides[0][-1] != 1
        family = f"{name}_of_map{path}" if is_map else name
        return family, "rows", known.rows_of(elements, call.made[-1], size), 0
    family = _BY_PATH[name] + path if name in _BY_PATH else _PLAIN.get(name, name)
    taken = sum(map(math.prod, call.shapes[:1])) + elements
    return family, "elements", known.elements_of(taken, size), 0


def _product(call: Call, size: int, path: str) -> Seen:
    """A product of matrices: of a linear layer, or of two activations."""
    left, right = call.shapes[-2:]
    inner, columns = left[-1], right[-1]
    batch, rows = (left[0], left[1]) if call.aten == "bmm" else (1, left[0])
    features = known.product_of(batch, rows, inner, columns, size)
    macs = batch * rows * inner * columns
    if call.aten == "bmm":
        family = "bmm_mix" if call.strides[-1][-1] == 1 else "bmm_scores"
        return family, "product", features, macs
    is_map = call.strides[-2][-1] != 1
    return f"gemm_of_map{path}" if is_map else "gemm", "product", features, macs


def _convolution(call: Call, size: int, path: str) -> Seen:
    """A convolution of PVT's kinds: by its kernel, its stride and its groups."""
    given, weight = call.shapes[:2]
    kernel, channels = weight[2:], given[1]
    macs = math.prod(call.made) * weight[1] * math.prod(kernel)
    family = "convolution"
    few = math.prod(given) <= known.SMALL_INPUT and path == "@1" and size == 4
    if few and call.groups == 1 and 1 < kernel[0] <= known.SMALL_KERNEL:
        family = "conv_small"
    elif call.groups == channels and weight[1] == 1 and channels > 1:
        family = f"conv_depthwise{path}"
    elif call.groups == 1 and set(kernel) == {1}:
        family = f"conv_1x1{path}"
    elif call.groups == 1 and kernel == call.stride:
        family = f"conv_patch{path}" if channels <= 4 else f"conv_reduce{path}"
    elif call.groups == 1 and set(call.stride) == {2} and set(kernel) == {3}:
        family = f"conv_overlap{path}"
    elif call.groups == 1 and set(kernel) == {7}:
        family = f"conv_stem{path}"
    operands = tuple(map(math.prod, (given, weight, call.made)))
    rows = call.made[0] * call.made[2]
    features = known.convolution_of(macs, math.prod(kernel), call.made[1], operands, rows, size)
    return family, "convolution", features, macs
