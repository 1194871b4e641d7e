"""What every chart shares: colours, and how places are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

import plotly.graph_objects as go

from pvtprof.run.row import Row

#: Okabe and Ito's colours, which stay apart for colour-blind readers (jfly.uni-koeln.de/color).
COLORS = {
    "q": "#56B4E9",
    "sr": "#CC79A7",
    "kv": "#009E73",
    "scores": "#D55E00",
    "mix": "#E69F00",
    "proj": "#0072B2",
    "mha": "#D55E00",
    "sra_conv": "#0072B2",
    "sra_pool": "#009E73",
    "fvcore": "#0072B2",
    "torch": "#E69F00",
    "A": "#0072B2",
    "B": "#E69F00",
}
#: For designs and operators that have none of their own.
OTHERS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
GREY = "#888888"
YELLOW = "#F0E442"


def color_of(name: str) -> str:
    """Return the colour of a design, an operator or a counter; always the same for a name."""
    return COLORS.get(name) or OTHERS[crc32(name.encode()) % len(OTHERS)]


def palette(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each design of a run: its own, or one that none of the others has.

    >>> palette(["mha", "mine", "yours"])["mine"] != palette(["mha", "mine", "yours"])["yours"]
    True
    """
    found = {name: COLORS[name] for name in names if name in COLORS}
    free = [color for color in (*OTHERS, YELLOW) if color not in found.values()]
    rest = [name for name in names if name not in found]
    for i, name in enumerate(rest):
        found[name] = free[i % len(free)] if free else color_of(name)
    return {name: found[name] for name in names}


def timed_name(row: Row) -> str:
    """Return the name of a row's part in charts of times; of a stage it is one module."""
    return "whole model" if row.part.stage is None else f"{row.part}, one module"


def empty_figure(**layout: object) -> go.Figure:
    """Return a figure without plotly's default template, which has 7 KB."""
    return go.Figure(layout={**layout, "template": go.layout.Template()})


def add_dots(
    figure: go.Figure,
    name: str,
    color: str,
    points: Iterable[tuple[Any, ...]],
    hover: str = "%{y:.4s}",
    group: str | None = None,
) -> None:
    """Add dots of (x, y, low, high) with their intervals; a ``group`` stands in one line."""
    x, y, lows, highs = ([*column] for column in zip(*points, strict=True))
    above = [0 if high is None else high - at for high, at in zip(highs, y, strict=True)]
    below = [0 if low is None else at - low for low, at in zip(lows, y, strict=True)]
    figure.add_scatter(
        name=name,
        mode="markers",
        x=x,
        y=y,
        offsetgroup=group or name,
        marker={"size": 8, "color": color},
        error_y={
            "type": "data",
            "symmetric": False,
            "thickness": 1.5,
            "color": color,
            "array": above,
            "arrayminus": below,
        },
        hovertemplate=f"%{{x}}<br>{hover}<extra>{name}</extra>",
    )
