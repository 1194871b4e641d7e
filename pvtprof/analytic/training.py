"""Live bytes of a training step: a forward pass, and its backward operator by operator.

autograd runs the operators backwards in the strict reverse of their order. Each takes the gradient
of its result, allocates those of what it read, then lets go of what it had saved and of the
gradient that it took. Gradients that meet are added up, in place where the first of the two is no
view. The gradients of parameters stay. Above input, parameters and the gradient of the output;
the output itself is held until the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeAlias

from pvtprof.analytic.formulas import Term
from pvtprof.analytic.liveness import (
    allocating,
    allocations,
    aten_name,
    is_unfused,
    keeps,
    releases,
    unrolled,
)
from pvtprof.analytic.ops import Regrad, exceeds_one, numel, params
from pvtprof.designs.setting import DTYPES
from pvtprof.moment import Moment, highest


def peak(terms: Sequence[Term], dtype: str) -> Moment:
    """The first moment of a training step with the most live bytes.

    For one written-out attention module whose scores dominate: the backward of softmax, with
    3S + 2q + (3 - copy)m + what the reduction saves + the gradients of the output projection.
    """
    return highest(timeline(terms, dtype))


def timeline(terms: Sequence[Term], dtype: str) -> Iterator[Moment]:
    """Live bytes at every operator that allocates, forward and then backward."""
    step = _Step(unrolled(allocating(terms)), dtype)
    yield from step.forward()
    yield from step.backward()


@dataclass(eq=False, slots=True)
class _Storage:
    """Some bytes, and how many hold them."""

    bytes: int
    holders: int = 1


@dataclass(eq=False, slots=True)
class _Gradient:
    """The gradient of a result: whether it is a ``view``, and whether it lies ``as_map``."""

    storage: _Storage
    view: bool = False
    as_map: bool = False


#: The moments of one operator's backward, and the gradients of what it had read, by name.
Backward: TypeAlias = Generator[Moment, None, list[tuple[str, _Gradient]]]


class _Step:
    """One training step over an unrolled operator list, as it goes along."""

    def __init__(self, terms: Sequence[Term], dtype: str) -> None:
        self.terms = terms
        self.dtype = dtype
        self.live = 0
        self.made: dict[str, _Storage] = {}
        self.saved: dict[str, list[_Storage]] = {}
        self.pending: dict[str, list[_Gradient]] = {}
        self.stacks = {t.op.name for t in terms if "stack" in (r.aten for r in t.op.regrads)}

    def alloc(self, taken: int) -> _Storage:
        """A new storage of so many bytes."""
        self.live += taken
        return _Storage(taken)

    def tensor(self, indices: str, term: Term) -> _Storage:
        """A new storage for a tensor with these indices."""
        return self.alloc(numel(indices, term.sizes) * DTYPES[self.dtype])

    def drop(self, storage: _Storage) -> None:
        """One holder less."""
        storage.holders -= 1
        if storage.holders == 0:
            self.live -= storage.bytes

    def now(self, where: str, aten: str) -> Moment:
        """This moment; an unrolled block goes by the name that all of its stage have."""
        return Moment(self.live, f"{_numberless(where)} {aten}".strip())

    def forward(self) -> Iterator[Moment]:
        """Every allocation of the forward pass; at its end, what is saved and the output live."""
        released = releases(self.terms)
        for i, term in enumerate(self.terms):
            yield from self._forward_of(term)
            for name in released.get(i, ()):
                if name != self.terms[-1].op.name:
                    self.drop(self.made[name])

    def _forward_of(self, term: Term) -> Iterator[Moment]:
        parts = []
        for aten, taken, extra in allocations(term, self.dtype):
            parts.append((self.alloc(taken), self.alloc(extra)))
            yield self.now(term.op.module, aten)
        for temporary, _ in parts[:-1]:
            self.drop(temporary)
        self.made[term.op.name], statistics = parts[-1]
        names, keeps_statistics = keeps(term)
        kept = [self.made[name] for name in names if name in self.made]
        for storage in kept:
            storage.holders += 1
        if not keeps_statistics:
            self.drop(statistics)
        self.saved[term.op.name] = [*kept, statistics] if keeps_statistics else kept

    def backward(self) -> Iterator[Moment]:
        """Every allocation of the backward pass."""
        self.pending[self.terms[-1].op.name] = [_Gradient(_Storage(0))]
        for term in reversed(self.terms):
            gradient = yield from self._regraded(term, self.pending.pop(term.op.name))
            found = yield from _RULES[_rule(term)](self, term, gradient)
            for storage in (*self.saved.pop(term.op.name), gradient.storage):
                self.drop(storage)
            if _weight_is_laid_out_anew(term):
                copy = self.tensor(term.op.right, term)
                yield self.now(term.op.module, "new_empty_strided")
                self.drop(copy)
            for name, one in found:
                yield from self._accumulate(name, one, term.op.module)

    def _regraded(self, term: Term, arrived: list[_Gradient]) -> Generator[Moment, None, _Gradient]:
        """The gradient of a result as the operator's backward takes it, copied where it must."""
        regrads = [r for r in term.op.regrads if exceeds_one(r.when, term.sizes)]
        if arrived[0].as_map and _rule(term) == "linear":
            regrads.append(Regrad("clone", term.op.module))
        for regrad in regrads:
            copy = self.tensor(term.op.out, term)
            yield self.now(regrad.where, regrad.aten)
            for old in arrived:
                self.drop(old.storage)
            arrived = [_Gradient(copy)]
        return arrived[0]

    def _accumulate(self, name: str, found: _Gradient, where: str) -> Iterator[Moment]:
        waiting = self.pending.setdefault(name, [])
        if not waiting or name in self.stacks:
            waiting.append(found)
            return
        (old,) = waiting
        if old.view or old.storage.holders > 1:
            total = self.alloc(old.storage.bytes)
            yield self.now(where, "add")
            self.drop(old.storage)
            self.pending[name] = [_Gradient(total, as_map=old.as_map)]
        self.drop(found.storage)


@cache
def _numberless(where: str) -> str:
    return re.sub("@[0-9]+", "", where)


def _weight_is_laid_out_anew(term: Term) -> bool:
    """Whether the gradient of a convolution's weight comes channels-last, and is copied.

    It does where the input is the token map (at batch 1 that one lies channel by channel), and
    where the input is a single pixel, for which both layouts are one.
    """
    if term.op.right.startswith("k l") and term.op.of != ("image",):
        return term.sizes["p"] == 1 and exceeds_one("kl", term.sizes)
    return term.op.right.startswith("i j") and exceeds_one("ij b", term.sizes)


def _rule(term: Term) -> str:
    """Which rule makes the gradients of an operator."""
    op = term.op
    if op.fused:
        return "fused"
    if op.kind != "contract":
        return op.kind
    if not op.owns_right:
        return "bmm"
    return "convolution" if op.is_convolution else "linear"


def _pointwise(aten: str, view: bool = False) -> Callable[[_Step, Term, _Gradient], Backward]:
    def rule(step: _Step, term: Term, gradient: _Gradient) -> Backward:
        made = step.tensor(term.op.left, term)
        yield step.now(term.op.module, aten)
        return [(term.op.of[0], _Gradient(made, view))]

    return rule


def _linear(step: _Step, term: Term, gradient: _Gradient) -> Backward:
    """Gradients of input, weight and bias, one after the other; an unfused bias comes first."""
    op = term.op
    order = [("mm", op.left), ("mm", op.right), ("sum", op.bias)]
    made = {}
    for aten, indices in reversed(order) if is_unfused(term) else order:
        made[indices] = step.tensor(indices, term)
        yield step.now(op.module, aten)
    return [(op.of[0], _Gradient(made[op.left], view=True))]


def _convolution(step: _Step, term: Term, gradient: _Gradient) -> Backward:
    """All gradients at once; none of the image."""
    op = term.op
    of_input = step.tensor(op.left, term) if op.of != ("image",) else None
    step.alloc(params(op, term.sizes) * DTYPES[step.dtype])
    yield step.now(op.module, "convolution_backward")
    return [(op.of[0], _Gradient(of_input, view=True))] if of_input else []


def _bmm(step: _Step, term: Term, gradient: _Gradient) -> Backward:
    """The gradient of the right operand, then that of the left."""
    left, right, *_ = term.op.of
    made = []
    for name, indices in ((right, term.op.right), (left, term.op.left)):
        made.append((name, _Gradient(step.tensor(indices, term), view=True)))
        yield step.now(term.op.module, "bmm")
    return made


def _fused(step: _Step, term: Term, gradient: _Gradient) -> Backward:
    q, kv = term.op.of
    names = ((q, "b h n d"), (kv, "b h m d"), (kv, "b h m d"))
    made = [(name, _Gradient(step.tensor(indices, term), view=True)) for name, indices in names]
    yield step.now(term.op.module, f"{aten_name(term)}_backward")
    return made


def _layernorm(step: _Step, term: Term, gradient: _Gradient) -> Backward:
    made = step.tensor(term.op.left, term)
    step.alloc(params(term.op, term.sizes) * DTYPES[step.dtype])
    yield step.now(term.op.module, "native_layer_norm_backward")
    return [(term.op.of[0], _Gradient(made))]


def _pool(step: _Step, term: Term, gradient: _Gradient) -> Backward:
    """Pooling to one token is a mean to torch, and strided where its input is channels-last."""
    aten = "div" if aten_name(term) == "mean" else "_adaptive_avg_pool2d_backward"
    if aten == "div" and (term.sizes["b"] > 1 or term.sizes["n"] == 1):
        strided = step.tensor(term.op.out, term)
        yield step.now(term.op.module, "new_zeros")
        step.drop(gradient.storage)
        gradient.storage = strided
    return (yield from _pointwise(aten, view=True)(step, term, gradient))


def _passed_on(gradient: _Gradient, **changed: Any) -> _Gradient:
    """The same storage, held once more."""
    gradient.storage.holders += 1
    return replace(gradient, **changed)


def _copy(step: _Step, term: Term, gradient: _Gradient) -> Backward:
    """A copy hands its gradient on as a view; that of a feature map keeps the map's layout."""
    as_map = term.op.name.startswith("map") and term.sizes["b"] > 1
    yield from ()
    return [(term.op.of[0], _passed_on(gradient, view=True, as_map=as_map))]


def _add(step: _Step, term: Term, gradient: _Gradient) -> Backward:
    """A sum hands its gradient on; what all images share, a position embedding, adds them up."""
    op = term.op
    if "n e" not in (op.left, op.right):
        return [(name, _passed_on(gradient)) for name in op.of]
    tokens, *embedding = op.of
    made = [(tokens, _passed_on(gradient))]
    if term.sizes["b"] > 1:
        total = _Gradient(step.tensor("n e", term))
        yield step.now("", "sum")
    elif embedding:
        total = _passed_on(gradient)
    else:
        step.tensor("n e", term)
        yield step.now("", "new_empty_strided")
    return [*made, *((name, total) for name in embedding)]


def _concat(step: _Step, term: Term, gradient: _Gradient) -> Backward:
    """Each part is a view; a class token that is no sum over images keeps all of it alive."""
    if term.op.right:
        if term.sizes["b"] > 1:
            step.tensor(term.op.right, term)
            yield step.now("", "sum")
        else:
            gradient.storage.holders += 1
    return [(term.op.of[0], _passed_on(gradient, view=True))]


def _interpolate(step: _Step, term: Term, gradient: _Gradient) -> Backward:
    """The gradient of a stored position embedding, resized back to its own grid."""
    sizes = term.sizes
    class_token = sizes["n"] - sizes["s"]
    stored = (sizes["u"] - class_token) * sizes["e"] * DTYPES[step.dtype]
    resized = step.alloc(stored)
    yield step.now(term.op.module, "upsample_bilinear2d_backward")
    if not class_token:
        step.drop(gradient.storage)
        gradient.storage = resized
        step.alloc(stored)
        yield step.now("", "new_empty_strided")
        return []
    grid = step.tensor("u e", term)
    yield step.now("", "slice_backward")
    step.drop(resized)
    step.tensor("u e", term)  # that of the class token, into which the other is added in place
    yield step.now("", "slice_backward")
    step.drop(grid)
    return []


_RULES: dict[str, Callable[[_Step, Term, _Gradient], Backward]] = {
    "linear": _linear,
    "convolution": _convolution,
    "bmm": _bmm,
    "fused": _fused,
    "layernorm": _layernorm,
    "pool": _pool,
    "copy": _copy,
    "add": _add,
    "concat": _concat,
    "interpolate": _interpolate,
    "softmax": _pointwise("_softmax_backward_data"),
    "gelu": _pointwise("gelu_backward"),
    "relu": _pointwise("threshold_backward"),
    "scale": _pointwise("mul"),
    "mean": _pointwise("div"),
}
