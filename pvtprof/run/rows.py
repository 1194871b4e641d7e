"""The rows of a run as the closed forms give them, before anything is observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pvtprof.analytic.formulas import Term, total
from pvtprof.analytic.geometry import token_grids
from pvtprof.analytic.parts import op_name, part_terms, saved_bytes, timeline
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.part import Part
from pvtprof.designs.setting import Setting
from pvtprof.designs.variants import PLAIN, VARIANTS
from pvtprof.moment import Moment, highest
from pvtprof.run.row import OpCost, Row

#: What a whole model runs as if its stages reduce their keys in more than one way.
MIXED = "mixed"


def analytic_rows(designs: Sequence[PvtDesign], setting: Setting) -> tuple[Row, ...]:
    """Return every row of some designs in one setting by formula, part by part."""
    parts = dict.fromkeys(part for design in designs for part in design.parts)
    return tuple(
        analytic_row(design, part, setting)
        for part in parts
        for design in designs
        if part in design.parts
    )


def terms_of(row: Row) -> tuple[Term, ...]:
    """Return the operators of a row."""
    return part_terms(row.design.spec, row.part, row.setting)


def timeline_of(row: Row) -> tuple[Moment, ...]:
    """Return the live bytes at every operator of a row that allocates; repeated blocks once."""
    return tuple(timeline(terms_of(row), row.setting))


def analytic_row(design: PvtDesign, part: Part, setting: Setting) -> Row:
    """Return one row by formula: one part of a design in one setting."""
    spec = design.spec
    terms = part_terms(spec, part, setting)
    cost = total(terms)
    if part.stage is None:
        kinds = {stage.runs_as for stage in spec.stages}
        reduced = sorted(kinds - {PLAIN}) or [PLAIN]
        shape = {
            "runs_as": reduced[0] if len(reduced) == 1 else MIXED,
            "blocks": sum(stage.depth for stage in spec.stages),
            **dict.fromkeys(("dim", "num_heads", "sr_ratio", "grid", "tokens", "kv_tokens")),
        }
    else:
        stage, sizes = spec.stages[part.stage - 1], terms[0].sizes
        shape = {
            "runs_as": stage.runs_as,
            "blocks": stage.depth,
            "dim": stage.dim,
            "num_heads": stage.num_heads,
            "sr_ratio": stage.sr_ratio if VARIANTS[stage.variant].has_ratio else None,
            "grid": token_grids(spec, *setting.image)[part.stage - 1],
            "tokens": sizes["n"],
            "kv_tokens": sizes["m"],
        }
    return Row(
        design=design,
        part=part,
        setting=setting,
        **shape,  # type: ignore[arg-type] # by name, as above
        macs=cost.macs,
        params=cost.params,
        ops=tuple(map(_op_cost, terms)),
        peak=highest(timeline(terms, setting)),
        saved_bytes=saved_bytes(terms, setting),
    )


def with_profile(row: Row, profile: Sequence[tuple[str, float]]) -> Row:
    """Return the row of one attention module with the seconds of its operators in context.

    ``profile``: torch's name and seconds of every operator that it ran. As the row was where those
    are not the ones that pvtprof knows of.
    """
    from pvtprof.predict.kernels import kernels, matched_s

    found = list(kernels(terms_of(row), row.setting.dtype))
    seconds = matched_s([kernel for _, kernel in found], profile)
    if seconds is None:
        return row
    by_op: dict[str, float] = {}
    for (term, _), measured in zip(found, seconds, strict=True):
        by_op[op_name(term)] = by_op.get(op_name(term), 0.0) + measured
    return replace(row, ops=tuple(replace(op, measured_s=by_op.get(op.name)) for op in row.ops))


def _op_cost(term: Term) -> OpCost:
    cost, name = term.cost, op_name(term)
    return OpCost(name, term.op.kind, cost.macs, cost.params, cost.reads, cost.writes, term.times)
