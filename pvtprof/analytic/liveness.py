"""Live bytes from an operator list: what each operator allocates, and when it is let go.

Exact at the level of tensors for eager PyTorch without autograd, above what the caller holds
(input and parameters). Three rules of Python decide how long a result lives:

1. until the last operator that reads it has run;
2. an argument of a call, until that call returns;
3. what a local variable holds (``Op.bound``), until its function returns.

What a training forward pass keeps for backward follows from what the gradient of each kind of
operator needs (``_keeps``), over the blocks one by one (``unrolled``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias

from pvtprof.analytic.formulas import Term
from pvtprof.analytic.geometry import Sizes
from pvtprof.analytic.ops import Op, numel
from pvtprof.spec import DTYPES

Scope: TypeAlias = tuple[str, ...]

#: What torch calls the operator that allocates the result of each kind, after decomposition.
ATEN = {
    "layernorm": "native_layer_norm",
    "softmax": "_softmax",
    "gelu": "gelu",
    "relu": "relu",
    "interpolate": "upsample_bilinear2d",
    "add": "add",
    "concat": "cat",
    "mean": "mean",
    "scale": "mul",
    "copy": "clone",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One operator while it runs: ``live`` bytes, with what it has just allocated.

    ``at`` is the submodule that runs it and torch's name of it: ``block1.attn.scores mul``.
    """

    at: str
    live: int


def peak(terms: Sequence[Term], dtype: str) -> Moment:
    """The first moment with the most live bytes.

    Source of the trial: "Memory, exactly". For one written-out attention module the moments are
    q + m, ..., up to q + 2m + X + 2S at the scaling, with S the score matrix.
    """
    return max(timeline(terms, dtype), key=lambda moment: moment.live)


def timeline(terms: Sequence[Term], dtype: str) -> Iterator[Moment]:
    """Live bytes at every operator that allocates, in order; repeated blocks once.

    Every block of a stage begins and ends with the same tensors alive, so one stands for all.
    """
    running = [term for term in terms if not _is_silent(term.op)]
    released = _releases(running)
    alive: dict[str, int] = {}
    for i, term in enumerate(running):
        alive[term.op.name] = numel(term.op.out, term.sizes) * DTYPES[dtype]
        beside = _beside(term.op, term.sizes, dtype)
        yield Moment(f"{term.op.module} {_aten(term)}".strip(), sum(alive.values()) + beside)
        for name in released.get(i, ()):
            del alive[name]


def saved(terms: Sequence[Term], dtype: str) -> int:
    """Bytes that a forward pass keeps for backward, beside input, parameters and output.

    For one written-out attention module: 2q + 2m + S, and 2m + t more with a strided convolution,
    4m + t more with pooling (t: the statistics of the norm).
    """
    running = unrolled([term for term in terms if not _is_silent(term.op)])
    made = {term.op.name: term for term in running}
    kept: set[str] = set()
    statistics = 0
    for term in running:
        names, keeps_statistics = _keeps(term)
        kept.update(name for name in names if name in made)
        statistics += _beside(term.op, term.sizes, dtype) if keeps_statistics else 0
    kept.discard(running[-1].op.name)
    tensors = sum(numel(made[name].op.out, made[name].sizes) for name in kept)
    return tensors * DTYPES[dtype] + statistics


def _keeps(term: Term) -> tuple[tuple[str, ...], bool]:
    """What the gradient of an operator needs: results by name, and whether its own statistics."""
    op = term.op
    if op.fused:
        return (*op.of, op.name), True
    if op.kind == "layernorm":
        return op.of, True
    if op.kind in ("contract", "gelu") or (op.kind == "pool" and _aten(term) != "mean"):
        return op.of, False
    return ((op.name,) if op.kind in ("softmax", "relu") else ()), False


def unrolled(terms: Sequence[Term]) -> list[Term]:
    """The operators with each repeated block written out, one after the other."""
    out: list[Term] = []
    renamed: dict[str, str] = {}
    for prefix, group in groupby(terms, key=_block):
        block = list(group)
        mine = {term.op.name for term in block} if prefix else set()
        for number in range(block[0].times if prefix else 1):
            names = {name: f"{name}@{number}" for name in mine}
            for term in block:
                of = tuple(names.get(name, renamed.get(name, name)) for name in term.op.of)
                op = replace(term.op, name=names.get(term.op.name, term.op.name), of=of)
                out.append(Term(op, term.sizes))
            if prefix:
                (entry,), last = block[0].op.of, block[-1].op.name
                renamed |= {entry: names[last], last: names[last]}
    return out


def _block(term: Term) -> str:
    """The stage's blocks that hold an operator: "block1"; "" outside of blocks."""
    head = term.op.name.partition(".")[0]
    return head if head.startswith("block") else ""


def _is_silent(op: Op) -> bool:
    """Whether an operator allocates nothing: all of fused attention but its result."""
    return op.fused and op.out == "b h n m"


def _beside(op: Op, sizes: Sizes, dtype: str) -> int:
    """Bytes that an operator returns beside its result, and that nobody keeps in inference."""
    if op.kind == "layernorm":  # mean and reciprocal deviation of each token, in the tokens' dtype
        return 2 * numel(op.out, sizes) // sizes["e"] * DTYPES[dtype]
    if op.fused:  # the log-sum-exp of each query, in float32 or better
        return numel("b h n", sizes) * max(4, DTYPES[dtype])
    return 0


def _aten(term: Term) -> str:
    op = term.op
    if op.fused:
        return "_scaled_dot_product_flash_attention_for_cpu"
    if op.kind == "pool":
        return "mean" if term.sizes["m"] == 1 else "_adaptive_avg_pool2d"
    if op.kind != "contract":
        return ATEN[op.kind]
    if not op.owns_right:
        return "bmm"
    return "convolution" if op.is_convolution else "addmm"


def _releases(terms: Sequence[Term]) -> Mapping[int, list[str]]:
    """For each operator, the results that are let go when it has run."""
    scopes = [_scope(term.op) for term in terms]
    made = {term.op.name: i for i, term in enumerate(terms)}
    last = {i: i for i in range(len(terms))}
    for i, term in enumerate(terms):
        for source in (made[name] for name in term.op.of if name in made):
            last[source] = max(last[source], _call_end(scopes, source, i))
    for i, term in enumerate(terms):
        if term.op.bound:
            last[i] = max(last[i], _last_inside(scopes, scopes[i][:-1]))
    released: dict[int, list[str]] = {}
    for i, end in last.items():
        released.setdefault(end, []).append(terms[i].op.name)
    return released


def _scope(op: Op) -> Scope:
    return tuple(op.module.split(".")) if op.module else ()


def _call_end(scopes: Sequence[Scope], source: int, reader: int) -> int:
    """When the outermost call that was handed the result of ``source`` for ``reader`` returns."""
    mine, theirs = scopes[source], scopes[reader]
    shared = 0
    while shared < min(len(mine), len(theirs)) and mine[shared] == theirs[shared]:
        shared += 1
    return reader if shared == len(theirs) else _last_inside(scopes, theirs[: shared + 1])


def _last_inside(scopes: Sequence[Scope], scope: Scope) -> int:
    return max(i for i, inner in enumerate(scopes) if inner[: len(scope)] == scope)
