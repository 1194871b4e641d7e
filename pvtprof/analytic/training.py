"""Live bytes of a training step: a forward pass, and its backward operator by operator.

autograd runs the operators backwards in the strict reverse of their order. Each takes the gradient
of its result, allocates those of what it read, then lets go of what it had saved and of the
gradient that it took. Gradients that meet are added up, in place where the first of the two is no
view and nobody else holds it. The gradients of parameters stay; of one that several operators use,
each gradient is added to the first. Above input, parameters and the gradients of the outputs; the
outputs themselves are held until the end. What a ``Training`` adds: the optimizer's state, casts of
parameters and input, and a second forward pass of each block in place of what it would save.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pvtprof.analytic import liveness
from pvtprof.analytic.autocast import dtypes
from pvtprof.analytic.formulas import Term
from pvtprof.analytic.gradients import Gradient, reads_tokens_as_map
from pvtprof.analytic.liveness import aten_name, is_unfused
from pvtprof.analytic.ops import params
from pvtprof.analytic.optimizer import parameters, state_bytes, temporaries
from pvtprof.analytic.training_step import Backward, Rule, Step
from pvtprof.analytic.training_terms import batch_statistics
from pvtprof.designs.training import PLAIN_TRAINING, Training
from pvtprof.designs.words import DTYPES
from pvtprof.moment import Moment, highest


def peak(terms: Sequence[Term], dtype: str, training: Training = PLAIN_TRAINING) -> Moment:
    """Return the first moment of a training step with the most live bytes.

    For one written-out attention module whose scores dominate: the backward of softmax, with
    3S + 2q + (3 - copy)m + what the reduction saves + the gradients of the output projection.
    """
    return highest(timeline(terms, dtype, training))


def timeline(
    terms: Sequence[Term], dtype: str, training: Training = PLAIN_TRAINING
) -> Iterator[Moment]:
    """Yield live bytes at every operator that allocates: forward, backward, the optimizer's step.

    The state of the optimizer is there from the beginning, as in every step but the first.
    """
    step = _step(terms, dtype, training)
    sizes = parameters(step.terms)
    step.live += state_bytes(sizes, dtype, training.optimizer)
    yield from step.forward()
    yield from step.backward(RULES)
    for aten, size in temporaries(sizes, dtype, training.optimizer):
        yield Moment(step.live + size, f"optimizer.step {aten}")


def saved(terms: Sequence[Term], dtype: str, training: Training = PLAIN_TRAINING) -> int:
    """Return the bytes kept for backward, without input, parameters, state and output."""
    if not training.checkpoint and training.amp == "off":
        statistics = sum(map(batch_statistics, terms)) * DTYPES[dtype]
        return liveness.saved(terms, dtype) + statistics
    step = _step(terms, dtype, training)
    for _ in step.forward():
        pass
    return step.live - sum(step.made[name].bytes for name in step.outputs)


def _step(terms: Sequence[Term], dtype: str, training: Training) -> Step:
    unrolled = liveness.unrolled(liveness.allocating(terms))
    return Step(unrolled, dtypes(unrolled, dtype, training.amp), training.checkpoint)


def _pointwise(aten: str, view: bool = False) -> Rule:
    def rule(step: Step, term: Term, gradient: Gradient) -> Backward:
        made = step.tensor(term.op.left, term)
        yield step.now(term.op.module, aten)
        return [(term.op.of[0], Gradient(made, view))]

    return rule


def _linear(step: Step, term: Term, gradient: Gradient) -> Backward:
    """Yield the gradients of input, weight and bias in this order; an unfused bias comes first."""
    op = term.op
    order = [("mm", op.left), ("mm", op.right), ("sum", op.bias)]
    if not op.bias:
        order = [("mm", op.right), ("mm", op.left)]
    if op.of[0] in step.given:
        order.remove(("mm", op.left))
    of_input = None
    for aten, indices in reversed(order) if is_unfused(term) else order:
        if aten == "sum" and not is_unfused(term) and op.name in step.block_of:
            step.let_go(term)  # nothing but the product itself holds what was recomputed
        if indices == op.left:
            of_input = step.tensor(indices, term)
        else:
            step.parameter(indices, term)
        yield step.now(op.module, aten)
        if aten == "sum" and is_unfused(term):
            yield from step.recomputed(term)
    view = "r" not in op.left  # of tokens in rows; proposals are rows already
    return [(op.of[0], Gradient(of_input, view=view))] if of_input else []


def _convolution(step: Step, term: Term, gradient: Gradient) -> Backward:
    """Yield all gradients at once; an image has none."""
    op = term.op
    of_input = step.tensor(op.left, term) if op.of[0] not in step.given else None
    for indices in filter(None, (op.right, op.bias)):
        step.parameter(indices, term)
    yield step.now(op.module, "convolution_backward")
    view = reads_tokens_as_map(op)
    return [(op.of[0], Gradient(of_input, view=view))] if of_input else []


def _bmm(step: Step, term: Term, gradient: Gradient) -> Backward:
    """Yield the gradient of the right operand, then that of the left."""
    left, right, *_ = term.op.of
    made = []
    for name, indices in ((right, term.op.right), (left, term.op.left)):
        made.append((name, Gradient(step.tensor(indices, term), view=True)))
        yield step.now(term.op.module, "bmm")
    return made


def _fused(step: Step, term: Term, gradient: Gradient) -> Backward:
    q, kv = term.op.of
    names = ((q, "b h n d"), (kv, "b h m d"), (kv, "b h m d"))
    made = [(name, Gradient(step.tensor(indices, term), view=True)) for name, indices in names]
    yield step.now(term.op.module, f"{aten_name(term)}_backward")
    return made


def _norm(step: Step, term: Term, gradient: Gradient) -> Backward:
    made = step.tensor(term.op.left, term)
    step.alloc(params(term.op, term.sizes) * DTYPES[step.dtypes.params])
    yield step.now(term.op.module, f"{aten_name(term)}_backward")
    return [(term.op.of[0], Gradient(made))]


def _pool(step: Step, term: Term, gradient: Gradient) -> Backward:
    """Yield the gradient of a pooling; to one token, torch computes a mean."""
    aten = "div" if aten_name(term) == "mean" else "_adaptive_avg_pool2d_backward"
    if aten == "div" and (term.sizes["b"] > 1 or term.sizes["n"] == 1):
        strided = step.tensor(term.op.out, term)
        yield step.now(term.op.module, "new_zeros")
        step.drop(gradient.storage)
        gradient.storage = strided
    return (yield from _pointwise(aten, view=True)(step, term, gradient))


def _passed_on(gradient: Gradient, **changed: Any) -> Gradient:
    """Return the same storage with one more holder."""
    gradient.storage.holders += 1
    return replace(gradient, **changed)


def _copy(step: Step, term: Term, gradient: Gradient) -> Backward:
    """Yield the gradient of a copy: a view; for a feature map it keeps the layout of the map."""
    as_map = term.op.name.startswith("map") and term.sizes["b"] > 1
    yield from ()
    return [(term.op.of[0], _passed_on(gradient, view=True, as_map=as_map))]


def _narrowed(
    step: Step, term: Term, name: str, gradient: Gradient
) -> Generator[Moment, None, Gradient]:
    """Yield the cast of a sum's gradient where an operand is narrower than it; else pass it on."""
    dtype = step.dtypes.of(name)
    if dtype == step.dtypes.result(term.op):
        return _passed_on(gradient)
    cast = step.tensor(term.op.out, term, dtype)
    yield step.now(term.op.module, "_to_copy")
    return Gradient(cast, as_map=gradient.as_map)


def _add(step: Step, term: Term, gradient: Gradient) -> Backward:
    """Yield the gradients of a sum; for a position embedding they are added over the images."""
    op = term.op
    if not {"n e", "u e"} & {op.left, op.right}:
        found = []
        for name in op.of:
            found.append((name, (yield from _narrowed(step, term, name, gradient))))
        return found
    tokens, *embedding = op.of
    made = [(tokens, (yield from _narrowed(step, term, tokens, gradient)))]
    if term.sizes["b"] > 1:
        total = Gradient(step.tensor("n e", term))
        yield step.now(op.module, "sum")
    elif embedding:
        total = _passed_on(gradient)
    elif op.right == "n e":
        step.tensor("n e", term)
        yield step.now(op.module, "new_empty_strided")
    if op.right == "u e":  # with the entry of a class token, which no sum reads
        if term.sizes["b"] > 1:
            step.drop(gradient.storage)
            gradient.storage = total.storage
        step.tensor("u e", term)
        yield step.now(op.module, "slice_backward")
    return [*made, *((name, total) for name in embedding)]


def _concat(step: Step, term: Term, gradient: Gradient) -> Backward:
    """Yield the gradients of the parts as views; a class token at batch 1 keeps all of it alive."""
    found = _passed_on(gradient, view=True)
    if step.dtypes.is_cast(term.op):
        step.drop(found.storage)
        found = Gradient(step.tensor(term.op.left, term, step.dtypes.of(term.op.of[0])))
        yield step.now("", "_to_copy")
    if term.op.right:
        if term.sizes["b"] > 1:
            step.tensor(term.op.right, term)
            yield step.now("", "sum")
        else:
            gradient.storage.holders += 1
    return [(term.op.of[0], found)]


def _interpolate(step: Step, term: Term, gradient: Gradient) -> Backward:
    """Yield the gradient of a stored position embedding, resized back to its own grid."""
    network = term.op.module.rpartition(".")[0]
    resized = step.tensor("w e", term)
    yield step.now(term.op.module, "upsample_bilinear2d_backward")
    if term.sizes["n"] == term.sizes["s"]:
        step.drop(gradient.storage)
        gradient.storage = resized
        step.tensor("u e", term)
        is_whole = term.sizes["u"] == term.sizes["w"]  # else there is one that no sum reads
        yield step.now(network, "new_empty_strided" if is_whole else "slice_backward")
        return []
    grid = step.tensor("u e", term)
    yield step.now(network, "slice_backward")
    step.drop(resized)
    step.tensor("u e", term)  # that of the class token, into which the other is added in place
    yield step.now(network, "slice_backward")
    step.drop(grid)
    return []


#: The rules by the kinds of operators that ``rule_of`` names.
RULES: Mapping[str, Rule] = {
    "linear": _linear,
    "convolution": _convolution,
    "bmm": _bmm,
    "fused": _fused,
    "layernorm": _norm,
    "batchnorm": _norm,
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
    "relu_": _pointwise("threshold_backward"),
    "functional_relu_": _pointwise("threshold_backward"),
    "nearest": _pointwise("upsample_nearest2d_backward"),
    "resize": _pointwise("upsample_bilinear2d_backward"),
    "maxpool": _pointwise("max_pool2d_with_indices_backward"),
}
