"""Where MACs go: a frame a stage and one for the whole, a bar a design, stacked by operator."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from pvtprof import units
from pvtprof.report.figures.chart import Chart
from pvtprof.report.figures.style import empty_figure, palette
from pvtprof.report.sections.bars import Frame, frames_of, own_frames
from pvtprof.report.sections.bars_drawn import drawn
from pvtprof.run.run import Run


@dataclass(frozen=True)
class CostInfo:
    """The frames that the page shows for MACs, with their titles and the finding."""

    finding: str
    titles: tuple[str, ...]
    frames: tuple[Frame, ...]
    colors: dict[str, str]


def cost_info(run: Run) -> CostInfo | None:
    """Return MACs by stage, design and operator; None where no part of the run has any."""
    frames = own_frames(run) if run.is_own else frames_of(run)
    if not any(row.macs for row in run.rows):
        return None
    finding, shown = drawn(frames, "macs")
    titles = tuple(frame.title for frame in shown)
    return CostInfo(finding, titles, frames, palette(run.variants))


def draw_cost(info: CostInfo) -> go.Figure:
    """Draw a row a frame, each with its own scale; operators alternate in strength."""
    figure = make_subplots(len(info.frames), 1, subplot_titles=info.titles, figure=empty_figure())
    for number, frame in enumerate(info.frames, 1):
        for bar in reversed(frame.bars):
            for i, one in enumerate(segment for segment in bar.segments if segment.macs):
                figure.add_bar(
                    name=one.name,
                    orientation="h",
                    x=[one.macs],
                    y=[bar.design],
                    marker={"color": info.colors[bar.design], "opacity": 0.85 if i % 2 else 0.5},
                    customdata=[units.integer(one.macs)],
                    hovertemplate=f"{bar.design}, {one.name}: %{{customdata}} MACs<extra></extra>",
                    row=number,
                    col=1,
                )
    figure.update_layout(barmode="stack", showlegend=False, title=info.finding)
    figure.update_xaxes(exponentformat="SI", rangemode="tozero")
    return figure


CHARTS = (
    Chart(
        name="macs",
        place=10,
        info=cost_info,
        draw=draw_cost,
    ),
)
