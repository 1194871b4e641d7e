"""Latency, by itself and beside MACs."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from pvtprof.report.figures.chart import Chart, by_design
from pvtprof.report.figures.style import GREY, add_dots, color_of, empty_figure, timed_name
from pvtprof.report.sheet import Sheet
from pvtprof.run.row import Row
from pvtprof.run.run import Run


@dataclass(frozen=True)
class LatencyInfo:
    """Median latency in milliseconds and its 95 % interval, by variant and place.

    ``points`` maps a variant to (place, median, low, high); low and high are None below 6 samples.
    """

    points: dict[str, tuple[tuple[str, float, float | None, float | None], ...]]


def latency_info(run: Run) -> LatencyInfo:
    """Return all measured times: one attention module of each stage, and the whole model."""
    return LatencyInfo(
        by_design(
            run, lambda row: [(timed_name(row), *found)] if (found := milliseconds(row)) else []
        )
    )


def milliseconds(row: Row) -> tuple[float, float | None, float | None] | None:
    """Return median, low and high of a row's 95 % interval; None if it was not timed."""
    if row.latency is None:
        return None
    low, high = row.latency.interval or (None, None)
    return 1e3 * row.latency.median, low and 1e3 * low, high and 1e3 * high


def draw_latency(info: LatencyInfo) -> go.Figure:
    """Draw dots with intervals on a log axis, a colour a design."""
    figure = empty_figure(scattermode="group", scattergap=0.5)
    for variant, points in info.points.items():
        add_dots(figure, variant, color_of(variant), points)
    figure.update_yaxes(type="log", dtick=1, title="milliseconds, median and 95 % interval")
    return figure


@dataclass(frozen=True)
class SharesInfo:
    """MACs and time as shares of those of the first design, by variant and place.

    ``points`` maps a variant to (place, share of MACs, share of time, its low, its high). The
    interval is wide: the lowest of the one over the highest of the other, and the reverse; low and
    high are None below 6 samples.
    """

    points: dict[str, tuple[tuple[str, float, float, float | None, float | None], ...]]
    reference: str


def shares_info(run: Run) -> SharesInfo:
    """Return the parts that were timed for the first design too; no points if there are none."""
    first = run.reference
    timed = {row.part.stage for row in run.rows if row.design.name == first and row.latency}

    def shares(row: Row) -> list[tuple[str, float, float, float | None, float | None]]:
        is_known = row.design.name != first and row.latency and row.part.stage in timed
        return [_shares(run, row)] if is_known else []

    return SharesInfo(by_design(run, shares), first)


def _shares(run: Run, row: Row) -> tuple[str, float, float, float | None, float | None]:
    first = run.row(row.part.stage, run.reference)
    assert row.latency is not None and first.latency is not None  # asked by shares_info  # noqa: PT018
    mine, theirs = row.latency.interval, first.latency.interval
    low, high = (mine[0] / theirs[1], mine[1] / theirs[0]) if mine and theirs else (None, None)
    time = row.latency.median / first.latency.median
    return timed_name(row), row.macs / first.macs, time, low, high


def draw_shares(info: SharesInfo) -> go.Figure:
    """Draw diamonds for MACs and dots with intervals for time; where they differ, FLOPs mislead."""
    figure = empty_figure(scattermode="group", scattergap=0.5)
    whose = f"{info.reference}'s"
    for variant, points in info.points.items():
        places, color = [p[0] for p in points], color_of(variant)
        figure.add_scatter(
            name=f"{variant}: MACs",
            mode="markers",
            x=places,
            y=[p[1] for p in points],
            offsetgroup=variant,
            marker={"symbol": "diamond-open", "size": 12, "color": color},
            hovertemplate=f"%{{x}}<br>%{{y:.1%}} of {whose} MACs<extra>{variant}</extra>",
        )
        times = [(place, *found) for place, _, *found in points]
        add_dots(figure, f"{variant}: time", color, times, f"%{{y:.1%}} of {whose} time", variant)
    figure.add_hline(1, line={"color": GREY, "dash": "dash", "width": 1})
    figure.update_yaxes(title=f"share of {info.reference}", tickformat=".0%", rangemode="tozero")
    return figure


def shares_sheet(info: SharesInfo) -> Sheet:
    """Return MACs and time of the other designs, in percent of the first one's."""
    of = f"(% of {info.reference})"
    header = ("place", "design", f"MACs {of}", f"time {of}", "low (%)", "high (%)")
    lines = tuple(
        (place, variant, *("-" if share is None else f"{100 * share:.5g}" for share in found))
        for variant, points in info.points.items()
        for place, *found in points
    )
    return Sheet(f"MACs and time as shares of {info.reference}'s", header, lines)


CHARTS = (
    Chart(
        name="latency",
        section="latency",
        place=21,
        label="Dots: median latency in milliseconds with its interval",
        info=lambda run: latency_info(run) if run.measured else None,
        draw=draw_latency,
    ),
    Chart(
        name="shares",
        section="latency",
        place=20,
        label="MACs and time of each other design as shares of the first one's",
        info=lambda run: shares if (shares := shares_info(run)).points else None,
        draw=draw_shares,
        sheet=shares_sheet,
    ),
)
