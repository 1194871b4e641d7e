"""What every chart shares: colours, and how places are called."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import plotly.graph_objects as go

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


def empty_figure(**layout: object) -> go.Figure:
    """Return a figure without plotly's default template, which has 7 KB."""
    return go.Figure(layout={**layout, "template": go.layout.Template()})
