"""A run as one offline page: verdict, explorer, charts with their tables, formulas, provenance."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from pvtprof import units
from pvtprof.analytic import algebra
from pvtprof.analytic.formulas import attention_ops
from pvtprof.designs.published import model_spec
from pvtprof.designs.spec import VARIANTS
from pvtprof.observe.machine import Environment
from pvtprof.report import explorer, figures, formula, mathml, sentences, sheets
from pvtprof.report.figures.style import COLORS
from pvtprof.report.page import compressed, page
from pvtprof.report.sheets import Sheet
from pvtprof.run import store
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: What the explorer starts from where the run does not know how much memory there is.
MEMORY_BYTES = 24 * 2**30


@dataclass(frozen=True)
class Chart:
    """A chart as plotly JSON, and what it shows in one sentence, for those who do not see it."""

    anchor: str
    label: str
    figure: dict[str, Any]

    @classmethod
    def of(cls, name: str, label: str, figure: go.Figure) -> Chart:
        """A figure by the name that its place on the page begins with."""
        return cls(f"{name}-chart", label, json.loads(figure.to_json()))


@dataclass(frozen=True)
class Section:
    """Some charts and the tables behind them."""

    anchor: str
    title: str
    text: str
    charts: tuple[Chart, ...]
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True)
class Card:
    """The whole model with one design: its name and its totals, short and (some) exact."""

    variant: str
    totals: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Formula:
    """The closed form of one design: its operators (name, MACs, params), totals, keys, LaTeX."""

    variant: str
    source: str
    ops: tuple[tuple[str, Markup, Markup], ...]
    totals: tuple[Markup, ...]
    keys: Markup
    latex: str


def render(run: Run) -> str:
    """The page as text. It makes no network request and is readable without JavaScript."""
    work = run.workload
    return page(
        "report.html",
        ("engine", "explorer"),
        run=run,
        title=f"What attention costs in {work.model} at {work.height}x{work.width}",
        setting=sentences.setting(run),
        cards=[_card(run.row(None, variant)) for variant in run.variants],
        sentences=tuple(sentences.sentences(run)),
        disagreements=tuple(sentences.disagreements(run)),
        notes=tuple(sentences.notes(run)),
        sections=sections(run),
        **explorable(run),
        provenance=[(run.command, described(run.environment))],
        originals=[("run.json", compressed(store.dumps(run)))],
    )


def explorable(run: Run) -> dict[str, Any]:
    """What the explorer and the formulas beside it need of a page; it starts from this run."""
    formulas = [_formula(variant) for variant in VARIANTS]
    return {
        "start": _start(run),
        "formulas": formulas,
        "symbols": algebra.SYMBOLS | algebra.KEY_SYMBOLS,
    }


def _start(run: Run) -> dict[str, Any]:
    """What the explorer starts from, as JSON takes it."""
    published = model_spec(run.workload.model).stages[0].variant
    vectors = [*explorer.of_run(run), *explorer.embedded()]
    return {
        "program": explorer.program(),
        "texts": explorer.texts(run.workload),
        "variant": published,
        "memory_is_known": run.environment.memory_bytes is not None,
        "memory": units.exact_size(run.environment.memory_bytes or MEMORY_BYTES),
        "symbols": algebra.symbol_indices(),
        "colors": COLORS,
        "vectors": explorer.packed(vectors),
    }


def described(environment: Environment) -> dict[str, object]:
    """What is known of where a run was made."""
    return {k.replace("_", " "): v for k, v in asdict(environment).items() if v is not None}


def sections(run: Run) -> list[Section]:
    """The charts of a run with their tables, in the order of the page."""
    counted = any(row.counts for row in run.rows)
    infos = figures.all_infos(run)
    drawn, resolution = figures.drawn(infos), infos["resolution"]
    crosses = "; crosses mark the largest image that fits" if resolution.crossings else ""
    found = (
        Section(
            "macs", "MACs of attention, by stage, design and operator",
            "Each bar is the attention of all blocks of one stage.",
            _charts(drawn, macs="Stacked bars: MACs by stage, design and operator"),
            (sheets.costs(run), sheets.operators(run)),
        ),
        Section(
            "latency", "Latency, and where it parts company with MACs",
            "Median of samples taken in interleaved rounds, and its 95 % interval. First as shares "
            "of plain attention's, beside the MACs; then in milliseconds.",
            _charts(
                drawn, shares="MACs and time of each reduced design as shares of mha's",
                latency="Dots: median latency in milliseconds with its interval",
            ),
            (*([sheets.shares(infos["shares"])] if "shares" in infos else []),
             *([sheets.latencies(run)] if run.measured else [])),
        ),
        Section(
            "prediction", "Predicted latency",
            "From the operator list alone, by a calibration of this machine; beside it what "
            "simpler models of a machine say: FLOPs over its best rate, a roofline of the whole, "
            "and one of each operator. Kernels on feature maps are calibrated apart for one image "
            "and for more: at batch 1 torch lays maps out otherwise, and they take another path. "
            "Memory that is mapped afresh at each call is in no prediction: what was timed ran "
            "with malloc pinned. " + ("Then each operator of one module, timed by itself "
            "while that ran: its part of the whole, in which what lies between operators is shared "
            "out, over what was predicted. " if "residuals" in infos else "")
            + "Under the roof, what was measured.",
            _charts(
                drawn, prediction="Dots: predicted against measured latency, by predictor",
                residuals="Dots: measured over predicted time of every operator",
                roofline="Dots under the roofline of this machine",
            ),
            (*([sheets.predictions(run)] if any(row.predicted for row in run.rows) else []),
             *([sheets.residuals(infos["residuals"])] if "residuals" in infos else [])),
        ),
        Section(
            "memory", "Memory against image size, and operator by operator",
            f"What the whole model needs for square images, {run.workload.mode}: parameters, input "
            f"and the peak of live tensors{crosses}. Below, live "
            "bytes at every operator of this image, above input and parameters"
            f"{', each repeated block once' if run.workload.mode == 'inference' else ''}.",
            _charts(
                drawn, resolution="Lines: bytes needed by side of a square image, log-log",
                live="Steps: live bytes at every operator that allocates",
            ),
            (sheets.resolutions(resolution),
             *([sheets.moments(infos["live"])] if "live" in infos else [])),
        ),
        Section(
            "agreement", "Formula against counters",
            "Every submodule of every row, in each counter's own convention. fvcore: 1 a MAC, "
            "5 an element of a layer norm, 1 an element that is pooled, 4 an element that is "
            "interpolated. torch: 2 a MAC, nothing else.",
            _charts(drawn, agreement="Points: formula against counter; all lie on the line"
                    if run.agrees else "Points: formula against counter"),
            (sheets.agreement(run), sheets.modules(run)) if counted else (),
        ),
    )  # fmt: skip
    return [section for section in found if section.charts or section.sheets]


def _charts(drawn: dict[str, go.Figure], **labels: str) -> tuple[Chart, ...]:
    return tuple(
        Chart.of(name, label, drawn[name]) for name, label in labels.items() if name in drawn
    )


def _card(row: Row) -> Card:
    totals = [
        ("MACs", units.giga(row.macs), units.integer(row.macs)),
        ("params", units.millions(row.params), units.integer(row.params)),
        ("peak memory", units.size(row.peak.bytes), f"{units.integer(row.peak.bytes)} bytes"),
        ("latency", units.milliseconds(row.latency_median_s),
         f"95 %: {units.interval(row.latency_interval_s)} ms"),
    ]  # fmt: skip
    return Card(row.scope.variant, tuple(totals[: 4 if row.latency else 3]))


def _formula(variant: str) -> Formula:
    return Formula(
        variant,
        formula.SOURCES[variant],
        tuple(
            (op.name, mathml.inline(algebra.macs(op, variant)),
             mathml.inline(algebra.params(op, variant)))
            for op in attention_ops(variant)
            if algebra.macs(op, variant).terms or algebra.params(op, variant).terms
        ),
        tuple(
            mathml.equation(name, algebra.total(quantity, variant))
            for name, quantity in (("MACs", algebra.macs), ("params", algebra.params))
        ),
        mathml.keys(variant),
        formula.render(variant, "latex", None, 0),
    )  # fmt: skip
