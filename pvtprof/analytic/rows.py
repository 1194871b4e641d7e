"""The closed forms as rows: one for each stage and variant, one for each whole model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pvtprof.analytic import liveness, training
from pvtprof.analytic.cost import FVCORE, TORCH, Convention
from pvtprof.analytic.formulas import Term, attention_ops, model_terms, model_total, running, total
from pvtprof.analytic.geometry import model_sizes, token_grids
from pvtprof.analytic.kernels import kernels, matched_s
from pvtprof.analytic.ops import params
from pvtprof.records import SCOPES, Moment, OpCost, Row, Scope, highest
from pvtprof.spec import DTYPES, IN_CHANNELS, MODELS, ModelSpec, Workload, image_size

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


def analytic_rows(workload: Workload) -> tuple[Row, ...]:
    """Every row of a run, with what the closed forms say and nothing observed."""
    return tuple(_row(workload, scope) for scope in SCOPES)


def formula_by_module(terms: Iterable[Term], convention: Convention) -> dict[str, int]:
    """What a counter of this convention should say of each submodule; zeros left out."""
    counts: Counter[str] = Counter()
    for term in terms:
        counts[term.op.module] += term.count(convention)
    return {where: count for where, count in counts.items() if count}


def _row(workload: Workload, scope: Scope) -> Row:
    spec, terms = workload.spec(scope.variant), row_terms(workload, scope)
    cost = total(terms)
    ops = tuple(_op_cost(term) for term in terms)
    peak = highest(_timeline(workload, terms))
    saved = liveness.saved(terms, workload.dtype)
    if scope.stage is None:
        kinds = {stage.runs_as for stage in spec.stages}
        reduced = kinds - {"mha"}
        runs_as, blocks = (reduced or kinds).pop(), sum(stage.depth for stage in spec.stages)
        return Row(scope, runs_as, None, None, None, blocks, None, None, None,
                   cost.macs, cost.params, ops, peak, saved_bytes=saved)  # fmt: skip
    stage, sizes = spec.stages[scope.stage - 1], terms[0].sizes
    grid = token_grids(spec, workload.height, workload.width)[scope.stage - 1]
    reduction = stage.sr_ratio if scope.variant == "sra_conv" else None
    return Row(scope, stage.runs_as, stage.dim, stage.num_heads, reduction, stage.depth, grid,
               sizes["n"], sizes["m"], cost.macs, cost.params, ops, peak,
               saved_bytes=saved)  # fmt: skip


def _timeline(workload: Workload, terms: Sequence[Term]) -> Iterator[Moment]:
    timeline = training.timeline if workload.mode == "training" else liveness.timeline
    return timeline(terms, workload.dtype)


def row_timeline(workload: Workload, scope: Scope) -> tuple[Moment, ...]:
    """Live bytes at every operator of a row that allocates; in inference repeated blocks once."""
    return tuple(_timeline(workload, row_terms(workload, scope)))


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
    peak = highest(_timeline(workload, terms))
    return peak.bytes + _params_bytes(workload, terms) + image_bytes(workload), peak.at


def image_bytes(workload: Workload) -> int:
    """Bytes of the images of one call."""
    pixels = workload.batch * workload.height * workload.width
    return DTYPES[workload.dtype] * IN_CHANNELS * pixels


def op_name(term: Term) -> str:
    """What an operator is called in its row."""
    return term.op.name.removeprefix("attn.")


def with_profile(workload: Workload, row: Row, profile: Sequence[tuple[str, float]]) -> Row:
    """The row of one attention module with the seconds of its operators in context.

    ``profile``: torch's name and seconds of every operator that it ran. As the row was where those
    are not the ones that pvtprof knows of.
    """
    found = list(kernels(row_terms(workload, row.scope), workload.dtype))
    seconds = matched_s([kernel for _, kernel in found], profile)
    if seconds is None:
        return row
    by_op: dict[str, float] = {}
    for (term, _), its in zip(found, seconds, strict=True):
        by_op[op_name(term)] = by_op.get(op_name(term), 0.0) + its
    return replace(row, ops=tuple(replace(op, measured_s=by_op.get(op.name)) for op in row.ops))


def _op_cost(term: Term) -> OpCost:
    cost, name = term.cost, op_name(term)
    return OpCost(name, term.op.kind, cost.macs, cost.params, cost.reads, cost.writes, term.times)


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
