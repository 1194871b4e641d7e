"""Predicted against measured latency, of rows and of operators, and the roofline of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import plotly.graph_objects as go

from pvtprof import units
from pvtprof.predict.prediction import Ceilings
from pvtprof.report.figures.chart import Chart, by_design
from pvtprof.report.figures.style import GREY, color_of, empty_figure
from pvtprof.report.sentences import PREDICTORS, timed_and_predicted
from pvtprof.report.sheet import Sheet
from pvtprof.run.row import Row
from pvtprof.run.run import Run

SYMBOLS = {
    "flops": "x-thin-open",
    "roofline": "cross-thin-open",
    "per operator": "circle-open",
    "calibrated": "circle",
}
_SHADES = {
    "flops": "#D55E00",
    "roofline": "#E69F00",
    "per operator": "#56B4E9",
    "calibrated": "#0072B2",
}

#: Where the axis of residuals has ticks.
RATIOS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5, 2, 3, 5, 10)


@dataclass(frozen=True)
class PredictionInfo:
    """``points`` maps a predictor to (row, measured ms, predicted ms)."""

    points: dict[str, tuple[tuple[str, float, float], ...]]


def prediction_info(run: Run) -> PredictionInfo:
    """Return every row that was both predicted and timed, by predictor."""
    return PredictionInfo(
        {
            name: tuple(
                (row.name, 1e3 * measured, 1e3 * predicted) for row, measured, predicted in rows
            )
            for name, rows in timed_and_predicted(run).items()
        }
    )


def draw_prediction(info: PredictionInfo) -> go.Figure:
    """Draw dots on log axes, and the line on which both are equal."""
    figure = empty_figure()
    ends = [f(p[1] for points in info.points.values() for p in points) for f in (min, max)]
    figure.add_scatter(x=ends, y=ends, mode="lines", name="equal", line_color=GREY)
    for name, points in info.points.items():
        figure.add_scatter(
            name=PREDICTORS[name],
            mode="markers",
            x=[p[1] for p in points],
            y=[p[2] for p in points],
            customdata=[p[0] for p in points],
            marker={
                "symbol": SYMBOLS[name],
                "size": 9,
                "color": _SHADES[name],
                "line": {"width": 2, "color": _SHADES[name]},
            },
            hovertemplate="%{customdata}<br>measured %{x:.4g} ms, predicted %{y:.4g} ms"
            "<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(type="log", title="measured, ms")
    figure.update_yaxes(type="log", title="predicted, ms")
    return figure


@dataclass(frozen=True)
class Residual:
    """One operator of one attention module: what it took by itself, its part of the latency, what
    was predicted (all in ms), and ``ratio``, of the part to the prediction.
    """

    operator: str
    stage: str
    alone: float
    part: float
    predicted: float
    ratio: float


@dataclass(frozen=True)
class ResidualInfo:
    """``points`` maps a variant to its operators."""

    points: dict[str, tuple[Residual, ...]]


def residual_info(run: Run) -> ResidualInfo:
    """Return every operator that was both predicted and timed by itself."""
    return ResidualInfo(by_design(run, _residuals))


def _residuals(row: Row) -> Iterator[Residual]:
    for name, alone, part, predicted in row.residuals:
        yield Residual(
            name, row.part.name, 1e3 * alone, 1e3 * part, 1e3 * predicted, part / predicted
        )


def draw_residuals(info: ResidualInfo) -> go.Figure:
    """Draw a line for each operator; dots left of 1 took less time than predicted."""
    figure = empty_figure()
    names = dict.fromkeys(p.operator for points in info.points.values() for p in points)
    for variant, points in info.points.items():
        figure.add_scatter(
            name=variant,
            mode="markers",
            x=[p.ratio for p in points],
            y=[p.operator for p in points],
            customdata=[[p.stage, p.part, p.predicted] for p in points],
            marker={"size": 9, "color": color_of(variant)},
            hovertemplate="%{y}, %{customdata[0]}<br>measured %{customdata[1]:.4g} ms, "
            "predicted %{customdata[2]:.4g} ms<extra>%{fullData.name}</extra>",
        )
    figure.add_vline(x=1, line_color=GREY)
    ticks = [f"{ratio:g}" for ratio in RATIOS]
    figure.update_xaxes(
        type="log", title="measured / predicted", tickvals=list(RATIOS), ticktext=ticks
    )
    figure.update_yaxes(categoryorder="array", categoryarray=[*reversed(names)])
    return figure


@dataclass(frozen=True)
class RooflineInfo:
    """``points`` maps a variant to (row, FLOPs a byte, GFLOP/s as measured)."""

    points: dict[str, tuple[tuple[str, float, float], ...]]
    ceilings: Ceilings


def roofline_info(run: Run, ceilings: Ceilings) -> RooflineInfo:
    """Return every row that was timed, with its intensity by moved bytes."""
    return RooflineInfo(
        {
            variant: tuple(
                (row.name, row.intensity, 2e-9 * row.macs / row.latency.median)
                for row in run.rows
                if row.design.name == variant and row.latency
            )
            for variant in run.variants
        },
        ceilings,
    )


def draw_roofline(info: RooflineInfo) -> go.Figure:
    """Draw dots under the roofline: slope is the bandwidth, the flat part the best rate."""
    figure = empty_figure()
    best, per_byte = info.ceilings.flops_per_s / 1e9, info.ceilings.bytes_per_s / 1e9
    intensities = [p[1] for points in info.points.values() for p in points]
    ridge = best / per_byte
    ends = (min(*intensities, ridge) / 2, ridge, 2 * max(*intensities, ridge))
    figure.add_scatter(
        name=f"roof: {per_byte:.3g} GB/s, {best:.3g} GFLOP/s",
        mode="lines",
        line_color=GREY,
        x=list(ends),
        y=[min(best, x * per_byte) for x in ends],
        hoverinfo="name",
    )
    for variant, points in info.points.items():
        figure.add_scatter(
            name=variant,
            mode="markers",
            x=[p[1] for p in points],
            y=[p[2] for p in points],
            customdata=[p[0] for p in points],
            marker={"size": 9, "color": color_of(variant)},
            hovertemplate="%{customdata}<br>%{x:.3g} FLOPs a byte, %{y:.3g} GFLOP/s<extra></extra>",
        )
    figure.update_xaxes(type="log", title="FLOPs a byte moved")
    figure.update_yaxes(type="log", title="GFLOP/s, measured")
    return figure


def residual_sheet(info: ResidualInfo) -> Sheet:
    """Return the table behind the chart of residuals."""
    header = (
        "place",
        "design",
        "operator",
        "by itself (ms)",
        "part of the latency (ms)",
        "predicted (ms)",
        "part / predicted",
    )
    lines = tuple(
        (p.stage, variant, p.operator, *map(units.cell, (p.alone, p.part, p.predicted, p.ratio)))
        for variant, points in info.points.items()
        for p in points
    )
    return Sheet("Operators as timed and as predicted", header, lines)


CHARTS = (
    Chart(
        name="prediction",
        place=30,
        info=lambda run: found if (found := prediction_info(run)).points else None,
        draw=draw_prediction,
    ),
    Chart(
        name="residuals",
        place=31,
        info=lambda run: found if (found := residual_info(run)).points else None,
        draw=draw_residuals,
        sheet=residual_sheet,
    ),
    Chart(
        name="roofline",
        place=32,
        info=lambda run: (
            roofline_info(run, run.ceilings) if run.ceilings and run.measured else None
        ),
        draw=draw_roofline,
    ),
)
