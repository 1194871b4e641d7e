"""Formula against counter, submodule by submodule."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from pvtprof import units
from pvtprof.report.figures.chart import Chart
from pvtprof.report.figures.style import GREY, color_of, empty_figure
from pvtprof.run.run import Run
from pvtprof.run.witnesses import COUNTERS

SYMBOLS = {"fvcore": "circle-open", "torch": "x-thin-open"}


@dataclass(frozen=True)
class AgreementInfo:
    """Formula against counter: ``points`` maps a witness to (formula, counted, submodule)."""

    points: dict[str, tuple[tuple[int, int, str], ...]]


def agreement_info(run: Run) -> AgreementInfo:
    """Return every submodule of every row that a witness counted."""
    return AgreementInfo(
        {
            witness: tuple(
                (ours, theirs, f"{row.name}: {module or 'the module itself'}")
                for row in run.rows
                if witness in row.witnesses
                for module, (ours, theirs) in row.witnesses[witness].by_module.items()
            )
            for witness in COUNTERS
        }
    )


def draw_agreement(info: AgreementInfo) -> go.Figure:
    """Draw points on log axes, and the line on which formula and counter are equal."""
    figure = empty_figure()
    values = [n for points in info.points.values() for p in points for n in p[:2] if n > 0]
    if values:
        ends = [min(values), max(values)]
        figure.add_scatter(x=ends, y=ends, mode="lines", name="equal", line_color=GREY)
    for witness, points in info.points.items():
        figure.add_scatter(
            name=witness,
            mode="markers",
            x=[p[0] for p in points],
            y=[p[1] for p in points],
            marker={
                "symbol": SYMBOLS.get(witness, "diamond-open"),
                "size": 9,
                "color": color_of(witness),
                "line": {"width": 2, "color": color_of(witness)},
            },
            customdata=[[p[2], units.integer(p[0]), units.integer(p[1])] for p in points],
            hovertemplate="%{customdata[0]}<br>formula %{customdata[1]}"
            "<br>counted %{customdata[2]}<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(type="log", dtick=1, exponentformat="SI", title="formula")
    figure.update_yaxes(type="log", dtick=1, exponentformat="SI", title="counter")
    return figure


CHARTS = (
    Chart(
        name="agreement",
        place=90,
        info=lambda run: agreement_info(run) if run.counted else None,
        draw=draw_agreement,
    ),
)
