"""A run as a tidy pandas frame: one row a scope, one fact a column, units in the names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pvtprof.run.row import Row
from pvtprof.run.run import Run

_WORKLOAD = ("model", "height", "width", "batch", "dtype", "device", "attention")


def frame(run: Run) -> pd.DataFrame:
    """All rows of a run. Whole numbers stay exact, beyond 64 bits too; what was not taken is NA."""
    records = [_record(run, row) for row in run.rows]
    return pd.DataFrame({name: _column([r[name] for r in records]) for name in records[0]})


def _column(values: Sequence[Any]) -> pd.Series[Any]:
    present = [value for value in values if value is not None]
    if present and all(type(value) is int for value in present):
        exact = max(map(abs, present)) < 2**63
        return pd.Series(values, dtype="Int64" if exact else "object")
    if present and all(isinstance(value, float) for value in present):
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype="object")


def _record(run: Run, row: Row) -> dict[str, Any]:
    read, written = row.moved_bytes(run.workload.dtype)
    grid = row.grid or (None, None)
    latency = row.latency
    low, high = row.latency_interval_s or (None, None)
    return {
        **{name: getattr(run.workload, name) for name in _WORKLOAD},
        "scope": row.scope.kind,
        "stage": row.scope.stage,
        "variant": row.scope.variant,
        "mode": run.workload.mode,
        "runs_as": row.runs_as,
        "dim": row.dim,
        "num_heads": row.num_heads,
        "sr_ratio": row.sr_ratio,
        "blocks": row.blocks,
        "grid_height": grid[0],
        "grid_width": grid[1],
        "tokens": row.tokens,
        "kv_tokens": row.kv_tokens,
        "macs": row.macs,
        "params": row.params,
        "params_counted": row.params_counted,
        **_counted(row, "fvcore"),
        **_counted(row, "torch"),
        "agrees": row.agrees if row.counts else None,
        "peak_bytes": row.peak.bytes,
        "peak_at": row.peak.at,
        "peak_observed_bytes": row.peak_observed.bytes if row.peak_observed else None,
        "saved_bytes": row.saved_bytes,
        "saved_observed_bytes": row.saved_observed_bytes,
        "allocated_formula_bytes": row.allocated.formula if row.allocated else None,
        "allocated_observed_bytes": row.allocated.observed if row.allocated else None,
        "read_bytes": read,
        "written_bytes": written,
        "flops_per_byte": row.intensity(run.workload.dtype),
        "latency_median_s": row.latency_median_s,
        "latency_low_s": low,
        "latency_high_s": high,
        "latency_samples": len(latency.samples) if latency else None,
        "latency_stopped_by": latency.stopped if latency else None,
        "predicted_s": row.predicted_s,
        "predicted_low_s": row.predicted.low if row.predicted else None,
        "predicted_high_s": row.predicted.high if row.predicted else None,
        "processor_median_s": latency.middle("cpu") if latency else None,
        "not_run": row.not_run,
    }


def _counted(row: Row, witness: str) -> dict[str, int | None]:
    agreement = row.counts.get(witness)
    return {
        f"{witness}_formula": agreement.formula if agreement else None,
        f"{witness}_counted": agreement.counted if agreement else None,
    }
