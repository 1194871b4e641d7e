"""The designs of a search: predicted latency against MACs."""

from __future__ import annotations

import plotly.graph_objects as go

from pvtprof import units
from pvtprof.predict.choose import Found
from pvtprof.predict.wanted import Design
from pvtprof.report.figures.style import GREY, empty_figure


def draw_choices(found: Found) -> go.Figure:
    """Draw the front as dots coloured by memory, the published models by name."""
    figure = empty_figure()
    figure.add_scatter(
        name="front",
        mode="markers",
        x=[1e3 * d.latency.seconds for d in found.front],
        y=[d.macs for d in found.front],
        customdata=[_said(d) for d in found.front],
        marker={
            "size": 7,
            "color": [d.memory_bytes for d in found.front],
            "colorscale": "Viridis",
            "showscale": False,
        },
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.add_scatter(
        name="published",
        mode="markers+text",
        x=[1e3 * d.latency.seconds for d in found.published],
        y=[d.macs for d in found.published],
        text=[d.published for d in found.published],
        textposition="top center",
        customdata=[_said(d) for d in found.published],
        marker={"size": 9, "symbol": "diamond-open", "color": GREY},
        hovertemplate="%{text}: %{customdata}<extra></extra>",
    )
    what = "latency, measured or predicted" if found.notes else "predicted latency"
    figure.update_xaxes(type="log", title=f"{what}, milliseconds")
    figure.update_yaxes(type="log", title="MACs", exponentformat="SI")
    return figure


def _said(design: Design) -> str:
    return (
        f"{design.name}<br>{'measured ' * design.is_measured}"
        f"{units.milliseconds(design.latency.seconds)}, "
        f"{units.giga(design.macs)} MACs, {units.millions(design.params)} params, "
        f"{units.size(design.memory_bytes)}"
    )
