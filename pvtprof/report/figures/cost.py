"""MACs of attention, stacked by operator."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from pvtprof import units
from pvtprof.report.figures.chart import Chart
from pvtprof.report.figures.style import COLORS, color_of, empty_figure
from pvtprof.run.run import Run


@dataclass(frozen=True)
class StackInfo:
    """MACs of the attention of each stage (all its blocks), by operator.

    ``bars`` are (stage, variant); ``macs`` maps an operator to one number a bar.
    """

    bars: tuple[tuple[str, str], ...]
    macs: dict[str, tuple[int, ...]]


def stack_info(run: Run) -> StackInfo:
    """Return the MACs of the attention rows by operator; operators without MACs are left out."""
    rows = [row for row in run.rows if row.part.stage is not None]
    by_row = [{op.name: row.blocks * op.macs for op in row.ops if op.macs} for row in rows]
    known = [name for name in COLORS if any(name in macs for macs in by_row)]
    names = dict.fromkeys((*known, *(name for macs in by_row for name in macs)))
    return StackInfo(
        tuple((row.part.name, row.design.name) for row in rows),
        {name: tuple(macs.get(name, 0) for macs in by_row) for name in names},
    )


def draw_stack(info: StackInfo) -> go.Figure:
    """Draw stacked bars, a group a stage."""
    stages, variants = (list(axis) for axis in zip(*info.bars, strict=True))
    figure = empty_figure(barmode="stack")
    for name, macs in info.macs.items():
        figure.add_bar(
            name=name,
            x=[stages, variants],
            y=list(macs),
            marker_color=color_of(name),
            customdata=[units.integer(value) for value in macs],
            hovertemplate=f"%{{x}}<br>{name}: %{{customdata}} MACs<extra></extra>",
        )
    figure.update_yaxes(exponentformat="SI", title="MACs, all blocks of the stage")
    return figure


CHARTS = (
    Chart(
        name="macs",
        section="macs",
        place=10,
        label="Stacked bars: MACs by stage, design and operator",
        info=lambda run: None if run.is_own else stack_info(run),
        draw=draw_stack,
    ),
)
