"""Live bytes from an operator list: what each operator allocates, and when it is let go.

Exact at the level of tensors for eager PyTorch, above what the caller holds (input and
parameters). Three rules of Python decide how long a result lives:

1. until the last operator that reads it has run;
2. an argument of a call, until that call returns;
3. what a local variable holds (``Op.bound``), until its function returns; so does what lies in a
   list or tuple, until the call that was given it returns, or to the end (``Op.until``).

With autograd, what backward needs (``keeps``) lives until it has run: see ``training``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import TypeAlias

from pvtprof.analytic.formulas import Term
from pvtprof.analytic.ops import INPLACE, Op, numel
from pvtprof.designs.words import DTYPES
from pvtprof.moment import Moment, highest

Scope: TypeAlias = tuple[str, ...]
#: (torch's operator, bytes of its result, bytes beside it); the last makes the result.
Allocations: TypeAlias = list[tuple[str, int, int]]

#: What torch calls the operator that allocates the result of each kind, after decomposition.
ATEN = {
    "layernorm": "native_layer_norm",
    "softmax": "_softmax",
    "gelu": "gelu",
    "relu": "relu",
    "interpolate": "upsample_bilinear2d",
    "add": "add",
    "concat": "cat",
    "batchnorm": "native_batch_norm",
    "nearest": "upsample_nearest2d",
    "maxpool": "max_pool2d_with_indices",
    "zeros": "new_zeros",
    "mean": "mean",
    "scale": "mul",
    "copy": "clone",
}


#: The caching allocator of CUDA hands out blocks of so many bytes (c10/cuda: kMinBlockSize).
CUDA_BLOCK = 512


def in_blocks(requested: int) -> int:
    """Return the size of the block that CUDA's allocator takes for so many bytes.

    >>> in_blocks(1), in_blocks(512), in_blocks(0)
    (512, 512, 0)
    """
    return -(-requested // CUDA_BLOCK) * CUDA_BLOCK


def peak(terms: Sequence[Term], dtype: str) -> Moment:
    """Return the first moment of a forward pass without autograd with the most live bytes.

    Source of the trial: "Memory, exactly". For one written-out attention module the moments are
    q + m, ..., up to q + 2m + X + 2S at the scaling, with S the score matrix.
    """
    return highest(timeline(terms, dtype))


def timeline(terms: Sequence[Term], dtype: str) -> Iterator[Moment]:
    """Return the live bytes at every operator that allocates, in order; repeated blocks once.

    Every block of a stage begins and ends with the same tensors alive, so one stands for all.
    """
    return _timeline(terms, lambda term: allocations(term, dtype))


def requested_peak(terms: Sequence[Term], dtype: str) -> int:
    """Return the peak of a forward pass on CUDA in bytes asked for, before they become blocks."""
    return _cuda_peak(terms, dtype, int)


def allocated_peak(terms: Sequence[Term], dtype: str) -> int:
    """Return the peak of a forward pass in the blocks of CUDA's allocator.

    The statistics of a layer norm are float32 or better there. What kernels take for themselves
    (workspaces of cuBLAS and cuDNN) is beyond tensors and not in it.
    """
    return _cuda_peak(terms, dtype, in_blocks)


def _cuda_peak(terms: Sequence[Term], dtype: str, block: Callable[[int], int]) -> int:
    widened = max(4, DTYPES[dtype]) // DTYPES[dtype]

    def in_cuda(term: Term) -> Allocations:
        of_norm = term.op.kind == "layernorm"  # mean and deviation: two tensors
        return [
            (
                aten,
                block(size),
                2 * block(extra // 2 * widened) if of_norm else block(extra),
            )
            for aten, size, extra in allocations(term, dtype)
        ]

    return highest(_timeline(terms, in_cuda)).bytes


def _timeline(terms: Sequence[Term], taken_by: Callable[[Term], Allocations]) -> Iterator[Moment]:
    running = allocating(terms)
    released = releases(running)
    alive: dict[str, int] = {}
    for i, term in enumerate(running):
        held, size = sum(alive.values()), 0
        for aten, size, extra in taken_by(term):
            held += size + extra
            yield Moment(held, f"{term.op.module} {aten}".strip())
        alive[term.op.name] = size
        for name in released.get(i, ()):
            del alive[name]


def saved(terms: Sequence[Term], dtype: str) -> int:
    """Return the bytes kept for backward by a forward pass, without input, parameters, output.

    For one written-out attention module: 2q + 2m + S, and 2m + t more with a strided convolution,
    4m + t more with pooling (t: the statistics of the norm).
    """
    running = unrolled(allocating(terms))
    made = {term.op.name: term for term in running}
    kept: set[str] = set()
    statistics = 0
    for term in running:
        names, keeps_statistics = keeps(term)
        kept.update(name for name in names if name in made)
        statistics += beside(term, dtype) if keeps_statistics else 0
    kept -= {running[-1].op.name, *(term.op.name for term in running if term.op.until == "")}
    return sum(result_bytes(made[name], dtype) for name in kept) + statistics


def keeps(term: Term) -> tuple[tuple[str, ...], bool]:
    """Return what an operator's gradient needs: names of results, and whether its statistics."""
    op = term.op
    if op.fused:
        return (*op.of, op.name), True
    if op.kind == "layernorm":
        return op.of, True
    if op.kind == "maxpool":
        return op.of, True
    if op.kind == "batchnorm":
        return op.of, True
    if op.kind in INPLACE:
        return op.of, False
    if op.kind in ("contract", "gelu") or (op.kind == "pool" and aten_name(term) != "mean"):
        return op.of, False
    return ((op.name,) if op.kind in ("softmax", "relu") else ()), False


def unrolled(terms: Sequence[Term]) -> list[Term]:
    """Return the operators with each repeated block written out, one after the other.

    The second of the blocks of "block1" is "block1@1": in names and submodules.
    """
    written = _unrolled(tuple((term.op, term.times) for term in terms))
    return [Term(op, terms[i].sizes) for op, i in written]


@lru_cache(maxsize=64)
def _unrolled(ops: tuple[tuple[Op, int], ...]) -> list[tuple[Op, int]]:
    """Return each operator of an unrolled list, and which of ``ops`` it repeats."""
    out: list[tuple[Op, int]] = []
    renamed: dict[str, str] = {}
    for prefix, group in groupby(enumerate(ops), key=lambda item: _block(item[1][0])):
        block = [(i, op, times) for i, (op, times) in group]
        mine = {op.name for _, op, _ in block} if prefix else set()
        for number in range(block[0][2] if prefix else 1):
            names = {name: f"{name}@{number}" for name in mine}
            for i, op, _ in block:
                of = tuple(names.get(name, renamed.get(name, name)) for name in op.of)
                if not prefix and of == op.of:
                    out.append((op, i))
                    continue
                where = op.place.replace(prefix, f"{prefix}@{number}", 1) if prefix else op.where
                out.append((replace(op, name=names.get(op.name, op.name), of=of, where=where), i))
            if prefix:
                (entry,), last = block[0][1].of, block[-1][1].name
                renamed |= {entry: names[last], last: names[last]}
    return out


def _block(op: Op) -> str:
    """Return the stage's blocks that hold an operator, such as "block1"; "" outside of blocks."""
    head = op.name.partition(".")[0]
    return head if head.startswith("block") else ""


def allocating(terms: Sequence[Term]) -> list[Term]:
    """Return the operators that allocate; of fused attention, only the last."""
    return [term for term in terms if not (term.op.fused and term.op.out == "b h n m")]


def allocations(term: Term, dtype: str) -> Allocations:
    """Return the allocations of an operator: one, or two for some linear layers.

    torch adds the bias of a linear layer in an operator of its own where the input is not
    contiguous, which it is after a convolution at batch 1 (``Op.from_map``).
    """
    if term.op.kind in INPLACE:
        return []
    size = result_bytes(term, dtype)
    if is_unfused(term):
        return [("mm", size, 0), ("add", size, 0)]
    return [(aten_name(term), size, beside(term, dtype))]


def is_unfused(term: Term) -> bool:
    """Return whether the bias of a linear layer is added by an operator of its own."""
    return term.op.from_map and term.sizes["b"] == 1 and term.sizes["n"] > 1


def result_bytes(term: Term, dtype: str) -> int:
    """Return the bytes of the result of an operator."""
    return numel(term.op.out, term.sizes) * DTYPES[dtype]


def beside(term: Term, dtype: str) -> int:
    """Return the bytes of what an operator returns beside its result, for backward only."""
    op, sizes = term.op, term.sizes
    if op.kind == "layernorm":  # mean and reciprocal deviation of each token, in the tokens' dtype
        return 2 * numel(op.out, sizes) // sizes["e"] * DTYPES[dtype]
    if op.fused:  # the log-sum-exp of each query, in float32 or better
        return numel("b h n", sizes) * max(4, DTYPES[dtype])
    if op.kind == "maxpool":  # where each maximum was, as int64
        return numel(op.out, sizes) * 8
    return 0


def aten_name(term: Term) -> str:
    """Return torch's name of the operator that allocates the result."""
    op = term.op
    if op.fused:
        return "_scaled_dot_product_flash_attention_for_cpu"
    if op.kind == "pool":
        return "mean" if term.sizes["m"] == 1 else "_adaptive_avg_pool2d"
    if op.kind != "contract":
        return ATEN[op.kind]
    if not op.owns_right:
        return "bmm"
    if op.is_convolution:
        return "convolution"
    return "addmm" if op.bias else "mm"


def releases(terms: Sequence[Term]) -> Mapping[int, list[str]]:
    """Return for each operator the results that are released when it has run."""
    return _releases(tuple(term.op for term in terms))


@lru_cache(maxsize=64)
def _releases(ops: tuple[Op, ...]) -> Mapping[int, list[str]]:
    scopes = [_scope(op) for op in ops]
    ends = {scope[:k]: i for i, scope in enumerate(scopes) for k in range(len(scope) + 1)}
    made = {op.name: i for i, op in enumerate(ops)}
    last = {i: i for i in range(len(ops))}
    for i, op in enumerate(ops):
        for source in (made[name] for name in op.of if name in made):
            last[source] = max(last[source], _call_end(ends, scopes[source], scopes[i], i))
    for i, op in enumerate(ops):
        if op.bound:
            last[i] = max(last[i], ends[scopes[i][:-1]])
        if op.until is not None:
            last[i] = max(last[i], ends[_parts(op.until)])
    released: dict[int, list[str]] = {}
    for i, end in last.items():
        released.setdefault(end, []).append(ops[i].name)
    return released


def _scope(op: Op) -> Scope:
    return _parts(op.place)


def _parts(place: str) -> Scope:
    return tuple(place.split(".")) if place else ()


def _call_end(ends: Mapping[Scope, int], mine: Scope, theirs: Scope, reader: int) -> int:
    """Return when the outermost call that received a result of ``mine`` for ``reader`` returns."""
    shared = 0
    while shared < min(len(mine), len(theirs)) and mine[shared] == theirs[shared]:
        shared += 1
    return reader if shared == len(theirs) else ends[theirs[: shared + 1]]
