"""The operators of each part of a design, and what the closed forms say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pvtprof.analytic import liveness, training
from pvtprof.analytic.cost import FVCORE, TORCH, Convention
from pvtprof.analytic.formulas import Term, attention_ops, model_terms, model_total, running, total
from pvtprof.analytic.geometry import model_sizes
from pvtprof.analytic.ops import params
from pvtprof.designs.checks import image_size
from pvtprof.designs.part import Scope
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import DTYPES, Workload
from pvtprof.designs.spec import IN_CHANNELS, ModelSpec
from pvtprof.moment import Moment, highest

#: The conventions of the witnesses, by the witness's name.
CONVENTIONS = {"fvcore": FVCORE, "torch": TORCH}


def attention_terms(
    spec: ModelSpec, stage: int, image: tuple[int, int], batch: int, attention: str
) -> tuple[Term, ...]:
    """The operators of one attention module of ``stage`` (1 to 4)."""
    sizes = model_sizes(spec, batch, image)[stage - 1]
    ops = attention_ops(spec.stages[stage - 1].runs_as, attention)
    return running(Term(op.inside("attn"), sizes) for op in ops)


def row_terms(workload: Workload, scope: Scope) -> tuple[Term, ...]:
    """The operators of one row of a run."""
    spec, image = workload.spec(scope.variant), (workload.height, workload.width)
    if scope.stage is None:
        return model_terms(spec, image, workload.batch, workload.attention)
    return attention_terms(spec, scope.stage, image, workload.batch, workload.attention)


def formula_by_module(terms: Iterable[Term], convention: Convention) -> dict[str, int]:
    """What a counter of this convention should say of each submodule; zeros left out."""
    counts: Counter[str] = Counter()
    for term in terms:
        counts[term.op.module] += term.count(convention)
    return {where: count for where, count in counts.items() if count}


def timeline(workload: Workload, terms: Sequence[Term]) -> Iterator[Moment]:
    """Live bytes at every operator that allocates, in the workload's mode."""
    of_mode = training.timeline if workload.mode == "training" else liveness.timeline
    return of_mode(terms, workload.dtype)


def row_timeline(workload: Workload, scope: Scope) -> tuple[Moment, ...]:
    """Live bytes at every operator of a row that allocates; in inference repeated blocks once."""
    return tuple(timeline(workload, row_terms(workload, scope)))


def allocated_peak(workload: Workload, scope: Scope) -> int:
    """The peak of one row's forward pass in the blocks of CUDA's allocator."""
    return liveness.allocated_peak(row_terms(workload, scope), workload.dtype)


def params_bytes(workload: Workload, variant: str) -> int:
    """Bytes of the parameters of the whole network."""
    return _params_bytes(workload, row_terms(workload, Scope(None, variant)))


def _params_bytes(workload: Workload, terms: Sequence[Term]) -> int:
    return DTYPES[workload.dtype] * sum(term.times * params(term.op, term.sizes) for term in terms)


def needs(workload: Workload, variant: str) -> tuple[int, str]:
    """Bytes of parameters, images and peak of the whole network, and the operator at the peak."""
    return needs_of(workload, row_terms(workload, Scope(None, variant)))


def needs_of(workload: Workload, terms: Sequence[Term]) -> tuple[int, str]:
    """The same of any network on the workload's images."""
    peak = highest(timeline(workload, terms))
    return peak.bytes + _params_bytes(workload, terms) + image_bytes(workload), peak.at


def image_bytes(workload: Workload) -> int:
    """Bytes of the images of one call."""
    pixels = workload.batch * workload.height * workload.width
    return DTYPES[workload.dtype] * IN_CHANNELS * pixels


def op_name(term: Term) -> str:
    """What an operator is called in its row."""
    return term.op.name.removeprefix("attn.")


def published(image: tuple[int, int]) -> list[dict[str, str | int]]:
    """Params, MACs and what fvcore would say of each published model, as published."""
    size = image_size(image)
    return [_summary(spec, size) for spec in MODELS.values()]


def _summary(spec: ModelSpec, image: tuple[int, int]) -> dict[str, str | int]:
    cost = total(model_terms(spec, image))
    return {
        "model": spec.name,
        "attention": spec.stages[0].variant,
        "params": cost.params,
        "macs": cost.macs,
        "fvcore": model_total(spec, image, FVCORE),
    }
