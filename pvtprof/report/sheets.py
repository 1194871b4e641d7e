"""The tables behind the charts of a page: every figure of a run, as text."""

from __future__ import annotations

from pvtprof import units
from pvtprof.report.sentences import PREDICTORS
from pvtprof.report.sheet import Sheet, place_of
from pvtprof.run.row import Row
from pvtprof.run.run import Run
from pvtprof.run.witnesses import COUNTERS, label_of, witnesses_of


def costs(run: Run) -> Sheet:
    """Return the costs of every row by formula."""
    header = (
        "place",
        "design",
        "runs as",
        "R",
        "blocks",
        "tokens",
        "keys",
        "MACs",
        "params",
        "peak bytes",
        "saved bytes",
        "moved bytes",
        "FLOPs a byte",
        "peak at",
    )
    lines = tuple(
        (
            *place_of(row),
            row.runs_as,
            units.integer(row.sr_ratio),
            units.integer(row.blocks),
            units.integer(row.tokens),
            units.integer(row.kv_tokens),
            units.integer(row.macs),
            units.integer(row.params),
            units.integer(row.peak.bytes),
            units.integer(row.saved_bytes),
            units.integer(sum(row.moved_bytes)),
            units.intensity(row.intensity),
            row.peak.at,
        )
        for row in run.rows
    )
    return Sheet("One attention module of each stage, and the whole model", header, lines)


def operators(run: Run) -> Sheet:
    """Return every operator of every row."""
    header = (
        "place",
        "design",
        "operator",
        "kind",
        "runs",
        "MACs",
        "params",
        "elements read",
        "elements written",
        "FLOPs a byte",
        "predicted (ms)",
        "waits for",
    )
    lines = tuple(
        (
            *place_of(row),
            op.name,
            op.kind,
            *(units.integer(n) for n in (op.times, op.macs, op.params, op.read, op.written)),
            units.intensity(op.intensity(run.setting.dtype)),
            units.bare_milliseconds(op.predicted_s),
            op.bound or "-",
        )
        for row in run.rows
        for op in row.ops
    )
    return Sheet("Every operator", header, lines)


def latencies(run: Run) -> Sheet:
    """Return the measured times of every row."""
    header = (
        "place",
        "design",
        "median (ms)",
        "95 % low (ms)",
        "95 % high (ms)",
        "samples",
        "calls a sample",
        "processor time (ms)",
        "ended by",
        "remark",
    )
    lines = tuple(_latency(row) for row in run.rows if row.part.module is None)
    return Sheet("Latency of one attention module, and of the whole model", header, lines)


def _latency(row: Row) -> tuple[str, ...]:
    latency = row.latency
    if latency is None:
        return (*place_of(row), "-", "-", "-", "0", "-", "-", "-", row.not_run or "")
    times = (latency.median, *(row.latency_interval_s or (None, None)))
    return (
        *place_of(row),
        *map(units.bare_milliseconds, times),
        units.integer(len(latency.samples)),
        units.integer(latency.calls),
        units.bare_milliseconds(latency.middle("cpu")),
        latency.stopped or "-",
        "; ".join(latency.warnings),
    )


def predictions(run: Run) -> Sheet:
    """Return the predictions of each row, beside the measured times."""
    simpler = [name for name in PREDICTORS if name != "calibrated"]
    header = (
        "place",
        "design",
        "measured (ms)",
        "calibrated (ms)",
        "90 % low (ms)",
        "90 % high (ms)",
        *(f"{name} (ms)" for name in simpler),
    )
    lines = tuple(
        (
            *place_of(row),
            *map(
                units.bare_milliseconds,
                (
                    row.latency_median_s,
                    prediction.seconds,
                    prediction.low,
                    prediction.high,
                    *map(prediction.rungs.get, simpler),
                ),
            ),
        )
        for row in run.rows
        if (prediction := row.predicted)
    )
    return Sheet("Latency as predicted and as measured", header, lines)


def agreement(run: Run) -> Sheet:
    """Return formula, count and difference of every row and witness."""
    header = (
        "place",
        "design",
        "counter",
        "formula",
        "counted",
        "difference",
        "not counted (calls)",
        "taught",
    )
    lines = tuple(
        (
            *place_of(row),
            label_of(name),
            units.integer(found.formula),
            units.integer(found.counted),
            units.integer(found.rest),
            ", ".join(f"{op.removeprefix('aten::')} {n}" for op, n in found.skipped.items()),
            ", ".join(found.handles),
        )
        for name in witnesses_of(run)
        for row in run.rows
        if (found := row.witnesses.get(name))
    )
    return Sheet("Totals", header, lines)


def modules(run: Run) -> Sheet:
    """Return formula, count and difference of every submodule."""
    header = ("place", "design", "counter", "submodule", "formula", "counted", "difference")
    lines = tuple(
        (
            *place_of(row),
            label_of(name),
            place or "(itself)",
            units.integer(ours),
            units.integer(theirs),
            units.integer(theirs - ours),
        )
        for row in run.rows
        for name, found in row.witnesses.items()
        if name in COUNTERS
        for place, (ours, theirs) in found.by_module.items()
    )
    return Sheet("Submodule by submodule", header, lines)
