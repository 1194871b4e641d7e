"""Time against MACs, as shares of the first design."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from pvtprof.report.figures.chart import Chart
from pvtprof.report.figures.style import GREY, color_of, empty_figure, palette
from pvtprof.report.sections.clock_shares import PREDICTED, Place, Share, held, places_of
from pvtprof.report.sections.clock_words import finding
from pvtprof.run.run import Run


@dataclass(frozen=True)
class LatencyInfo:
    """The places that the page shows: MACs and time of each design as shares of ``reference``."""

    finding: str
    places: tuple[Place, ...]
    reference: str
    colors: dict[str, str]


def latency_info(run: Run) -> LatencyInfo | None:
    """Return every place that has a time, measured or predicted; None where none has."""
    places = tuple(places_of(run))
    first, is_alone = held(run)
    whole = "the whole network" if is_alone else first
    if not places:
        return None
    return LatencyInfo(finding(run, places), places, whole, palette(run.variants))


def draw_latency(info: LatencyInfo) -> go.Figure:
    """Draw a bar for time with its interval, and a line for MACs; predicted bars are outlines."""
    figure = empty_figure(barmode="group", scattermode="group", title=info.finding)
    for design in dict.fromkeys(s.design for place in info.places for s in place.shares):
        found = [(p.name, s) for p in info.places for s in p.shares if s.design == design]
        timed = [(name, share) for name, share in found if share.time is not None]
        _add_times(figure, design, timed, info.colors.get(design) or color_of(design))
        figure.add_scatter(
            name=f"{design}: MACs",
            mode="markers",
            x=[name for name, _ in found],
            y=[share.macs for _, share in found],
            offsetgroup=design,
            marker={"symbol": "line-ew-open", "size": 18, "line": {"width": 2}, "color": GREY},
            hovertemplate=f"%{{x}}<br>{design}: %{{y:.1%}} of the MACs<extra></extra>",
        )
    figure.add_hline(1, line={"color": GREY, "dash": "dash", "width": 1})
    figure.update_yaxes(title=f"share of {info.reference}", tickformat=".0%", rangemode="tozero")
    return figure


def _add_times(figure: go.Figure, design: str, timed: list[tuple[str, Share]], color: str) -> None:
    highs = [(share.high or share.time or 0) - (share.time or 0) for _, share in timed]
    lows = [(share.time or 0) - (share.low or share.time or 0) for _, share in timed]
    is_outline = [share.kind == PREDICTED for _, share in timed]
    figure.add_bar(
        name=f"{design}: time",
        x=[name for name, _ in timed],
        y=[share.time for _, share in timed],
        offsetgroup=design,
        marker={
            "color": ["rgba(0,0,0,0)" if outline else color for outline in is_outline],
            "line": {"color": color, "width": 1.5},
        },
        error_y={"type": "data", "symmetric": False, "array": highs, "arrayminus": lows},
        customdata=[share.spoken for _, share in timed],
        hovertemplate="%{x}<br>%{customdata}<extra></extra>",
    )


CHARTS = (
    Chart(
        name="latency",
        place=20,
        info=latency_info,
        draw=draw_latency,
    ),
)
