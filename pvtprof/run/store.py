"""A run as versioned JSON text, and back."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

from pvtprof.designs.checks import one_of
from pvtprof.designs.part import SCOPES, Scope
from pvtprof.designs.setting import Workload
from pvtprof.errors import StoreError
from pvtprof.fields import Fields, parsed, text_of
from pvtprof.moment import Moment
from pvtprof.observe.machine import read_environment
from pvtprof.observe.measurement import Measurement
from pvtprof.observe.witness import WITNESSES
from pvtprof.predict.prediction import Prediction, read_ceilings
from pvtprof.predict.roofline import BOUNDS
from pvtprof.run.row import Agreement, Allocated, OpCost, Row
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
    return parsed(text, name, SCHEMA, _run, _AGAIN)


def _run(document: Fields) -> Run:
    rows = tuple(_row(Fields(row, f"rows[{i}].")) for i, row in enumerate(document.list("rows")))
    run = Run(
        workload(document.object("workload")),
        read_environment(document.object("environment")),
        rows,
        document.text("command"),
        document.flag("interrupted"),
        read_ceilings(document.object("ceilings")) if document.has("ceilings") else None,
    )
    if tuple(row.scope for row in rows) != SCOPES:
        raise StoreError("rows are not those of four stages and the model, in three designs each")
    return run


def workload(document: Fields) -> Workload:
    """The workload of a file."""
    return Workload(
        model=document.text("model"),
        height=document.whole("height"),
        width=document.whole("width"),
        sr_ratios=tuple(
            Fields({"R": r}, "sr_ratios.").whole("R") for r in document.list("sr_ratios")
        ),
        batch=document.whole("batch"),
        dtype=document.text("dtype"),
        device=document.text("device"),
        attention=document.text("attention"),
        mode=document.text("mode"),
        pool_size=document.whole("pool_size"),
    )


def _row(document: Fields) -> Row:
    peak, saved = document.object("peak_bytes"), document.object("saved_bytes")
    stage = document.whole_if_there("stage")
    if (stage is None) != (not document.has("grid")):
        raise StoreError(f"{document.name}grid does not go with stage {stage}")
    grid = document.list("grid") if stage is not None else None
    size = grid and Fields(dict(zip(("0", "1"), grid, strict=False)), f"{document.name}grid.")
    counts = document.object("counts")
    latency = document.object("latency_s") if document.has("latency_s") else None
    return Row(
        scope=Scope(stage, document.text("variant")),
        runs_as=document.text("runs_as"),
        dim=document.whole_or_none("dim"),
        num_heads=document.whole_or_none("num_heads"),
        sr_ratio=document.whole_or_none("sr_ratio"),
        blocks=document.whole("blocks"),
        grid=(size.whole("0"), size.whole("1")) if size else None,
        tokens=document.whole_or_none("tokens"),
        kv_tokens=document.whole_or_none("kv_tokens"),
        macs=document.whole("macs"),
        params=document.whole("params"),
        ops=tuple(_op(Fields(op, f"{document.name}ops.")) for op in document.list("ops")),
        peak=Moment(peak.whole("formula"), peak.text("at")),
        counts={name: _agreement(counts.object(name)) for name in WITNESSES if counts.has(name)},
        params_counted=document.whole_or_none("params_counted"),
        peak_observed=Moment(peak.whole("observed"), peak.text("observed_at"))
        if peak.has("observed")
        else None,
        saved_bytes=saved.whole("formula"),
        saved_observed_bytes=saved.whole_or_none("observed"),
        allocated=_allocated(document),
        latency=_measurement(latency) if latency and latency.has("samples") else None,
        predicted=_prediction(latency) if latency and latency.has("predicted") else None,
        not_run=document.text("not_run") if document.has("not_run") else None,
    )


def _allocated(document: Fields) -> Allocated | None:
    if not document.has("allocated_bytes"):
        return None
    found = document.object("allocated_bytes")
    return Allocated(found.whole("formula"), found.whole("observed"))


def _op(document: Fields) -> OpCost:
    numbers = {n: document.whole(n) for n in ("macs", "params", "read", "written", "times")}
    predicted = document.number("predicted_s") if document.has("predicted_s") else None
    measured = document.seconds("measured_s") if document.has("measured_s") else None
    bound = one_of("bound", document.text("bound"), BOUNDS) if document.has("bound") else None
    return OpCost(document.text("name"), document.text("kind"), **numbers,
                  predicted_s=predicted, bound=bound, measured_s=measured)  # fmt: skip


def _prediction(latency: Fields) -> Prediction:
    found = latency.object("predicted")
    rungs = found.object("rungs")
    seconds, low, high = (found.number(name) for name in ("seconds", "low", "high"))
    return Prediction(seconds, low, high, {name: rungs.number(name) for name in rungs.names()})


def _agreement(document: Fields) -> Agreement:
    modules = document.object("by_module")
    return Agreement(
        formula=document.whole("formula"),
        counted=document.whole("counted"),
        by_module={name: modules.pair(name) for name in modules.names()},
        skipped=document.object("skipped").wholes(),
        handles=tuple(Fields({"0": h}, "handles.").text("0") for h in document.list("handles")),
    )


def _measurement(document: Fields) -> Measurement:
    samples = tuple(
        Fields({"sample": sample}, document.name).seconds("sample")
        for sample in document.list("samples")
    )
    if not samples:
        raise StoreError(f"{document.name}samples is empty")
    switches, faults = (document.whole_if_there(name) for name in ("switches", "faults"))
    series = document.object("series").numbers() if document.has("series") else {}
    if any(len(values) != len(samples) for values in series.values()):
        raise StoreError(f"{document.name}series are not as long as its samples")
    stopped = document.text("stopped") if document.has("stopped") else None
    return Measurement(samples, document.whole("calls"), switches, faults, series, stopped)
