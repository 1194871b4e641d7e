"""What a worker builds for each row, in words that every version of pvtprof understands."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pvtprof.designs.setting import Workload
from pvtprof.designs.spec import IN_CHANNELS
from pvtprof.run.row import Row
from pvtprof.run.rows import analytic_rows


def of_rows(workload: Workload, target: str | None = None) -> dict[str, Any]:
    """What the worker builds for each row, by name: a user's target, or pvtprof's own rows."""
    if target:
        return {target: None}  # which every side knows from its setup
    return {str(row.scope): of_row(workload, row) for row in analytic_rows(workload)}


def of_row(workload: Workload, row: Row) -> dict[str, Any]:
    """What the worker builds for a row of pvtprof's own, by names that all versions have."""
    common = {"attention": workload.attention, "pool_size": workload.pool_size}
    if row.scope.stage is None:
        size = [workload.batch, IN_CHANNELS, workload.height, workload.width]
        named = {"model": workload.model, "variant": row.scope.variant}
        return {**common, **named, "sr_ratios": workload.sr_ratios, "input": size}
    stage = workload.spec(row.scope.variant).stages[row.scope.stage - 1]
    shape = [workload.batch, row.tokens, stage.dim]
    return {**common, "stage": asdict(stage), "grid": row.grid, "input": shape}
