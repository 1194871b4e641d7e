"""The sections of a comparison on a page: some charts, and the tables behind them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import plotly.graph_objects as go

from pvtprof.report import sheets
from pvtprof.report.figures import CHARTS, all_infos
from pvtprof.report.sheet import Sheet
from pvtprof.run.run import Run

#: The numbers of the charts of a run, by name.
Infos: TypeAlias = Mapping[str, Any]


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


@dataclass(frozen=True, slots=True)
class Outline:
    """A section without its charts: title, text, and tables of a whole run.

    Each chart names its section. Tables of charts follow the tables of the run.
    """

    title: str
    text: Callable[[Run, Infos], str]
    sheets: Callable[[Run], Iterator[Sheet]]


def _prediction_sheets(run: Run) -> Iterator[Sheet]:
    if any(row.predicted for row in run.rows):
        yield sheets.predictions(run)


def _agreement_sheets(run: Run) -> Iterator[Sheet]:
    if run.counted:
        yield sheets.agreement(run)
        yield sheets.modules(run)


def _prediction_text(run: Run, infos: Infos) -> str:
    by_operator = (
        "Then each operator of one module, timed while the module ran: its share of the module's "
        "time over its predicted time. Time between operators is divided among them. "
    )
    return (
        "Predicted from the operator list by a calibration of this machine. Beside it are simpler "
        "models: FLOPs over the machine's best rate, a roofline of the whole, and a roofline of "
        "each operator. Kernels on feature maps are calibrated separately for batch 1, where torch "
        "uses another layout and another path. All times are those of a process in which malloc "
        f"keeps large blocks. {by_operator if 'residuals' in infos else ''}"
        "The roofline at the end shows measured times."
    )


def _growth_text(run: Run, infos: Infos) -> str:
    if "resolution" not in infos:
        return ""
    crosses = "; crosses mark the largest image that fits" if infos["resolution"].crossings else ""
    mode = ", ".join((run.setting.mode, *run.setting.training.words))
    return (
        f"Memory of the whole model for square images, {mode}: parameters, input and "
        f"the peak of live tensors{crosses}."
    )


#: The sections in the order of the page, by the anchor that charts name.
OUTLINES: Mapping[str, Outline] = {
    "prediction": Outline("Predicted latency", _prediction_text, _prediction_sheets),
    "growth": Outline("Memory against image size", _growth_text, lambda run: iter(())),
    "agreement": Outline(
        "Formula against counters",
        lambda run, infos: (
            "Every submodule of every row, in the convention of each counter. fvcore: 1 a MAC, 5 "
            "an element of a layer norm, 1 a pooled element, 4 an interpolated element. torch: 2 "
            "a MAC, and nothing else."
        ),
        _agreement_sheets,
    ),
}


def sections(run: Run) -> list[Section]:
    """Return the charts of a run of one comparison with their tables, in the order of the page."""
    infos = all_infos(run)
    found = [_section(anchor, run, infos) for anchor in OUTLINES]
    return [section for section in found if section.charts or section.sheets]


def _section(anchor: str, run: Run, infos: Infos) -> Section:
    outline = OUTLINES[anchor]
    shown = [(CHARTS[name], info) for name, info in infos.items() if CHARTS[name].section == anchor]
    of_run = tuple(outline.sheets(run))
    return Section(
        anchor,
        outline.title,
        outline.text(run, infos) if shown or of_run else "",
        tuple(DrawnChart.of(c.name, c.label, c.draw(info)) for c, info in shown),
        (*of_run, *(chart.sheet(info) for chart, info in shown if chart.sheet)),
    )
