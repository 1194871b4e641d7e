"""A run as one offline page: verdict, explorer, charts with their tables, formulas, provenance."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from pvtprof import units
from pvtprof.analytic import algebra
from pvtprof.analytic.formulas import attention_ops
from pvtprof.designs.part import MODEL
from pvtprof.designs.published import DEFAULT_MODEL, MODELS
from pvtprof.designs.variants import VARIANTS
from pvtprof.observe.machine import Environment
from pvtprof.report import explorer, figures, formula, mathml, sentences, sheets
from pvtprof.report.figures.style import COLORS, color_of
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


@dataclass(frozen=True)
class Block:
    """One comparison on the page; ``suffix`` keeps the anchors of several apart."""

    suffix: str
    title: str
    setting: str
    agrees: bool
    cards: tuple[Card, ...]
    sentences: tuple[str, ...]
    disagreements: tuple[str, ...]
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    overview: tuple[tuple[str, ...], ...]

    @property
    def anchor(self) -> str:
        """Where a link to the comparison leads."""
        return f"comparison{self.suffix}"


def render(run: Run) -> str:
    """The page as text. It makes no network request and is readable without JavaScript."""
    several = len(run.comparisons) > 1
    blocks = [
        _block(one, f"-{number}" if several else "")
        for number, one in enumerate(run.comparisons, 1)
    ]
    lines = tuple(line for block in blocks for line in block.overview)
    title = f"What attention costs in {sentences.place(run)}"
    return page(
        "report.html",
        ("engine", "explorer"),
        title=f"What attention costs: {len(blocks)} comparisons" if several else title,
        blocks=blocks,
        overview=Sheet("Whole models", OVERVIEW, lines),
        **explorable(run.comparisons[0]),
        provenance=[(run.command, described(run.environment))],
        originals=[("run.json", compressed(store.dumps(run)))],
    )


def _block(run: Run, suffix: str) -> Block:
    spec = run.designs[0].spec
    return Block(
        suffix=suffix,
        title=sentences.place(run),
        setting=(
            f"{sentences.setting(run)}, R {','.join(map(str, spec.sr_ratios))}, pooling to "
            f"{spec.pool_size}x{spec.pool_size}; {run.environment.device}"
        ),
        agrees=run.agrees,
        cards=tuple(_card(row) for row in run.rows if row.part == MODEL),
        sentences=tuple(sentences.sentences(run)),
        disagreements=tuple(sentences.disagreements(run)),
        notes=tuple(sentences.notes(run)),
        sections=tuple(_named(section, suffix) for section in sections(run)),
        overview=tuple(_overview(run, row) for row in run.rows if row.part == MODEL),
    )


#: The columns of the table that leads to each comparison.
OVERVIEW = ("comparison", "design", "MACs", "params", "peak memory", "latency")


def _overview(run: Run, row: Row) -> tuple[str, ...]:
    return (
        sentences.place(run),
        row.design.name,
        units.integer(row.macs),
        units.integer(row.params),
        units.size(row.peak.bytes),
        units.milliseconds(row.latency_median_s),
    )


def _named(section: Section, suffix: str) -> Section:
    """The section with anchors that no other comparison on the page has."""
    charts = tuple(
        replace(chart, anchor=chart.anchor.replace("-chart", f"-chart{suffix}"))
        for chart in section.charts
    )
    return replace(section, anchor=f"{section.anchor}{suffix}", charts=charts)


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
    known = run.model in MODELS
    operators = [op.name for v in VARIANTS for op in attention_ops(v) if algebra.macs(op, v).terms]
    published = MODELS[run.model if known else DEFAULT_MODEL].stages[0].variant
    vectors = [*(explorer.of_run(run) if known else ()), *explorer.embedded()]
    return {
        "program": explorer.program(),
        "texts": explorer.texts(run) if known else explorer.DEFAULT,
        "variant": published,
        "memory_is_known": run.environment.memory_bytes is not None,
        "memory": units.exact_size(run.environment.memory_bytes or MEMORY_BYTES),
        "symbols": algebra.symbol_indices(),
        "colors": {**COLORS, **{name: color_of(name) for name in operators}},
        "vectors": explorer.packed(vectors),
    }


def described(environment: Environment) -> dict[str, object]:
    """What is known of where a run was made."""
    return {k.replace("_", " "): v for k, v in asdict(environment).items() if v is not None}


def sections(run: Run) -> list[Section]:
    """The charts of a run with their tables, in the order of the page."""
    counted = run.counted
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
            f"What the whole model needs for square images, {run.setting.mode}: parameters, input "
            f"and the peak of live tensors{crosses}. Below, live "
            "bytes at every operator of this image, above input and parameters"
            f"{', each repeated block once' if run.setting.mode == 'inference' else ''}.",
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
    return Card(row.design.name, tuple(totals[: 4 if row.latency else 3]))


def _formula(variant: str) -> Formula:
    return Formula(
        variant,
        VARIANTS[variant].source,
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
