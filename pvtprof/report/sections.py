"""The sections of a comparison on a page: some charts, and the tables behind them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import plotly.graph_objects as go

from pvtprof.report import gpu, own, sheets
from pvtprof.report.figures import CHARTS, all_infos
from pvtprof.report.sheet import Sheet
from pvtprof.run.run import Run

#: The numbers of the charts of a run, by name.
Infos: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class DrawnChart:
    """A chart as plotly JSON, and what it shows in one sentence, for those who do not see it."""

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
    """A section before it is filled: its title, its text, and its tables of a whole run.

    The charts of the section name it themselves; each table of a chart follows those of the run.
    """

    title: str
    text: Callable[[Run, Infos], str]
    sheets: Callable[[Run], Iterator[Sheet]]


def _cost_sheets(run: Run) -> Iterator[Sheet]:
    if not run.is_own:
        yield sheets.costs(run)
        yield sheets.operators(run)


def _own_sheets(run: Run) -> Iterator[Sheet]:
    if run.is_own and (its := own.submodules(run)).lines:
        yield its


def _latency_sheets(run: Run) -> Iterator[Sheet]:
    if run.measured and run.setting.on_cuda:
        yield gpu.latencies(run)
        yield gpu.states(run)
    elif run.measured:
        yield sheets.latencies(run)


def _memory_sheets(run: Run) -> Iterator[Sheet]:
    if gpu.has_memory(run):
        yield gpu.memory(run)


def _latency_text(run: Run, infos: Infos) -> str:
    whose = "on the GPU, launches not counted, " if run.setting.on_cuda else ""
    text = f"Median of samples {whose}taken in interleaved rounds, and its 95 % interval."
    shares = " First as shares of plain attention's, beside the MACs; then in milliseconds."
    return text if run.is_own else text + shares


def _prediction_sheets(run: Run) -> Iterator[Sheet]:
    if any(row.predicted for row in run.rows):
        yield sheets.predictions(run)


def _agreement_sheets(run: Run) -> Iterator[Sheet]:
    if run.counted:
        yield sheets.agreement(run)
        yield sheets.modules(run)


def _prediction_text(run: Run, infos: Infos) -> str:
    by_operator = (
        "Then each operator of one module, timed by itself while that ran: its part of the whole, "
        "in which what lies between operators is shared out, over what was predicted. "
    )
    return (
        "From the operator list alone, by a calibration of this machine; beside it what simpler "
        "models of a machine say: FLOPs over its best rate, a roofline of the whole, and one of "
        "each operator. Kernels on feature maps are calibrated apart for one image and for more: "
        "at batch 1 torch lays maps out otherwise, and they take another path. Memory that is "
        "mapped afresh at each call is in no prediction: what was timed ran with malloc pinned. "
        f"{by_operator if 'residuals' in infos else ''}Under the roof, what was measured."
    )


def _memory_text(run: Run, infos: Infos) -> str:
    crosses = "; crosses mark the largest image that fits" if infos["resolution"].crossings else ""
    once = ", each repeated block once" if run.setting.mode == "inference" else ""
    return (
        f"What the whole model needs for square images, {run.setting.mode}: parameters, input and "
        f"the peak of live tensors{crosses}. Below, live bytes at every operator of this image, "
        f"above input and parameters{once}."
    )


#: The sections in the order of the page, by the anchor that charts name.
OUTLINES: Mapping[str, Outline] = {
    "submodules": Outline(
        "MACs by submodule",
        lambda run, infos: (
            "The submodules add up to the whole. The peak of a submodule is the most that is "
            "alive while it runs, of all tensors."
        ),
        _own_sheets,
    ),
    "macs": Outline(
        "MACs of attention, by stage, design and operator",
        lambda run, infos: "Each bar is the attention of all blocks of one stage.",
        _cost_sheets,
    ),
    "latency": Outline(
        "Latency, and where it parts company with MACs",
        _latency_text,
        _latency_sheets,
    ),
    "prediction": Outline("Predicted latency", _prediction_text, _prediction_sheets),
    "memory": Outline(
        "Memory against image size, and operator by operator",
        _memory_text,
        _memory_sheets,
    ),
    "agreement": Outline(
        "Formula against counters",
        lambda run, infos: (
            "Every submodule of every row, in each counter's own convention. fvcore: 1 a MAC, 5 an "
            "element of a layer norm, 1 an element that is pooled, 4 an element that is "
            "interpolated. torch: 2 a MAC, nothing else."
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
