"""What a chart is: numbers decided by ``info``, drawn by ``draw``, and shown in a table too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import plotly.graph_objects as go

from pvtprof.report.sheet import Sheet
from pvtprof.run.row import Row
from pvtprof.run.run import Run

Point = TypeVar("Point")


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of ``run.figures()``.

    ``info`` gives all numbers that it shows of a run of one comparison, or None where the run has
    none of them; ``draw`` decides no number. ``sheet`` gives the table behind it; ``place`` orders
    the charts.
    """

    name: str
    place: int
    info: Callable[[Run], Any]
    draw: Callable[[Any], go.Figure]
    sheet: Callable[[Any], Sheet] | None = None


def by_design(run: Run, points: Callable[[Row], Iterable[Point]]) -> dict[str, tuple[Point, ...]]:
    """Return the points of every row by design; a design without points is left out."""
    found: dict[str, list[Point]] = {name: [] for name in run.variants}
    for row in run.rows:
        found[row.design.name] += points(row)
    return {name: tuple(values) for name, values in found.items() if values}
