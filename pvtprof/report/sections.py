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
    if run.is_own or "shares" not in infos:
        return text
    return f"{text} First as shares of {run.reference}'s, beside the MACs; then in milliseconds."


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


def _memory_text(run: Run, infos: Infos) -> str:
    crosses = "; crosses mark the largest image that fits" if infos["resolution"].crossings else ""
    mode = ", ".join((run.setting.mode, *run.setting.training.words))
    once = ", each repeated block once" if run.setting.mode == "inference" else ""
    return (
        f"Memory of the whole model for square images, {mode}: parameters, input and "
        f"the peak of live tensors{crosses}. Below it, live bytes at every operator, for this "
        f"image, without input and parameters{once}."
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
        "Latency beside MACs",
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
            "Every submodule of every row, in the convention of each counter. fvcore: 1 per MAC, 5 "
            "per element of a layer norm, 1 per pooled element, 4 per interpolated element. torch: "
            "2 per MAC, and nothing else."
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
