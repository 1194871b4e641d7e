"""The rows of a run as the closed forms give them, before anything is observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pvtprof.analytic import liveness
from pvtprof.analytic.formulas import Term, total
from pvtprof.analytic.geometry import token_grids
from pvtprof.analytic.parts import op_name, row_terms, timeline
from pvtprof.designs.part import SCOPES, Scope
from pvtprof.designs.setting import Workload
from pvtprof.moment import highest
from pvtprof.predict.kernels import kernels, matched_s
from pvtprof.run.row import OpCost, Row


def analytic_rows(workload: Workload) -> tuple[Row, ...]:
    """Every row of a run, with what the closed forms say and nothing observed."""
    return tuple(_row(workload, scope) for scope in SCOPES)


def _row(workload: Workload, scope: Scope) -> Row:
    spec, terms = workload.spec(scope.variant), row_terms(workload, scope)
    cost = total(terms)
    ops = tuple(_op_cost(term) for term in terms)
    peak = highest(timeline(workload, terms))
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
