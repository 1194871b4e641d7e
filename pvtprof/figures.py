"""Charts of a run, in two steps: ``..._info`` decides every number, ``draw_...`` none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import plotly.graph_objects as go

from pvtprof import units
from pvtprof.analytic.rows import needs, row_timeline
from pvtprof.errors import SpecError
from pvtprof.fit import squared
from pvtprof.records import WITNESSES, Moment, Row, Run, Scope, highest
from pvtprof.spec import Workload

#: Okabe and Ito's colours, which stay apart for colour-blind readers (jfly.uni-koeln.de/color).
COLORS = {
    "q": "#56B4E9", "sr": "#CC79A7", "kv": "#009E73", "scores": "#D55E00", "mix": "#E69F00",
    "proj": "#0072B2", "mha": "#D55E00", "sra_conv": "#0072B2", "sra_pool": "#009E73",
    "fvcore": "#0072B2", "torch": "#E69F00",
}  # fmt: skip
SYMBOLS = {"fvcore": "circle-open", "torch": "x-thin-open"}


def stage_name(row: Row) -> str:
    """How charts and tables call the row's place: "stage 1" or "model"."""
    return "model" if row.scope.stage is None else f"stage {row.scope.stage}"


@dataclass(frozen=True)
class StackInfo:
    """MACs of the attention of each stage (all its blocks), by operator.

    ``bars`` are (stage, variant); ``macs`` maps an operator to one number a bar.
    """

    bars: tuple[tuple[str, str], ...]
    macs: dict[str, tuple[int, ...]]


def stack_info(run: Run) -> StackInfo:
    """Stacked MACs of the attention rows; operators without MACs are left out."""
    rows = [row for row in run.rows if row.scope.stage is not None]
    by_row = [{op.name: row.blocks * op.macs for op in row.ops if op.macs} for row in rows]
    names = [name for name in COLORS if any(name in macs for macs in by_row)]
    return StackInfo(
        tuple((stage_name(row), row.scope.variant) for row in rows),
        {name: tuple(macs.get(name, 0) for macs in by_row) for name in names},
    )


def draw_stack(info: StackInfo) -> go.Figure:
    """Stacked bars, a group a stage."""
    stages, variants = (list(axis) for axis in zip(*info.bars, strict=True))
    figure = go.Figure(layout={"template": None, "barmode": "stack"})
    for name, macs in info.macs.items():
        figure.add_bar(
            name=name, x=[stages, variants], y=list(macs), marker_color=COLORS[name],
            customdata=[units.integer(value) for value in macs],
            hovertemplate=f"%{{x}}<br>{name}: %{{customdata}} MACs<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(exponentformat="SI", title="MACs, all blocks of the stage")
    return figure


@dataclass(frozen=True)
class LatencyInfo:
    """Median latency in milliseconds and its 95 % interval, by variant and place.

    ``points`` maps a variant to (place, median, low, high); low and high are None below 6 samples.
    """

    points: dict[str, tuple[tuple[str, float, float | None, float | None], ...]]


def latency_info(run: Run) -> LatencyInfo:
    """Everything that was measured: one attention module of each stage, and the whole model."""
    timed = [row for row in run.rows if row.latency]
    return LatencyInfo(
        {v: tuple(_timed(row) for row in timed if row.scope.variant == v) for v in run.variants}
    )


def _timed(row: Row) -> tuple[str, float, float | None, float | None]:
    assert row.latency is not None  # asked by latency_info
    low, high = row.latency.interval or (None, None)
    name = "whole model" if row.scope.stage is None else f"{stage_name(row)}, one module"
    return name, 1e3 * row.latency.median, low and 1e3 * low, high and 1e3 * high


def draw_latency(info: LatencyInfo) -> go.Figure:
    """Grouped bars on a log axis, with intervals."""
    figure = go.Figure(layout={"template": None, "barmode": "group"})
    for variant, points in info.points.items():
        figure.add_bar(
            name=variant, x=[p[0] for p in points], y=[p[1] for p in points],
            marker_color=COLORS[variant],
            error_y={
                "type": "data", "symmetric": False, "thickness": 1.5,
                "array": [p[3] - p[1] if p[3] is not None else 0 for p in points],
                "arrayminus": [p[1] - p[2] if p[2] is not None else 0 for p in points],
            },
            hovertemplate="%{x}<br>%{y:.4g} ms<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_yaxes(type="log", dtick=1, title="milliseconds, median and 95 % interval")
    return figure


@dataclass(frozen=True)
class LiveInfo:
    """Live bytes of the whole model at every operator that allocates, by variant."""

    moments: dict[str, tuple[Moment, ...]]


def live_info(run: Run) -> LiveInfo:
    """The closed form's timeline; its highest point is the peak of the row.

    Formulas change with pvtprof's version: where they no longer give the peak that a saved run
    holds, the design is left out.
    """
    timelines = {v: row_timeline(run.workload, Scope(None, v)) for v in run.variants}
    return LiveInfo({
        variant: moments for variant, moments in timelines.items()
        if highest(moments) == run.row(None, variant).peak
    })  # fmt: skip


def draw_live(info: LiveInfo) -> go.Figure:
    """A line a variant, its peak named."""
    figure = go.Figure(layout={"template": None})
    for i, (variant, moments) in enumerate(info.moments.items()):
        top = highest(moments)
        figure.add_scatter(
            name=variant, mode="lines", line={"shape": "hv", "color": COLORS[variant]},
            x=list(range(1, len(moments) + 1)), y=[moment.bytes for moment in moments],
            customdata=[[m.at, units.integer(m.bytes)] for m in moments],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]} bytes live"
                          "<extra>%{fullData.name}</extra>",
        )  # fmt: skip
        figure.add_annotation(
            x=moments.index(top) + 1, y=top.bytes, text=f"{variant}: {top.at}",
            font={"size": 11, "color": COLORS[variant]}, arrowcolor=COLORS[variant],
            ax=12, ay=-14 - 15 * i, xanchor="left", arrowhead=2,
        )  # fmt: skip
    figure.update_xaxes(title="operators, in the order in which they run", rangemode="tozero")
    figure.update_yaxes(title="live bytes", exponentformat="SI", rangemode="tozero")
    return figure


#: Sides of the square images for which the memory chart shows what is needed.
SIDES = (32, 64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536,
         1792, 2048, 2560, 3072, 3584, 4096)  # fmt: skip


@dataclass(frozen=True)
class ResolutionInfo:
    """Bytes that the whole model needs by variant and side of a square image, and what there is.

    Needs are parameters, input and the peak of live tensors. ``points`` maps a variant to
    (side, bytes, operator that holds the peak).
    """

    points: dict[str, tuple[tuple[int, int, str], ...]]
    memory_bytes: int | None


def resolution_info(run: Run) -> ResolutionInfo:
    """The closed form at every one of ``SIDES`` that the design takes."""
    points = {v: tuple(_needs(run.workload, v)) for v in run.variants}
    return ResolutionInfo(points, run.environment.memory_bytes)


def _needs(workload: Workload, variant: str) -> Iterator[tuple[int, int, str]]:
    for side in SIDES:
        with suppress(SpecError):  # R exceeds the grid of so small an image
            yield side, *needs(squared(workload, side), variant)


def draw_resolution(info: ResolutionInfo) -> go.Figure:
    """Lines on log axes, and the memory of the device."""
    figure = go.Figure(layout={"template": None})
    for variant, points in info.points.items():
        figure.add_scatter(
            name=variant, mode="lines+markers", line_color=COLORS[variant],
            x=[p[0] for p in points], y=[p[1] for p in points],
            customdata=[[units.size(p[1]), p[2]] for p in points],
            hovertemplate="%{x} pixels: %{customdata[0]}<br>peak at %{customdata[1]}"
                          "<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    if info.memory_bytes:
        figure.add_scatter(
            name=f"memory of this device, {units.size(info.memory_bytes)}", mode="lines",
            line={"color": "#888888", "dash": "dash"}, x=[SIDES[0], SIDES[-1]],
            y=[info.memory_bytes] * 2, hoverinfo="skip",
        )  # fmt: skip
    figure.update_xaxes(type="log", title="side of a square image, pixels",
                        tickvals=[64, 128, 224, 512, 1024, 2048, 4096])  # fmt: skip
    figure.update_yaxes(type="log", dtick=1, exponentformat="SI",
                        title="bytes: parameters, input and peak")  # fmt: skip
    return figure


@dataclass(frozen=True)
class AgreementInfo:
    """Formula against counter: ``points`` maps a witness to (formula, counted, submodule)."""

    points: dict[str, tuple[tuple[int, int, str], ...]]


def agreement_info(run: Run) -> AgreementInfo:
    """Every submodule of every row that a witness counted."""
    return AgreementInfo({
        witness: tuple(
            (ours, theirs, f"{row.scope}: {module or 'the module itself'}")
            for row in run.rows if witness in row.counts
            for module, (ours, theirs) in row.counts[witness].by_module.items()
        )
        for witness in WITNESSES
    })  # fmt: skip


def draw_agreement(info: AgreementInfo) -> go.Figure:
    """Points on log axes, and the line on which formula and counter are equal."""
    figure = go.Figure(layout={"template": None})
    values = [n for points in info.points.values() for p in points for n in p[:2] if n > 0]
    if values:
        ends = [min(values), max(values)]
        figure.add_scatter(x=ends, y=ends, mode="lines", name="equal", line_color="#888888")
    for witness, points in info.points.items():
        figure.add_scatter(
            name=witness, mode="markers", x=[p[0] for p in points], y=[p[1] for p in points],
            marker={"symbol": SYMBOLS[witness], "size": 9, "color": COLORS[witness],
                    "line": {"width": 2, "color": COLORS[witness]}},
            customdata=[[p[2], units.integer(p[0]), units.integer(p[1])] for p in points],
            hovertemplate="%{customdata[0]}<br>formula %{customdata[1]}"
                          "<br>counted %{customdata[2]}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(type="log", dtick=1, exponentformat="SI", title="formula")
    figure.update_yaxes(type="log", dtick=1, exponentformat="SI", title="counter")
    return figure
