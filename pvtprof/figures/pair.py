"""Two runs side by side, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import plotly.graph_objects as go

from pvtprof.figures.style import COLORS, empty_figure
from pvtprof.records import Row, Run

#: How the first and the second of two runs are called.
NAMES = ("A", "B")


@dataclass(frozen=True)
class PairInfo:
    """What both runs have of one quantity: ``points`` maps "A" and "B" to (row, value) in order."""

    title: str
    points: dict[str, tuple[tuple[str, float], ...]]


def pair_infos(a: Run, b: Run) -> Iterator[PairInfo]:
    """MACs, peak memory and, where both were timed, latency of the rows that both runs have."""
    yield PairInfo("MACs", _points(a, b, lambda row: row.macs))
    yield PairInfo("peak bytes", _points(a, b, lambda row: row.peak.bytes))
    if a.measured and b.measured:
        yield PairInfo("milliseconds", _points(a, b, _milliseconds))


def _points(
    a: Run, b: Run, value: Callable[[Row], float | None]
) -> dict[str, tuple[tuple[str, float], ...]]:
    found: dict[str, tuple[tuple[str, float], ...]] = {}
    for name, run in zip(NAMES, (a, b), strict=True):
        values = [(str(row.scope), value(row)) for row in run.rows]
        found[name] = tuple((scope, one) for scope, one in values if one is not None)
    return found


def _milliseconds(row: Row) -> float | None:
    return 1e3 * row.latency.median if row.latency else None


def draw_pair(info: PairInfo) -> go.Figure:
    """Grouped bars on a log axis."""
    figure = empty_figure(barmode="group")
    for name, points in info.points.items():
        figure.add_bar(
            name=name, x=[p[0] for p in points], y=[p[1] for p in points],
            marker_color=COLORS[name],
            hovertemplate="%{x}<br>%{y:.4s}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_yaxes(type="log", dtick=1, exponentformat="SI", title=info.title)
    return figure
