"""A run as one offline page: verdict, charts, the tables behind them, provenance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.resources import files

from jinja2 import Environment, PackageLoader

from pvtprof import figures, units, verdict
from pvtprof.records import Row, Run


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


@dataclass(frozen=True)
class Section:
    """A chart (plotly JSON; None where there is nothing to draw) and the tables behind it."""

    anchor: str
    title: str
    text: str
    chart: dict[str, object] | None
    sheets: tuple[Sheet, ...]


def render(run: Run) -> str:
    """The page as text. It makes no network request and is readable without JavaScript."""
    environment = Environment(
        loader=PackageLoader("pvtprof.render"), autoescape=True, keep_trailing_newline=True
    )
    work = run.workload
    return environment.get_template("report.html").render(
        run=run,
        title=f"{work.model} at {work.height}x{work.width}",
        setting=verdict.setting(run),
        verdict=(verdict.agreement(run), *verdict.savings(run), *verdict.surprises(run)),
        disagreements=tuple(verdict.disagreements(run)),
        notes=tuple(verdict.notes(run)),
        sections=[s for s in _sections(run) if s.chart or s.sheets],
        environment={
            k.replace("_", " "): v for k, v in asdict(run.environment).items() if v is not None
        },
        plotlyjs=plotlyjs(),
    )


@cache
def plotlyjs() -> str:
    """plotly.js's basic bundle, which draws all that the page has; a quarter of the full one.

    Source: npm, plotly.js-basic-dist-min 4.1.1, as published; MIT (vendor/plotly-LICENSE).
    """
    return files("pvtprof.render").joinpath("vendor/plotly-basic.min.js").read_text("utf-8")


def _sections(run: Run) -> tuple[Section, ...]:
    timed = run.measured
    counted = any(row.counts for row in run.rows)
    live, resolution = figures.live_info(run), figures.resolution_info(run)
    return (
        Section(
            "macs", "MACs of attention, by stage, design and operator",
            "Each bar is the attention of all blocks of one stage.",
            _chart(figures.draw_stack(figures.stack_info(run))),
            (_costs(run), _operators(run)),
        ),
        Section(
            "latency", "Latency",
            "Median of samples taken in interleaved rounds, and its 95 % interval.",
            _chart(figures.draw_latency(figures.latency_info(run))) if timed else None,
            (_latencies(run),) if timed else (),
        ),
        Section(
            "live", "Memory, operator by operator",
            f"Live tensor bytes of the whole model above input and parameters, {run.workload.mode}"
            f"{', each repeated block once' if run.workload.mode == 'inference' else ''}.",
            _chart(figures.draw_live(live)) if live.moments else None,
            (_moments(live),) if live.moments else (),
        ),
        Section(
            "resolution", "Memory against image size",
            f"What the whole model needs for square images, {run.workload.mode}: "
            "parameters, input and the peak of live tensors.",
            _chart(figures.draw_resolution(resolution)),
            (_resolutions(resolution),),
        ),
        Section(
            "agreement", "Formula against counters",
            "Every submodule of every row, in each counter's own convention. fvcore: 1 a MAC, "
            "5 an element of a layer norm, 1 an element that is pooled, 4 an element that is "
            "interpolated. torch: 2 a MAC, nothing else.",
            _chart(figures.draw_agreement(figures.agreement_info(run))) if counted else None,
            (_agreement(run), _modules(run)) if counted else (),
        ),
    )  # fmt: skip


def _chart(figure: object) -> dict[str, object]:
    chart: dict[str, object] = json.loads(figure.to_json())  # type: ignore[attr-defined] # plotly has no types
    return chart


def _place(row: Row) -> tuple[str, str]:
    return figures.stage_name(row), row.scope.variant


def _costs(run: Run) -> Sheet:
    dtype = run.workload.dtype
    header = ("place", "design", "runs as", "R", "blocks", "tokens", "keys", "MACs",
              "params", "peak bytes", "saved bytes", "moved bytes", "FLOPs a byte",
              "peak at")  # fmt: skip
    lines = tuple(
        (
            *_place(row), row.runs_as, units.integer(row.sr_ratio), units.integer(row.blocks),
            units.integer(row.tokens), units.integer(row.kv_tokens),
            units.integer(row.macs), units.integer(row.params),
            units.integer(row.peak.bytes), units.integer(row.saved_bytes),
            units.integer(sum(row.moved_bytes(dtype))), units.intensity(row.intensity(dtype)),
            row.peak.at,
        )
        for row in run.rows
    )  # fmt: skip
    return Sheet("One attention module of each stage, and the whole model", header, lines)


def _operators(run: Run) -> Sheet:
    header = ("place", "design", "operator", "kind", "runs", "MACs", "params", "elements read",
              "elements written", "FLOPs a byte")  # fmt: skip
    lines = tuple(
        (
            *_place(row), op.name, op.kind,
            *(units.integer(n) for n in (op.times, op.macs, op.params, op.read, op.written)),
            units.intensity(op.intensity(run.workload.dtype)),
        )
        for row in run.rows for op in row.ops
    )  # fmt: skip
    return Sheet("Every operator", header, lines)


def _latencies(run: Run) -> Sheet:
    header = (
        "place",
        "design",
        "median",
        "95 % interval (ms)",
        "samples",
        "calls a sample",
        "processor time",
        "ended by",
        "remark",
    )
    lines = tuple(_latency(row) for row in run.rows)
    return Sheet("Latency of one attention module, and of the whole model", header, lines)


def _latency(row: Row) -> tuple[str, ...]:
    taken = row.latency
    if taken is None:
        return (*_place(row), "-", "-", "0", "-", "-", "-", row.not_run or "")
    return (
        *_place(row), units.milliseconds(taken.median), units.interval(row.latency_interval_s),
        units.integer(len(taken.samples)), units.integer(taken.calls),
        units.milliseconds(taken.middle("cpu")), taken.stopped or "-",
        "; ".join(taken.warnings),
    )  # fmt: skip


def _moments(info: figures.LiveInfo) -> Sheet:
    lines = tuple(
        (design, units.integer(i), moment.at, units.integer(moment.bytes))
        for design, moments in info.moments.items() for i, moment in enumerate(moments, 1)
    )  # fmt: skip
    return Sheet("Every operator that allocates", ("design", "step", "operator", "live bytes"),
                 lines)  # fmt: skip


def _resolutions(info: figures.ResolutionInfo) -> Sheet:
    lines = tuple(
        (design, units.integer(side), units.integer(needs), units.size(needs), at)
        for design, points in info.points.items() for side, needs, at in points
    )  # fmt: skip
    return Sheet("Needs by image size", ("design", "side", "bytes", "", "peak at"), lines)


def _agreement(run: Run) -> Sheet:
    header = ("place", "design", "counter", "formula", "counted", "difference",
              "not counted (calls)", "taught")  # fmt: skip
    lines = tuple(
        (
            *_place(row), witness, units.integer(found.formula), units.integer(found.counted),
            units.integer(found.counted - found.formula),
            ", ".join(f"{op.removeprefix('aten::')} {n}" for op, n in found.skipped.items()),
            ", ".join(found.handles),
        )
        for row in run.rows for witness, found in row.counts.items()
    )  # fmt: skip
    params = tuple(
        (*_place(row), "sum(p.numel())", units.integer(row.params),
         units.integer(row.params_counted),
         units.integer(row.params_counted - row.params), "", "")
        for row in run.rows if row.params_counted is not None
    )  # fmt: skip
    live = tuple(
        (*_place(row), f"live storages, {what} (bytes)", units.integer(ours),
         units.integer(seen), units.integer(seen - ours), "", "")
        for row in run.rows for what, ours, seen in _watched(row)
    )  # fmt: skip
    return Sheet("Totals", header, lines + params + live)


def _watched(row: Row) -> Iterator[tuple[str, int, int]]:
    """(what, formula, observed) of live bytes."""
    if row.peak_observed is not None:
        yield "peak", row.peak.bytes, row.peak_observed.bytes
    if row.allocated is not None:
        yield "peak in CUDA's blocks of 512", row.allocated.formula, row.allocated.observed
    if row.saved_observed_bytes is not None:
        yield "saved for backward", row.saved_bytes, row.saved_observed_bytes


def _modules(run: Run) -> Sheet:
    header = ("place", "design", "counter", "submodule", "formula", "counted", "difference")
    lines = tuple(
        (*_place(row), witness, module or "(itself)",
         units.integer(ours), units.integer(theirs), units.integer(theirs - ours))
        for row in run.rows for witness, found in row.counts.items()
        for module, (ours, theirs) in found.by_module.items()
    )  # fmt: skip
    return Sheet("Submodule by submodule", header, lines)
