"""What every chart shares: colours, and how places are called."""

from __future__ import annotations

import plotly.graph_objects as go

from pvtprof.records import Row

#: Okabe and Ito's colours, which stay apart for colour-blind readers (jfly.uni-koeln.de/color).
COLORS = {
    "q": "#56B4E9", "sr": "#CC79A7", "kv": "#009E73", "scores": "#D55E00", "mix": "#E69F00",
    "proj": "#0072B2", "mha": "#D55E00", "sra_conv": "#0072B2", "sra_pool": "#009E73",
    "fvcore": "#0072B2", "torch": "#E69F00", "A": "#0072B2", "B": "#E69F00",
}  # fmt: skip
GREY = "#888888"


def stage_name(row: Row) -> str:
    """How charts and tables call the row's place: "stage 1" or "model"."""
    return "model" if row.scope.stage is None else f"stage {row.scope.stage}"


def timed_name(row: Row) -> str:
    """The same where it must be said that a stage's figure is one module's."""
    return "whole model" if row.scope.stage is None else f"{stage_name(row)}, one module"


def empty_figure(**layout: object) -> go.Figure:
    """A figure without plotly's default template, which has 7 KB and colours of its own."""
    return go.Figure(layout={**layout, "template": go.layout.Template()})
