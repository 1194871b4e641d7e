"""The tables behind the charts of a page: every figure of a run, as text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pvtprof import units
from pvtprof.report import figures
from pvtprof.report.figures.style import stage_name
from pvtprof.report.sentences import PREDICTORS
from pvtprof.run.row import Row
from pvtprof.run.run import Run
from pvtprof.run.witnesses import COUNTERS, label_of, witnesses_of


@dataclass(frozen=True)
class Sheet:
    """A table of texts: its caption, its header and its lines."""

    caption: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    @cached_property
    def right(self) -> tuple[bool, ...]:
        """For each column, whether it holds numbers alone and so stands to the right."""
        return tuple(
            all(not cell or cell == "-" or cell.lstrip("-")[:1].isdigit() for cell in column)
            for column in zip(*self.lines, strict=True)
        )


def _place(row: Row) -> tuple[str, str]:
    return stage_name(row), row.design.name


def costs(run: Run) -> Sheet:
    """What every row costs by closed form."""
    header = ("place", "design", "runs as", "R", "blocks", "tokens", "keys", "MACs",
              "params", "peak bytes", "saved bytes", "moved bytes", "FLOPs a byte",
              "peak at")  # fmt: skip
    lines = tuple(
        (
            *_place(row), row.runs_as, units.integer(row.sr_ratio), units.integer(row.blocks),
            units.integer(row.tokens), units.integer(row.kv_tokens),
            units.integer(row.macs), units.integer(row.params),
            units.integer(row.peak.bytes), units.integer(row.saved_bytes),
            units.integer(sum(row.moved_bytes)), units.intensity(row.intensity),
            row.peak.at,
        )
        for row in run.rows
    )  # fmt: skip
    return Sheet("One attention module of each stage, and the whole model", header, lines)


def operators(run: Run) -> Sheet:
    """Every operator of every row."""
    header = ("place", "design", "operator", "kind", "runs", "MACs", "params", "elements read",
              "elements written", "FLOPs a byte", "predicted (ms)", "waits for")  # fmt: skip
    lines = tuple(
        (
            *_place(row), op.name, op.kind,
            *(units.integer(n) for n in (op.times, op.macs, op.params, op.read, op.written)),
            units.intensity(op.intensity(run.setting.dtype)),
            units.bare_milliseconds(op.predicted_s), op.bound or "-",
        )
        for row in run.rows for op in row.ops
    )  # fmt: skip
    return Sheet("Every operator", header, lines)


def latencies(run: Run) -> Sheet:
    """What the clock said of every row."""
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
    lines = tuple(_latency(row) for row in run.rows)
    return Sheet("Latency of one attention module, and of the whole model", header, lines)


def shares(info: figures.SharesInfo) -> Sheet:
    """MACs and time of the reduced designs, in percent of plain attention's."""
    header = ("place", "design", "MACs (% of mha)", "time (% of mha)", "low (%)", "high (%)")
    lines = tuple(
        (place, variant, *("-" if share is None else f"{100 * share:.5g}" for share in found))
        for variant, points in info.points.items() for place, *found in points
    )  # fmt: skip
    return Sheet("MACs and time as shares of plain attention's", header, lines)


def _latency(row: Row) -> tuple[str, ...]:
    taken = row.latency
    if taken is None:
        return (*_place(row), "-", "-", "-", "0", "-", "-", "-", row.not_run or "")
    times = (taken.median, *(row.latency_interval_s or (None, None)))
    return (
        *_place(row), *map(units.bare_milliseconds, times),
        units.integer(len(taken.samples)), units.integer(taken.calls),
        units.bare_milliseconds(taken.middle("cpu")), taken.stopped or "-",
        "; ".join(taken.warnings),
    )  # fmt: skip


def residuals(info: figures.ResidualInfo) -> Sheet:
    """What the chart of residuals shows."""
    header = ("place", "design", "operator", "by itself (ms)", "part of the latency (ms)",
              "predicted (ms)", "part / predicted")  # fmt: skip
    lines = tuple(
        (p.stage, variant, p.operator, *map(units.cell, (p.alone, p.part, p.predicted, p.ratio)))
        for variant, points in info.points.items() for p in points
    )  # fmt: skip
    return Sheet("Operators as timed and as predicted", header, lines)


def predictions(run: Run) -> Sheet:
    """What every predictor said of each row, beside what was measured."""
    simpler = [name for name in PREDICTORS if name != "calibrated"]
    header = ("place", "design", "measured (ms)", "calibrated (ms)", "90 % low (ms)",
              "90 % high (ms)", *(f"{name} (ms)" for name in simpler))  # fmt: skip
    lines = tuple(
        (*_place(row), *map(units.bare_milliseconds, (
            row.latency_median_s, said.seconds, said.low, said.high, *map(said.rungs.get, simpler),
        )))
        for row in run.rows if (said := row.predicted)
    )  # fmt: skip
    return Sheet("Latency as predicted and as measured", header, lines)


def moments(info: figures.LiveInfo) -> Sheet:
    """Live bytes at every operator that allocates."""
    lines = tuple(
        (design, units.integer(i), moment.at, units.integer(moment.bytes))
        for design, moments in info.moments.items() for i, moment in enumerate(moments, 1)
    )  # fmt: skip
    return Sheet("Every operator that allocates", ("design", "step", "operator", "live bytes"),
                 lines)  # fmt: skip


def resolutions(info: figures.ResolutionInfo) -> Sheet:
    """What the whole model needs, by image size."""
    lines = tuple(
        (design, units.integer(side), units.integer(needs), at)
        for design, points in info.points.items() for side, needs, at in points
    )  # fmt: skip
    return Sheet("Needs by image size", ("design", "side", "bytes", "peak at"), lines)


def agreement(run: Run) -> Sheet:
    """Formula, count and difference of every row and witness."""
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
            *_place(row),
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
    """The same for every submodule."""
    header = ("place", "design", "counter", "submodule", "formula", "counted", "difference")
    lines = tuple(
        (
            *_place(row),
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
