"""The kernels of an operator list: of each its class, and the sizes on which its time depends.

FLOPs do not predict time: a kernel's rate depends on its class, its shape and its path. So every
kernel has a family and a few features (its work, and the sizes of its operands); its seconds are a
sum of those with coefficients of 0 or more that a calibration of the machine finds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pvtprof.analytic import ops
from pvtprof.analytic.formulas import Term
from pvtprof.analytic.geometry import Sizes
from pvtprof.analytic.liveness import allocating, allocations
from pvtprof.analytic.ops import Op, letters, numel, product
from pvtprof.designs.words import DTYPES
from pvtprof.predict.prediction import VECTORS

#: Matrix products work on so many columns at a time; a rest costs as much as a whole.
PAD = 16
#: Bytes beyond which a tensor does not stay in the caches of a core, and of a processor.
CACHES = (2**20, 2**25)
#: Output channels for which a convolution goes over the image before it takes the next ones.
CHANNELS = 64
#: In float32 and at batch 1, torch gives a convolution to oneDNN if its kernel is wider than this,
#: or its inputs are more. Source: ConvParams::use_mkldnn in aten/src/ATen/native/Convolution.cpp.
SMALL_KERNEL, SMALL_INPUT = 3, 20480
#: The name of each feature, by the kind of kernel; the first is 1 in every call.
FEATURES = {
    "product": ("call", "MACs", "result", "left", "right", "beyond 1 MiB", "beyond 32 MiB"),
    "convolution": (
        "call",
        "MACs",
        "taps",
        "input",
        "weight",
        "result",
        "weight beyond 1 MiB",
        "weight beyond 32 MiB",
        "weight again",
    ),
    "fused": (
        "call",
        "MACs",
        "scores",
        "in rests of 32 B",
        "in rests of 64 B",
        "queries",
        "keys",
    ),
    "rows": ("call", "rows", "bytes", "beyond 1 MiB", "beyond 32 MiB"),
    "softmax": (
        "call",
        "rows",
        "rows with a rest of 32 B",
        "rows with a rest of 64 B",
        "in rows below 32 B",
        "in rows below 64 B",
        "bytes",
        "beyond 1 MiB",
        "beyond 32 MiB",
    ),
    "pooling": ("call", "taken", "results", "beyond 1 MiB", "beyond 32 MiB"),
    "elements": ("call", "bytes", "beyond 1 MiB", "beyond 32 MiB"),
}
_FUSED = re.compile("(?<=_scaled_dot_product).*")
V2_PATCHES = {7: "conv_stem", 3: "conv_overlap"}


@dataclass(frozen=True, slots=True)
class Kernel:
    """One call of a kernel: torch's operator, the family and kind, and its features.

    ``macs`` and ``moved_bytes`` (each operand once) are what a roofline takes.
    """

    aten: str
    family: str
    kind: str
    features: tuple[float, ...]
    macs: int
    moved_bytes: int


def kernels(terms: Sequence[Term], dtype: str) -> Iterator[tuple[Term, Kernel]]:
    """Yield the kernels of a forward pass in the order in which they run; repeated blocks once."""
    for term in allocating(terms):
        for i, (aten, _, _) in enumerate(allocations(term, dtype)):
            yield term, _kernel(term, aten, dtype, is_rest=i > 0)


def matched_s(
    expected: Sequence[Kernel], profile: Sequence[tuple[str, float]]
) -> tuple[float, ...] | None:
    """Return the seconds of each kernel from the operators that torch ran; None if they differ.

    One fused attention is as good as another: which one runs depends on the device.

    >>> one = Kernel("mm", "gemm", "product", (1.0,), 500, 100)
    >>> matched_s([one], [("view", 1e-6), ("mm", 2e-3)])
    (0.002,)
    >>> matched_s([one, one], [("mm", 2e-3)])
    """
    wanted = [_FUSED.sub("", kernel.aten) for kernel in expected]
    ran = ((_FUSED.sub("", name), seconds) for name, seconds in profile)
    found = [(name, seconds) for name, seconds in ran if name in wanted]
    if [name for name, _ in found] != wanted:
        return None
    return tuple(seconds for _, seconds in found)


def _kernel(term: Term, aten: str, dtype: str, is_rest: bool) -> Kernel:
    op, sizes, size = term.op, term.sizes, DTYPES[dtype]
    family, kind, features = _seen_as(op, aten, sizes, dtype)
    macs = 0 if is_rest else ops.macs(op, sizes)
    if op.fused:  # scores and mix in one kernel, and nothing of n x m is moved
        macs *= 2
        moved = 2 * numel("b h n d", sizes) + 2 * numel("b h m d", sizes)
    else:
        moved = ops.reads(op, sizes) + ops.writes(op, sizes)
    return Kernel(aten, family, kind, features, macs, moved * size)


def _seen_as(op: Op, aten: str, sizes: Sizes, dtype: str) -> tuple[str, str, tuple[float, ...]]:
    """Return (family, kind, features) of an operator; ``path`` tells batch 1 from others."""
    size = DTYPES[dtype]
    if "a" not in sizes:  # of a neck or a head: no calibration has seen it
        return f"{aten}_of_task", "elements", elements_of(numel(op.out, sizes), size)
    path = "@1" if sizes["b"] == 1 else "@n"
    name = op.name.rpartition(".")[2].rstrip("1234")
    if aten in ("addmm", "mm"):
        return f"gemm_of_map{path}" if op.from_map else "gemm", "product", _linear(op, sizes, size)
    if aten == "bmm":
        return f"bmm_{name}", "product", _batched(op, sizes, size)
    if op.fused:
        return "sdpa", "fused", _fused(sizes, size)
    if aten == "convolution":
        is_small = dtype == "float32" and _is_small(op, sizes)
        family = "conv_small" if is_small else _convolution(op, sizes) + path
        return family, "convolution", _operands(op, sizes, size)
    if aten == "_softmax":
        return "softmax", "softmax", _softmax(op, sizes, size)
    if aten == "native_layer_norm":
        of_map = f"_of_map{path}" if op.left in ("b s e", "b m e") else ""
        return aten + of_map, "rows", _rows(op, sizes, size)
    if aten == "_adaptive_avg_pool2d":
        return aten + path, "pooling", _pooling(op, sizes, size)
    if aten in ("clone", "add", "cat"):
        aten = f"{aten}_{name}"
    split = path if op.kind in ("pool", "gelu", "relu", "copy") else ""
    return aten + split, "elements", elements_of(numel(op.left, sizes) + numel(op.out, sizes), size)


def _linear(op: Op, sizes: Sizes, size: int) -> tuple[float, ...]:
    inner = sizes[op.left.split()[-1]]
    left, right = numel(op.left, sizes), numel(op.right, sizes)
    return product_of(1, left // inner, inner, right // inner, size)


def _batched(op: Op, sizes: Sizes, size: int) -> tuple[float, ...]:
    rows, inner = (sizes[index] for index in op.left.split()[2:])
    return product_of(sizes["b"] * sizes["h"], rows, inner, sizes[op.out.split()[3]], size)


def product_of(batch: int, rows: int, inner: int, columns: int, size: int) -> tuple[float, ...]:
    """Return the features of a product of matrices; ``size`` are bytes of an element."""
    padded = rows * inner * -(-columns // PAD) * PAD
    operands = (rows * columns, rows * inner, inner * columns)
    spilled = _beyond(batch * sum(operands) * size)
    return (1.0, *(float(batch * n) for n in (padded, *operands)), *spilled)


def _fused(sizes: Sizes, size: int) -> tuple[float, ...]:
    queries, scores = numel("b h n d", sizes), numel("b h n m", sizes)
    rests = (numel("b h n", sizes) * (sizes["m"] % (vector // size)) for vector in VECTORS)
    operands = (scores * sizes["d"], scores, *rests, queries, numel("b h m d", sizes))
    return (1.0, *map(float, operands))


def _convolution(op: Op, sizes: Sizes) -> str:
    kind = op.right[:3]
    if kind == "x y":
        return "conv_depthwise"
    if kind == "i j":
        return "conv_1x1" if sizes["i"] == 1 else "conv_reduce"
    return V2_PATCHES.get(sizes["k"], "conv_patch")


def _is_small(op: Op, sizes: Sizes) -> bool:
    """Return whether torch computes the convolution itself, without oneDNN.

    A 1x1 convolution unfolds nothing, and depends on the number of threads too: it is apart.
    """
    kernel = sizes[op.right[0]]
    grouped = op.right[:3] == "x y"
    few = numel(op.left, sizes) <= SMALL_INPUT
    return not grouped and sizes["b"] == 1 and 1 < kernel <= SMALL_KERNEL and few


def _operands(op: Op, sizes: Sizes, size: int) -> tuple[float, ...]:
    operands = tuple(numel(s, sizes) for s in (op.left, op.right, op.out))
    taps = product(letters(op.right)[:2], sizes)
    rows = sizes["b"] * (sizes["a"] // (sizes["i"] if op.right[0] == "i" else 1))
    channels = sizes[op.out.split()[-1]]
    return convolution_of(ops.macs(op, sizes), taps, channels, operands, rows, size)


def convolution_of(
    macs: int, taps: int, channels: int, operands: tuple[int, ...], rows: int, size: int
) -> tuple[float, ...]:
    """Return the features of a convolution.

    ``taps`` are the elements of its kernel, ``channels`` those of its result, ``operands`` the
    elements of input, weight and result, ``rows`` the rows of the result in all images.
    """
    weight = operands[1] * size
    # where the weight of CHANNELS does not stay near, it is read again for every row of the result
    again = rows * max(0.0, weight - max(1.0, channels / CHANNELS) * CACHES[0])
    counts = (macs, operands[2] // channels * taps, *operands)
    return (1.0, *map(float, counts), *_beyond(weight), again)


def _pooling(op: Op, sizes: Sizes, size: int) -> tuple[float, ...]:
    """Return the features of a pooling; windows overlap if the side does not divide the grid's."""
    pooled, height = math.isqrt(sizes["m"]), sizes["a"]
    sides = (height, sizes["n"] // height)
    windows = math.prod(side + pooled - math.gcd(side, pooled) for side in sides)
    windowed, results = sizes["b"] * sizes["c"] * windows, numel(op.out, sizes)
    return (
        1.0,
        float(windowed),
        float(results),
        *_beyond((numel(op.left, sizes) + results) * size),
    )


def _rows(op: Op, sizes: Sizes, size: int) -> tuple[float, ...]:
    return rows_of(numel(op.out, sizes), sizes[op.out.split()[-1]], size)


def rows_of(elements: int, row: int, size: int) -> tuple[float, ...]:
    """Return the features of an operator on rows of ``row`` elements."""
    call, *taken = elements_of(elements, size)
    return (call, float(elements // row), *taken)


def _softmax(op: Op, sizes: Sizes, size: int) -> tuple[float, ...]:
    return softmax_of(numel(op.out, sizes), sizes[op.out.split()[-1]], size)


def softmax_of(elements: int, row: int, size: int) -> tuple[float, ...]:
    """Return the features of a softmax over rows of ``row`` elements."""
    call, rows, *spilled = rows_of(elements, row, size)
    row *= size
    short = (rows * row if row < vector else 0.0 for vector in VECTORS)
    rests = (rows if row % vector else 0.0 for vector in VECTORS)
    return (call, rows, *rests, *short, *spilled)


def elements_of(elements: int, size: int) -> tuple[float, ...]:
    """Return the features of an operator that passes over so many elements."""
    return (1.0, float(elements * size), *_beyond(elements * size))


def _beyond(size: int) -> tuple[float, ...]:
    """Return the bytes that do not fit into each of the caches."""
    return tuple(float(max(0, size - cache)) for cache in CACHES)
