"""Runs of the schema before, which knew one model in one setting with three designs."""

from __future__ import annotations

from collections.abc import Iterator

from pvtprof.designs.checks import one_of
from pvtprof.designs.part import MODEL, Part, attention_of
from pvtprof.designs.workload import Workload
from pvtprof.errors import StoreError
from pvtprof.fields import Fields
from pvtprof.moment import Moment
from pvtprof.observe.machine import read_environment
from pvtprof.observe.measurement import Measurement
from pvtprof.observe.witness import Count
from pvtprof.predict.prediction import Prediction, read_ceilings
from pvtprof.predict.roofline import BOUNDS
from pvtprof.run.row import Agreement, OpCost, Row, joined
from pvtprof.run.run import Run

SCHEMA = "pvtprof.run/1"


def run(document: Fields) -> Run:
    """The run of a file of this schema."""
    asked = workload(document.object("workload"))
    rows = tuple(
        _row(Fields(row, f"rows[{i}]."), asked) for i, row in enumerate(document.list("rows"))
    )
    found = [(row.part, row.design.name) for row in rows]
    parts = (*map(attention_of, range(1, 5)), MODEL)
    if found != [(part, design.name) for part in parts for design in asked.designs]:
        raise StoreError("rows are not those of four stages and the model, in three designs each")
    return Run(
        read_environment(document.object("environment")),
        rows,
        document.text("command"),
        document.flag("interrupted"),
        read_ceilings(document.object("ceilings")) if document.has("ceilings") else None,
    )


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


def _row(document: Fields, asked: Workload) -> Row:
    peak, saved = document.object("peak_bytes"), document.object("saved_bytes")
    latency = document.object("latency_s") if document.has("latency_s") else None
    stage = document.whole_if_there("stage")
    part = MODEL if stage is None else attention_of(stage)
    return Row(
        design=asked.design(document.text("variant")),
        part=part,
        setting=asked.setting,
        **shape(document, part),  # type: ignore[arg-type] # by name
        ops=tuple(op_cost(Fields(op, f"{document.name}ops.")) for op in document.list("ops")),
        peak=Moment(peak.whole("formula"), peak.text("at")),
        saved_bytes=saved.whole("formula"),
        witnesses=dict(_witnesses(document)),
        latency=measurement(latency) if latency and latency.has("samples") else None,
        predicted=prediction(latency.object("predicted"))
        if latency and latency.has("predicted")
        else None,
        not_run=document.text("not_run") if document.has("not_run") else None,
    )


def shape(document: Fields, part: Part) -> dict[str, object]:
    """What a row says of its module; a grid goes with a stage, and with nothing else."""
    if (part.stage is None) != (not document.has("grid")):
        raise StoreError(f"{document.name}grid does not go with {part}")
    names = ("dim", "num_heads", "sr_ratio", "tokens", "kv_tokens")
    return {
        "runs_as": document.text("runs_as"),
        **{name: document.whole_or_none(name) for name in names},
        **{name: document.whole(name) for name in ("blocks", "macs", "params")},
        "grid": document.pair("grid") if document.has("grid") else None,
    }


def _witnesses(document: Fields) -> Iterator[tuple[str, Agreement]]:
    """Each witness by the name that it has now."""
    counts = document.object("counts")
    for name in ("fvcore", "torch"):
        if counts.has(name):
            yield name, agreement(counts.object(name))
    params = document.whole("params")
    if document.has("params_counted"):
        counted = document.whole("params_counted")
        yield "params", Agreement(params, counted, {"": (params, counted)})
    peak, saved = document.object("peak_bytes"), document.object("saved_bytes")
    if peak.has("observed"):
        formula = {peak.text("at"): peak.whole("formula")}
        observed = {peak.text("observed_at"): peak.whole("observed")}
        yield "peak bytes", joined(formula, Count(peak.whole("observed"), observed))
    if saved.has("observed"):
        pair = saved.whole("formula"), saved.whole("observed")
        yield "saved bytes", Agreement(*pair, {"": pair})
    if document.has("allocated_bytes"):
        allocated = document.object("allocated_bytes")
        pair = allocated.whole("formula"), allocated.whole("observed")
        yield "allocator", Agreement(*pair, is_exact=False)


def op_cost(document: Fields) -> OpCost:
    """One operator of a row."""
    numbers = {n: document.whole(n) for n in ("macs", "params", "read", "written", "times")}
    predicted = document.number("predicted_s") if document.has("predicted_s") else None
    measured = document.seconds("measured_s") if document.has("measured_s") else None
    bound = one_of("bound", document.text("bound"), BOUNDS) if document.has("bound") else None
    return OpCost(document.text("name"), document.text("kind"), **numbers,
                  predicted_s=predicted, bound=bound, measured_s=measured)  # fmt: skip


def prediction(found: Fields) -> Prediction:
    """A prediction of a row."""
    rungs = found.object("rungs")
    seconds, low, high = (found.number(name) for name in ("seconds", "low", "high"))
    return Prediction(seconds, low, high, {name: rungs.number(name) for name in rungs.names()})


def agreement(document: Fields) -> Agreement:
    """What one witness said."""
    modules = document.object("by_module")
    return Agreement(
        formula=document.whole("formula"),
        counted=document.whole("counted"),
        by_module={name: modules.pair(name) for name in modules.names()},
        skipped=document.object("skipped").wholes(),
        handles=tuple(Fields({"0": h}, "handles.").text("0") for h in document.list("handles")),
        is_exact=document.flag("is_exact") if document.has("is_exact") else True,
    )


def measurement(document: Fields) -> Measurement:
    """What the clock said of a row."""
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
