"""Two runs side by side, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import plotly.graph_objects as go

from pvtprof.report.figures.latency import milliseconds
from pvtprof.report.figures.style import add_dots, color_of, empty_figure
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: How the first and the second of two runs are called.
NAMES = ("A", "B")


#: (row, value, low, high); low and high are None where there is no interval.
Point: TypeAlias = tuple[str, float, float | None, float | None]


@dataclass(frozen=True)
class PairInfo:
    """What both runs have of one quantity: ``points`` maps "A" and "B" to theirs, in order."""

    title: str
    points: dict[str, tuple[Point, ...]]


def pair_infos(a: Run, b: Run) -> Iterator[PairInfo]:
    """Yield MACs, peak memory and, where both were timed, latency of each run's rows."""
    yield PairInfo("MACs", _points(a, b, lambda row: (row.macs, None, None)))
    yield PairInfo("peak bytes", _points(a, b, lambda row: (row.peak.bytes, None, None)))
    if a.measured and b.measured:
        yield PairInfo("milliseconds", _points(a, b, milliseconds))


def _points(
    a: Run, b: Run, of: Callable[[Row], tuple[float, float | None, float | None] | None]
) -> dict[str, tuple[Point, ...]]:
    found = {}
    for name, run in zip(NAMES, (a, b), strict=True):
        values = [(row.name, of(row)) for row in run.rows]
        found[name] = tuple((scope, *value) for scope, value in values if value is not None)
    return found


def draw_pair(info: PairInfo) -> go.Figure:
    """Draw dots on a log axis, with intervals where there are any."""
    figure = empty_figure(scattermode="group", scattergap=0.5)
    for name, points in info.points.items():
        add_dots(figure, name, color_of(name), points)
    figure.update_yaxes(type="log", dtick=1, exponentformat="SI", title=info.title)
    return figure
