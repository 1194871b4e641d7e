"""A section of a page that plotly draws: a chart, and the tables behind it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from pvtprof.report.sheet import Sheet


@dataclass(frozen=True)
class DrawnChart:
    """A chart as plotly JSON, with a sentence for readers who cannot see it."""

    anchor: str
    label: str
    figure: dict[str, Any]

    @classmethod
    def of(cls, name: str, label: str, figure: go.Figure) -> DrawnChart:
        """Return the chart whose place on the page begins with ``name``."""
        return cls(f"{name}-chart", label, json.loads(figure.to_json()))


@dataclass(frozen=True)
class Section:
    """Some charts and the tables behind them."""

    anchor: str
    title: str
    text: str
    charts: tuple[DrawnChart, ...]
    sheets: tuple[Sheet, ...]
