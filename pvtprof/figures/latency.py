"""Latency, by itself and beside MACs."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from pvtprof.figures.style import COLORS, GREY, empty_figure, timed_name
from pvtprof.records import Row, Run


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
    return timed_name(row), 1e3 * row.latency.median, low and 1e3 * low, high and 1e3 * high


def draw_latency(info: LatencyInfo) -> go.Figure:
    """Grouped bars on a log axis, with intervals."""
    figure = empty_figure(barmode="group")
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
class SharesInfo:
    """MACs and time as shares of plain attention's, by variant and place.

    ``points`` maps a variant to (place, share of MACs, share of time, its low, its high). The
    interval is wide: the lowest of the one over the highest of the other, and the reverse; low and
    high are None below 6 samples.
    """

    points: dict[str, tuple[tuple[str, float, float, float | None, float | None], ...]]


def shares_info(run: Run) -> SharesInfo:
    """Every place that was timed for ``mha`` too; no points where it was not."""
    plain = {row.scope.stage for row in run.rows if row.scope.variant == "mha" and row.latency}
    found = {
        variant: tuple(
            _shares(run, row) for row in run.rows
            if row.scope.variant == variant and row.latency and row.scope.stage in plain
        )
        for variant in run.variants if variant != "mha"
    }  # fmt: skip
    return SharesInfo({v: points for v, points in found.items() if points})


def _shares(run: Run, row: Row) -> tuple[str, float, float, float | None, float | None]:
    plain = run.row(row.scope.stage, "mha")
    assert row.latency is not None and plain.latency is not None  # asked by shares_info  # noqa: PT018
    mine, theirs = row.latency.interval, plain.latency.interval
    low, high = (mine[0] / theirs[1], mine[1] / theirs[0]) if mine and theirs else (None, None)
    time = row.latency.median / plain.latency.median
    return timed_name(row), row.macs / plain.macs, time, low, high


def draw_shares(info: SharesInfo) -> go.Figure:
    """Diamonds for MACs, dots with intervals for time: where they part, FLOPs mislead."""
    figure = empty_figure(scattermode="group", scattergap=0.5)
    for variant, points in info.points.items():
        places, color = [p[0] for p in points], COLORS[variant]
        figure.add_scatter(
            name=f"{variant}: MACs", mode="markers", x=places, y=[p[1] for p in points],
            offsetgroup=variant, marker={"symbol": "diamond-open", "size": 12, "color": color},
            hovertemplate="%{x}<br>%{y:.1%} of mha's MACs<extra>" + variant + "</extra>",
        )  # fmt: skip
        figure.add_scatter(
            name=f"{variant}: time", mode="markers", x=places, y=[p[2] for p in points],
            offsetgroup=variant, marker={"size": 8, "color": color},
            error_y={
                "type": "data", "symmetric": False, "thickness": 1.5, "color": color,
                "array": [p[4] - p[2] if p[4] is not None else 0 for p in points],
                "arrayminus": [p[2] - p[3] if p[3] is not None else 0 for p in points],
            },
            hovertemplate="%{x}<br>%{y:.1%} of mha's time<extra>" + variant + "</extra>",
        )  # fmt: skip
    figure.add_hline(1, line={"color": GREY, "dash": "dash", "width": 1})
    figure.update_yaxes(title="share of mha", tickformat=".0%", rangemode="tozero")
    return figure
