"""The plotly charts of ``run.figures()``. A chart is one file here with a ``CHARTS``.

``run.figures()`` finds it by that; ``choosing`` has the chart of choose's page. A run's page draws
its own pictures, which are in ``sections``.

In: a run of one comparison. Out: numbers (``info``), and plotly figures of them.
It may import what its room, report, may import.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import plotly.graph_objects as go

from pvtprof.registry import entries
from pvtprof.report.figures.chart import Chart
from pvtprof.report.figures.still import Shown
from pvtprof.run.run import Run


def _charts() -> Iterator[Chart]:
    for module in entries(__name__, __path__):
        yield from getattr(module, "CHARTS", ())


#: Every chart by its name, in the order in which they are shown.
CHARTS: Mapping[str, Chart] = {
    chart.name: chart for chart in sorted(_charts(), key=lambda chart: chart.place)
}


def all_infos(run: Run) -> dict[str, Any]:
    """Return the figures of every chart for which the run has data, by name."""
    infos = {name: chart.info(run) for name, chart in CHARTS.items()}
    return {name: info for name, info in infos.items() if info is not None}


def all_figures(run: Run) -> dict[str, go.Figure]:
    """Return every chart of a run, by name, each with a static picture for notebooks."""
    return {name: Shown(CHARTS[name].draw(info)) for name, info in all_infos(run).items()}
