"""Live bytes over operators, and memory over image sizes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import plotly.graph_objects as go

from pvtprof import units
from pvtprof.analytic.fit import image_edge, squared
from pvtprof.analytic.parts import needs
from pvtprof.designs.part import MODEL
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.errors import SpecError
from pvtprof.moment import Moment, highest
from pvtprof.report.figures.chart import Chart
from pvtprof.report.figures.style import GREY, color_of, empty_figure
from pvtprof.report.sheet import Sheet
from pvtprof.run.rows import timeline_of
from pvtprof.run.run import Run


@dataclass(frozen=True)
class LiveInfo:
    """Live bytes of the whole model at every operator that allocates, by variant."""

    moments: dict[str, tuple[Moment, ...]]


def live_info(run: Run) -> LiveInfo:
    """Return the timeline of the formula; its highest point is the peak of the row.

    Formulas change with pvtprof's version: where they no longer give the peak that a saved run
    holds, the design is left out.
    """
    wholes = {row.design.name: row for row in run.rows if row.part == MODEL}
    timelines = {name: timeline_of(row) for name, row in wholes.items()}
    return LiveInfo(
        {
            variant: moments
            for variant, moments in timelines.items()
            if highest(moments) == wholes[variant].peak
        }
    )


def draw_live(info: LiveInfo) -> go.Figure:
    """Draw a line a variant with its peak named."""
    figure = empty_figure()
    for i, (variant, moments) in enumerate(info.moments.items()):
        top = highest(moments)
        figure.add_scatter(
            name=variant,
            mode="lines",
            line={"shape": "hv", "color": color_of(variant)},
            x=list(range(1, len(moments) + 1)),
            y=[moment.bytes for moment in moments],
            customdata=[[m.at, units.integer(m.bytes)] for m in moments],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]} bytes live"
            "<extra>%{fullData.name}</extra>",
        )
        figure.add_annotation(
            x=moments.index(top) + 1,
            y=top.bytes,
            text=f"{variant}: {top.at}",
            font={"size": 11},
            arrowcolor=color_of(variant),
            ax=12,
            ay=-14 - 18 * i,
            xanchor="left",
            arrowhead=2,
        )
    figure.update_xaxes(title="operators, in the order in which they run", rangemode="tozero")
    figure.update_yaxes(title="live bytes", exponentformat="SI", rangemode="tozero")
    return figure


#: Sides of the square images for which the memory chart shows what is needed.
SIDES = (
    32,
    64,
    96,
    128,
    160,
    192,
    224,
    256,
    320,
    384,
    448,
    512,
    640,
    768,
    896,
    1024,
    1280,
    1536,
    1792,
    2048,
    2560,
    3072,
    3584,
    4096,
    6144,
    8192,
    12288,
    16384,
)


@dataclass(frozen=True)
class ResolutionInfo:
    """Bytes that the whole model needs by variant and side of a square image, and what there is.

    Needs are parameters, input and the peak of live tensors. ``points`` maps a variant to
    (side, bytes, operator that holds the peak); ``crossings`` to the largest side that fits and
    what it needs, where the memory is known and some side fits.
    """

    points: dict[str, tuple[tuple[int, int, str], ...]]
    memory_bytes: int | None
    crossings: dict[str, tuple[int, int]]


def resolution_info(run: Run) -> ResolutionInfo:
    """Return the needed memory at each of ``SIDES``, and where the device's memory ends."""
    setting = run.setting
    points = {d.name: tuple(_needs(d.spec, setting)) for d in run.designs}
    memory = run.memory_bytes
    edges = {d.name: image_edge(d.spec, setting, memory) for d in run.designs} if memory else {}
    crossings = {v: (edge.size, edge.needs) for v, edge in edges.items() if edge.size}
    return ResolutionInfo(points, memory, crossings)


def _needs(spec: ModelSpec, setting: Setting) -> Iterator[tuple[int, int, str]]:
    for side in SIDES:
        with suppress(SpecError):  # R exceeds the grid of so small an image
            yield side, *needs(spec, squared(setting, side))


def draw_resolution(info: ResolutionInfo) -> go.Figure:
    """Draw lines on log axes, and the memory of the device."""
    figure = empty_figure()
    for variant, points in info.points.items():
        figure.add_scatter(
            name=variant,
            mode="lines+markers",
            line_color=color_of(variant),
            x=[p[0] for p in points],
            y=[p[1] for p in points],
            customdata=[[units.size(p[1]), p[2]] for p in points],
            hovertemplate="%{x} pixels: %{customdata[0]}<br>peak at %{customdata[1]}"
            "<extra>%{fullData.name}</extra>",
        )
    if info.memory_bytes:
        _add_memory(figure, info, info.memory_bytes)
    sides = [64, 128, 224, 512, 1024, 2048, 4096, 8192, 16384]
    figure.update_xaxes(
        type="log",
        title="side of a square image, pixels",
        tickvals=sides,
        ticktext=[str(side) for side in sides],
    )
    powers = [4 * 2**power for power in range(20, 60, 4)]
    figure.update_yaxes(
        type="log",
        title="parameters, input and peak",
        tickvals=powers,
        ticktext=[units.exact_size(power) for power in powers],
    )
    return figure


def _add_memory(figure: go.Figure, info: ResolutionInfo, memory_bytes: int) -> None:
    """Add the line where the device's memory ends, and where each design crosses it."""
    figure.add_scatter(
        name=f"memory of this device, {units.size(memory_bytes)}",
        mode="lines",
        line={"color": GREY, "dash": "dash"},
        x=[SIDES[0], SIDES[-1]],
        y=[memory_bytes] * 2,
        hoverinfo="skip",
    )
    for variant, (side, needed) in info.crossings.items():
        figure.add_scatter(
            name=f"{variant} fits up to {units.integer(side)} pixels",
            mode="markers+text",
            x=[side],
            y=[needed],
            text=[units.integer(side)],
            textposition="top left",
            marker={"symbol": "x", "size": 9, "color": color_of(variant)},
            hoverinfo="name",
        )


def live_sheet(info: LiveInfo) -> Sheet:
    """Return live bytes at every operator that allocates."""
    lines = tuple(
        (design, units.integer(i), moment.at, units.integer(moment.bytes))
        for design, moments in info.moments.items()
        for i, moment in enumerate(moments, 1)
    )
    header = ("design", "step", "operator", "live bytes")
    return Sheet("Every operator that allocates", header, lines)


CHARTS = (
    Chart(
        name="resolution",
        place=40,
        info=lambda run: None if run.is_own else resolution_info(run),
        draw=draw_resolution,
    ),
    Chart(
        name="live",
        place=41,
        info=lambda run: live if not run.is_own and (live := live_info(run)).moments else None,
        draw=draw_live,
    ),
)
