"""A run from the documents of schema ``pvtprof.run/1``; they are valid, so nothing is refused."""

from __future__ import annotations

from msgspec.structs import asdict

from pvtprof.designs.part import Scope
from pvtprof.moment import Moment
from pvtprof.observe.measurement import Measurement
from pvtprof.observe.witness import WITNESSES
from pvtprof.predict.prediction import Prediction
from pvtprof.run.row import Agreement, Allocated, OpCost, Row
from pvtprof.run.run import Run
from pvtprof.run.store_v1 import LatencyDocument, RowDocument, RunDocument

#: Fields of a row that are in the file as they are.
_PLAIN = (
    *("runs_as", "dim", "num_heads", "sr_ratio", "blocks", "grid", "tokens", "kv_tokens"),
    *("macs", "params", "params_counted", "not_run"),
)


def run(found: RunDocument) -> Run:
    """Return the run that a document holds."""
    rows = tuple(map(_row, found.rows))
    workload = found.workload.workload()
    return Run(workload, found.environment, rows, found.command, found.interrupted, found.ceilings)


def _row(found: RowDocument) -> Row:
    peak, saved, allocated = found.peak_bytes, found.saved_bytes, found.allocated_bytes
    latency = found.latency_s or LatencyDocument()
    counts = {name: count for name in WITNESSES if (count := found.counts.get(name))}
    return Row(
        scope=Scope(found.stage, found.variant),
        **{name: getattr(found, name) for name in _PLAIN},
        ops=tuple(OpCost(**asdict(op)) for op in found.ops),
        counts={name: Agreement(**asdict(count)) for name, count in counts.items()},
        peak=Moment(peak.formula, peak.at),
        peak_observed=Moment(peak.observed, peak.observed_at or "")
        if peak.observed is not None
        else None,
        saved_bytes=saved.formula,
        saved_observed_bytes=saved.observed,
        allocated=Allocated(**asdict(allocated)) if allocated else None,
        latency=_measurement(latency) if latency.samples else None,
        predicted=Prediction(**asdict(latency.predicted)) if latency.predicted else None,
    )


def _measurement(found: LatencyDocument) -> Measurement:
    return Measurement(
        samples=found.samples or (),
        calls=found.calls or 0,
        switches=found.switches,
        faults=found.faults,
        series=found.series or {},
        stopped=found.stopped,
    )
