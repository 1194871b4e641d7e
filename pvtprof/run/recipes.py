"""What a worker builds for each row, in words that every version of pvtprof understands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from pvtprof.designs.design import Design, PvtDesign, TargetDesign
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.run.row import Row
from pvtprof.run.rows import analytic_rows


def of_rows(
    designs: Sequence[PvtDesign], setting: Setting, target: str | None = None
) -> dict[str, Any]:
    """Return the recipe from which a process builds each row, by name."""
    if target:
        return {target: None}  # which every side knows from its setup
    return {row.name: of_row(row) for row in analytic_rows(designs, setting)}


def of_row(row: Row) -> dict[str, Any]:
    """Return the recipe of one of pvtprof's own rows, in names that all versions know."""
    spec, setting = row.design.spec, row.setting
    common: dict[str, Any] = {"attention": setting.attention, "pool_size": spec.pool_size}
    if setting.checkpoint:
        common["checkpoint"] = True
    if row.part.stage is None:
        return {
            **common,
            **_network(row.design),
            "input": [setting.batch, spec.in_chans, *setting.image],
        }
    stage = spec.stages[row.part.stage - 1]
    shape = [setting.batch, row.tokens, stage.dim]
    return {**common, "stage": _known(stage), "grid": row.grid, "input": shape}


def of_target(design: TargetDesign, setting: Setting) -> dict[str, Any]:
    """Return the recipe of a module of the user's own that is named by its target."""
    its = {"from": design.target, "free": design.free, "sizes": setting.point}
    return {**from_here(), **its}


def from_here() -> dict[str, Any]:
    """Return where this process is and what it imports from, as a recipe says it."""
    return {"folder": os.getcwd(), "path": [entry or os.getcwd() for entry in sys.path]}


def _network(design: Design) -> dict[str, Any]:
    """Return the recipe of a network: its name if it is published, else its spec."""
    spec = design.spec
    if spec.name in MODELS and design.name in VARIANTS:
        published = replace(MODELS[spec.name], pool_size=spec.pool_size)
        if published.with_attention(design.name, spec.sr_ratios) == spec:
            return {"model": spec.name, "variant": design.name, "sr_ratios": spec.sr_ratios}
    return {"network": _known(spec) | {"stages": [_known(stage) for stage in spec.stages]}}


def _known(spec: ModelSpec | StageSpec) -> dict[str, Any]:
    """Return the fields of a spec that are not their default, which earlier versions may lack."""
    values = asdict(spec)
    return {f.name: values[f.name] for f in fields(spec) if values[f.name] != f.default}
