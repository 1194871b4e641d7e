"""A run as one offline page: verdict, explorer, charts with their tables, formulas, provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from markupsafe import Markup

from pvtprof import units
from pvtprof.analytic import algebra
from pvtprof.analytic.formulas import attention_ops
from pvtprof.designs.part import MODEL
from pvtprof.designs.published import MODELS
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import DEFAULT_MODEL
from pvtprof.observe.machine import Environment
from pvtprof.report import explorer, forms, formula, gpu, mathml, notes, own, sentences
from pvtprof.report.figures.style import COLORS, color_of
from pvtprof.report.page import compressed, page
from pvtprof.report.sections import Section, sections
from pvtprof.report.sheet import Sheet
from pvtprof.run import store
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: What the explorer starts from where the run does not know how much memory there is.
MEMORY_BYTES = 24 * 2**30


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
    is_doubtful: bool
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
    """Return the page. It makes no network request and is readable without JavaScript."""
    several = len(run.comparisons) > 1
    blocks = [
        (_own_block(run, one, suffix) if one.is_own else _block(one, suffix))
        for number, one in enumerate(run.comparisons, 1)
        for suffix in [f"-{number}" if several else ""]
    ]
    lines = tuple(line for block in blocks for line in block.overview)
    published = [one for one in run.comparisons if explorer.is_explorable(one)]
    scripts = [*(["engine", "explorer"] * bool(published)), *(["forms", "own"] * bool(run.forms))]
    return page(
        "report.html",
        scripts,
        title=f"What attention costs: {len(blocks)} comparisons" if several else _title(run),
        blocks=blocks,
        overview=Sheet("Whole models", OVERVIEW, lines),
        **(explorable(published) if published else {}),
        own=forms.start(run) if run.forms else None,
        closed=forms.shown(run),
        provenance=[(run.command, described(run.environment))],
        originals=[("run.json", compressed(store.dumps(run)))],
    )


def _title(run: Run) -> str:
    if run.is_own:
        return f"What your modules cost: {own.title(run)}"
    return f"What attention costs in {sentences.place(run)}"


def _own_block(run: Run, mine: Run, suffix: str) -> Block:
    """The modules of the user's own, beside what takes the same input in the whole run."""
    beside = own.beside(run)
    first = Section("beside", "Side by side", own.BESIDE, (), (beside,))
    return Block(
        suffix=suffix,
        title=own.title(run),
        setting=f"{own.setting(run)}; {run.environment.device}",
        agrees=mine.agrees,
        is_doubtful=sentences.is_doubtful(run),
        cards=tuple(_card(row, own.name_of(row)) for row in (*own.wholes(run), *own.peers(run))),
        sentences=tuple(own.said(run)),
        disagreements=tuple(sentences.disagreements(mine)),
        notes=tuple(notes.notes(mine)),
        sections=tuple(_named(section, suffix) for section in (first, *sections(mine))),
        overview=tuple(_overview(own.title(run), row) for row in own.wholes(run)),
    )


def _block(run: Run, suffix: str) -> Block:
    return Block(
        suffix=suffix,
        title=sentences.place(run),
        setting=f"{sentences.setting(run)}, {sentences.reductions(run)}; {run.environment.device}",
        agrees=run.agrees,
        is_doubtful=sentences.is_doubtful(run),
        cards=tuple(_card(row, row.design.name) for row in run.rows if row.part == MODEL),
        sentences=tuple(sentences.sentences(run)),
        disagreements=tuple(sentences.disagreements(run)),
        notes=tuple(notes.notes(run)),
        sections=tuple(_named(section, suffix) for section in sections(run)),
        overview=tuple(
            _overview(sentences.place(run), row) for row in run.rows if row.part == MODEL
        ),
    )


#: The columns of the table that leads to each comparison.
OVERVIEW = ("comparison", "design", "MACs", "params", "peak memory", "latency")


def _overview(place: str, row: Row) -> tuple[str, ...]:
    return (
        place,
        row.design.name,
        units.integer(row.macs),
        units.integer(row.params),
        units.size(row.peak.bytes),
        sentences.latency(row),
    )


def _named(section: Section, suffix: str) -> Section:
    """Return the section with anchors that are unique on the page."""
    charts = tuple(
        replace(chart, anchor=chart.anchor.replace("-chart", f"-chart{suffix}"))
        for chart in section.charts
    )
    return replace(section, anchor=f"{section.anchor}{suffix}", charts=charts)


def explorable(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the data of the explorer and of the formulas; the explorer starts from the first run.

    It offers the networks of all runs.
    """
    formulas = [_formula(variant) for variant in VARIANTS]
    return {
        "start": _start(runs),
        "formulas": formulas,
        "symbols": algebra.SYMBOLS | algebra.KEY_SYMBOLS,
    }


def _start(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the settings with which the explorer starts, as values for JSON."""
    run, networks = runs[0], explorer.own_networks(runs)
    known = explorer.is_explorable(run)
    operators = [op.name for v in VARIANTS for op in attention_ops(v) if algebra.macs(op, v).terms]
    rows = explorer.of_run(run, networks) if known else ()
    vectors = [*rows, *explorer.embedded(networks)]
    return {
        "program": explorer.program(networks),
        "texts": explorer.texts(run) if known else explorer.DEFAULT,
        "variant": _variant(run) if known else MODELS[DEFAULT_MODEL].stages[0].variant,
        "memory_is_known": run.environment.memory_bytes is not None,
        "memory": units.exact_size(run.environment.memory_bytes or MEMORY_BYTES),
        "symbols": algebra.symbol_indices(),
        "colors": {**COLORS, **{name: color_of(name) for name in operators}},
        "vectors": explorer.packed(vectors),
    }


def _variant(run: Run) -> str:
    """Return the variant with which a network is published, or would be."""
    if run.model in MODELS:
        return MODELS[run.model].stages[0].variant
    return "sra_pool" if run.designs[0].spec.mlp_relu else "sra_conv"


def described(environment: Environment) -> dict[str, object]:
    """Return the known facts about where a run was made."""
    return {k.replace("_", " "): v for k, v in asdict(environment).items() if v is not None}


def _card(row: Row, name: str) -> Card:
    totals = [
        ("MACs", units.giga(row.macs), units.integer(row.macs)),
        ("params", units.millions(row.params), units.integer(row.params)),
        ("peak memory", units.size(row.peak.bytes), f"{units.integer(row.peak.bytes)} bytes"),
        *_times(row),
    ]
    return Card(name, tuple(totals))


def _times(row: Row) -> list[tuple[str, str, str]]:
    """Latency; on a GPU its time, wall time and, where it was asked for, that of a graph."""
    names = gpu.TIMES if row.setting.on_cuda else ("latency",)
    return [
        (
            name,
            units.marked(units.milliseconds(median), row.is_doubtful),
            f"95 %: {units.interval(interval)} ms",
        )
        for name in names
        for median, interval in (gpu.time_of(row, name),)
        if median is not None
    ]


def _formula(variant: str) -> Formula:
    return Formula(
        variant,
        VARIANTS[variant].source,
        tuple(
            (
                op.name,
                mathml.inline(algebra.macs(op, variant)),
                mathml.inline(algebra.params(op, variant)),
            )
            for op in attention_ops(variant)
            if algebra.macs(op, variant).terms or algebra.params(op, variant).terms
        ),
        tuple(
            mathml.equation(name, algebra.total(quantity, variant))
            for name, quantity in (("MACs", algebra.macs), ("params", algebra.params))
        ),
        mathml.keys(variant),
        formula.render(variant, "latex", None, 0),
    )
