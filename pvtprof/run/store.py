"""A run as versioned JSON text, and back."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

from pvtprof.decode import text_of
from pvtprof.run.row import Row
from pvtprof.run.run import Run

SCHEMA = "pvtprof.run/1"


def dumps(run: Run) -> str:
    """The run as JSON text."""
    document = {
        "schema": SCHEMA,
        "command": run.command,
        "interrupted": run.interrupted,
        "workload": asdict(run.workload),
        "environment": asdict(run.environment),
        "ceilings": run.ceilings and asdict(run.ceilings),
        "rows": [_row_document(row, run.workload.dtype) for row in run.rows],
    }
    return json.dumps(document, indent=1) + "\n"


def _row_document(row: Row, dtype: str) -> dict[str, Any]:
    read, written = row.moved_bytes(dtype)
    return {
        "scope": row.scope.kind,
        "stage": row.scope.stage,
        "variant": row.scope.variant,
        **{name: getattr(row, name) for name in _PLAIN},
        "counts": {name: asdict(agreement) for name, agreement in row.counts.items()},
        "params_counted": row.params_counted,
        "peak_bytes": _peak_document(row),
        "saved_bytes": {"formula": row.saved_bytes, "observed": row.saved_observed_bytes},
        "allocated_bytes": row.allocated and asdict(row.allocated),
        "moved_bytes": {"read": read, "written": written},
        "flops_per_byte": row.intensity(dtype),
        "latency_s": _latency_document(row),
        "not_run": row.not_run,
        "ops": [asdict(op) for op in row.ops],
    }


def _peak_document(row: Row) -> dict[str, Any]:
    seen = row.peak_observed
    return {
        "formula": row.peak.bytes,
        "at": row.peak.at,
        "observed": seen.bytes if seen else None,
        "observed_at": seen.at if seen else None,
    }


#: Fields of a Row that are written as they are.
_PLAIN = (
    "runs_as", "dim", "num_heads", "sr_ratio", "blocks", "grid",
    "tokens", "kv_tokens", "macs", "params",
)  # fmt: skip


def _latency_document(row: Row) -> dict[str, Any] | None:
    predicted = asdict(row.predicted) if row.predicted else None
    if (taken := row.latency) is None:
        return {"predicted": predicted} if predicted else None
    low, high = taken.interval or (None, None)
    return {
        "predicted": predicted,
        "median": taken.median,
        "low": low,
        "high": high,
        "samples": taken.samples,
        "calls": taken.calls,
        "switches": taken.switches,
        "faults": taken.faults,
        "series": taken.series,
        "stopped": taken.stopped,
        "warnings": taken.warnings,
    }


def load(path: str | os.PathLike[str]) -> Run:
    """Return a run that was saved as JSON; raises StoreError for any other file."""
    return loads(text_of(path, _AGAIN), str(path))


_AGAIN = "repeat `pvtprof compare` or give another file"


def loads(text: str, name: str = "the text") -> Run:
    """Return a run from JSON text; ``name`` is how errors call it."""
    from pvtprof.run import from_v1, store_v1

    return from_v1.run(store_v1.document(text, name, _AGAIN))
