"""What a worker builds for each row, in words that every version of pvtprof understands."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pvtprof.analytic.rows import analytic_rows
from pvtprof.spec import IN_CHANNELS, Workload


def own_rows(workload: Workload) -> dict[str, dict[str, Any]]:
    """What the worker builds for each row of pvtprof's own, by names that all versions have."""
    found: dict[str, dict[str, Any]] = {}
    for row in analytic_rows(workload):
        common = {"attention": workload.attention, "pool_size": workload.pool_size}
        extra: dict[str, Any]
        if row.scope.stage is None:
            size = [workload.batch, IN_CHANNELS, workload.height, workload.width]
            named = {"model": workload.model, "variant": row.scope.variant}
            extra = {**named, "sr_ratios": workload.sr_ratios, "input": size}
        else:
            stage = workload.spec(row.scope.variant).stages[row.scope.stage - 1]
            shape = [workload.batch, row.tokens, stage.dim]
            extra = {"stage": asdict(stage), "grid": row.grid, "input": shape}
        found[str(row.scope)] = {**common, **extra}
    return found
