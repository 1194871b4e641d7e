"""A run as a tidy pandas frame: one line per row, one fact per column, units in the names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import pandas as pd

from pvtprof.observe.measurement import median_interval
from pvtprof.run.on_card import busy_batch
from pvtprof.run.row import Row
from pvtprof.run.run import Run
from pvtprof.run.witnesses import WITNESSES

Cell: TypeAlias = str | int | float | bool | None


def frame(run: Run) -> pd.DataFrame:
    """Return all rows of a run. Whole numbers stay exact; what is missing is NA."""
    tf32 = run.environment.tf32
    own = any(row.is_own for row in run.rows)
    records = [
        _record(row) | _on_gpu(row, tf32) | (_of_own(row) if own else {}) for row in run.rows
    ]
    return pd.DataFrame({name: _column([r[name] for r in records]) for name in records[0]})


def _column(values: Sequence[Any]) -> pd.Series[Any]:
    present = [value for value in values if value is not None]
    if present and all(type(value) is int for value in present):
        exact = max(map(abs, present)) < 2**63
        return pd.Series(values, dtype="Int64" if exact else "object")
    if present and all(isinstance(value, float) for value in present):
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype="object")


def _record(row: Row) -> dict[str, Cell]:
    setting = row.setting
    grid = row.grid or (None, None)
    return {
        "model": row.design.model,
        "height": setting.height or None,
        "width": setting.width or None,
        "batch": setting.batch,
        "dtype": setting.dtype,
        "device": setting.device,
        "attention": setting.attention,
        "scope": row.part.kind,
        "stage": row.part.stage,
        "variant": row.design.name,
        "mode": setting.mode,
        "task": None if row.is_own else row.design.spec.task,
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
        "peak_bytes": row.peak.bytes,
        "peak_at": row.peak.at,
        "saved_bytes": row.saved_bytes,
        **dict(_witnessed(row)),
        "agrees": row.agrees if row.witnesses else None,
        "read_bytes": row.moved_bytes[0],
        "written_bytes": row.moved_bytes[1],
        "flops_per_byte": row.intensity,
        **_timed(row),
        "not_run": row.not_run,
    }


def _of_own(row: Row) -> dict[str, Cell]:
    """What a run with modules of the user's own says beside."""
    sizes = ", ".join(f"{name}={size}" for name, size in row.setting.sizes)
    return {"module": row.part.module, "sizes": sizes or None}


def _witnessed(row: Row) -> Iterator[tuple[str, int | None]]:
    for name, witness in WITNESSES.items():
        if not (witness.shown_elsewhere or witness.applies(row.setting)):
            continue
        found = row.witnesses.get(name)
        formula, counted = witness.columns
        if formula:
            yield formula, found.formula if found else None
        yield counted, found.counted if found else None


def _timed(row: Row) -> dict[str, Cell]:
    latency, predicted = row.latency, row.predicted
    low, high = row.latency_interval_s or (None, None)
    return {
        "latency_median_s": row.latency_median_s,
        "latency_low_s": low,
        "latency_high_s": high,
        "latency_samples": len(latency.samples) if latency else None,
        "latency_stopped_by": latency.stopped if latency else None,
        "predicted_s": row.predicted_s,
        "predicted_low_s": predicted.low if predicted else None,
        "predicted_high_s": predicted.high if predicted else None,
        "processor_median_s": latency.middle("cpu") if latency else None,
    }


#: What a GPU says beside seconds: the name of a column, the series, and the unit.
_STATES = (
    ("clock", "sm_mhz", "mhz"),
    ("heat", "celsius", "celsius"),
    ("throttled", "throttled_s", "s"),
    ("energy", "joules", "joules"),
)


def _on_gpu(row: Row, tf32: str | None) -> dict[str, Cell]:
    """Return the columns that only a GPU has."""
    if not row.setting.on_cuda:
        return {}
    latency = row.latency
    found: dict[str, Cell] = {"tf32": tf32, "attention_backend": row.backend}
    for name in ("wall", "graph"):
        values = latency.series.get(name) if latency else None
        low, high = (values and median_interval(values)) or (None, None)
        found |= {
            f"{name}_median_s": latency.middle(name) if latency else None,
            f"{name}_low_s": low,
            f"{name}_high_s": high,
        }
    found |= {
        "launch_ratio": latency.launch_ratio if latency else None,
        "busy_batch": busy_batch(row),
    }
    for name, series, unit in _STATES:
        found[f"{name}_median_{unit}"] = latency.middle(series) if latency else None
    return found
