"""A run as one offline page: a bar with the setting, and eight sections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from markupsafe import Markup

from pvtprof import units
from pvtprof.analytic import algebra
from pvtprof.analytic.formulas import attention_ops
from pvtprof.designs.published import MODELS
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import DEFAULT_MODEL
from pvtprof.observe.machine import Environment
from pvtprof.predict.program import calibrations, key
from pvtprof.report import own, sentences
from pvtprof.report.commands import formula
from pvtprof.report.figures.style import COLORS, color_of
from pvtprof.report.page import explorer, explorer_times, forms, mathml, multiples, naming, several
from pvtprof.report.page.page import assets_of, compressed, page
from pvtprof.report.sections import (
    answer_section,
    clock,
    growth,
    inside,
    measured,
    memory,
    trust,
    where,
)
from pvtprof.run import store
from pvtprof.run.frame import frame
from pvtprof.run.run import Run

#: What the explorer starts from where the run does not know how much memory there is.
MEMORY_BYTES = 24 * 2**30


@dataclass(frozen=True)
class Formula:
    """The closed form of one design: its operators (name, MACs, params), totals, keys, LaTeX."""

    variant: str
    source: str
    ops: tuple[tuple[str, Markup, Markup], ...]
    totals: tuple[Markup, ...]
    keys: Markup
    latex: str


#: The sections of a page in their order. Each reads its value off a run of one comparison, or
#: None where the run has nothing for it; its template is templates/sections/<anchor>.html, its
#: script and its style are assets/<anchor>.js and assets/<anchor>.css, where there are such files.
SECTIONS: Mapping[str, Callable[..., Any]] = {
    "answer": answer_section.section,
    "inside": inside.inside,
    "where": where.where,
    "clock": clock.clock,
    "growth": growth.growth,
    "memory": memory.memory,
    "trust": trust.trust,
    "measured": measured.measured,
}
#: Sections that also read the whole run: there are the designs beside modules of one's own.
BESIDE = ("answer",)
#: What the page calls them, and the two that a page of several comparisons has once.
NAMES: Mapping[str, str] = {
    "beside": "Side by side",
    "answer": "The answer",
    "inside": "What happens inside",
    "where": "Where it goes",
    "clock": "Theory against the clock",
    "growth": "As the image grows",
    "memory": "What holds the memory",
    "trust": "Why trust it",
    "measured": "How it was measured",
    "shared": "Of all runs",
}


@dataclass(frozen=True)
class Block:
    """One comparison on the page; ``suffix`` keeps the anchors of several apart.

    It has an attribute for each section, named as its anchor: the section's value, or None.
    ``name`` is what tells it from the others of the page. ``texts`` is the setting in which it ran,
    as fields of the bar (None: none of them has it).
    """

    suffix: str
    name: str
    title: str
    setting: str
    texts: Mapping[str, str] | None
    answer: Any
    inside: Any
    where: Any
    clock: Any
    growth: Any
    memory: Any
    trust: Any
    measured: Any

    @property
    def anchor(self) -> str:
        """Where a link to the comparison leads."""
        return f"comparison{self.suffix}"

    @property
    def anchors(self) -> tuple[str, ...]:
        """The anchors of its sections, without the suffix."""
        return tuple(anchor for anchor in SECTIONS if getattr(self, anchor) is not None)


def render(*runs: Run) -> str:
    """Return the page of one run, or of several on one page.

    It makes no network request and is readable without JavaScript.
    """
    placed = [(run, one) for run in runs for one in run.comparisons]
    called = naming.names([one for _, one in placed])
    blocks = [
        _block(run, one, name, f"-{number}" if len(placed) > 1 else "")
        for number, ((run, one), name) in enumerate(zip(placed, called, strict=True), 1)
    ]
    published = [one for _, one in placed if explorer.is_explorable(one)]
    own_run = next((run for run in runs if run.forms), None)
    scripts = ["spoken", *(["training", "engine", "predict", "curves"] if published else [])]
    scripts += assets_of(SECTIONS, "js")
    scripts += ["saving", *(["explorer"] * bool(published))]
    scripts += ["forms", "own"] * bool(own_run)
    return page(
        "report.html",
        scripts,
        styles=assets_of(SECTIONS, "css"),
        title=_title([one for _, one in placed], called),
        heading=_heading([one for _, one in placed], blocks),
        blocks=blocks,
        **(_several([one for _, one in placed], blocks) if len(blocks) > 1 else {}),
        **_around(blocks),
        **(explorable(published) if published else {}),
        own=forms.start(own_run) if own_run else None,
        closed=forms.shown(own_run) if own_run else [],
        **_carried(runs),
    )


def _heading(comparisons: Sequence[Run], blocks: Sequence[Block]) -> str:
    """Return the title in the bar, which has little room: modules without their folders."""
    if len(blocks) > 1:
        return f"{len(blocks)} runs"
    (block,), (run,) = blocks, comparisons
    if not run.is_own:
        return block.title
    return " ".join(word.rpartition("/")[2] for word in block.title.split(" "))


def _title(comparisons: Sequence[Run], called: Sequence[str]) -> str:
    if len(comparisons) > 1:
        return f"What attention costs: {len(called)} comparisons, {', '.join(called)}"
    (run,) = comparisons
    if run.is_own:
        return f"What your modules cost: {own.title(run)}"
    return f"What attention costs in {sentences.place(run)}"


def _several(comparisons: Sequence[Run], blocks: Sequence[Block]) -> dict[str, Any]:
    """Return what a page of several comparisons has beside them."""
    made = several.several(comparisons, [block.anchor for block in blocks])
    return {"several": made, "multiples": multiples.multiples(blocks, made.panels)}


def _around(blocks: Sequence[Block]) -> dict[str, Any]:
    """Return the list of contents; ``extra`` are anchors that have no suffix."""
    anchors = [anchor for anchor in SECTIONS if any(anchor in block.anchors for block in blocks)]
    extra = ["beside", "shared"] if len(blocks) > 1 else []
    return {
        "names": NAMES,
        "extra": extra,
        "contents": [*extra[:1], *anchors, *extra[1:]],
        "words": measured.WORDS,
    }


def _carried(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the commands, the environments and the data of the runs."""
    called = naming.names(runs) if len(runs) > 1 else [""]
    files = ["run"] if len(runs) == 1 else [f"run-{number}" for number in range(1, len(runs) + 1)]
    return {
        "provenance": [
            (name, run.command, described(run.environment))
            for name, run in zip(called, runs, strict=True)
        ],
        "originals": [
            (f"{file}.{kind}", compressed(text))
            for file, run in zip(files, runs, strict=True)
            for kind, text in (("json", store.dumps(run)), ("csv", frame(run).to_csv(index=False)))
        ],
    }


def _block(run: Run, one: Run, name: str, suffix: str) -> Block:
    """Return one comparison of a run; of modules of the user's own, beside what takes the same."""
    if one.is_own:
        title, setting = own.title(run), own.setting(run)
    else:
        title = sentences.place(one)
        setting = f"{sentences.setting(one)}, {sentences.reductions(one)}"
    values: dict[str, Any] = {
        anchor: value(one) for anchor, value in SECTIONS.items() if anchor not in BESIDE
    }
    values |= {anchor: SECTIONS[anchor](one, run) for anchor in BESIDE}
    return Block(
        suffix=suffix,
        name=name,
        title=title,
        setting=f"{setting}; {one.environment.device}",
        texts=explorer.block_texts(one) if explorer.is_explorable(one) else None,
        **values,
    )


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
        "memory_is_known": run.memory_bytes is not None,
        "memory": units.told_size(run.memory_bytes or MEMORY_BYTES),
        "memory_bytes": str(run.memory_bytes or MEMORY_BYTES),
        "symbols": algebra.symbol_indices(),
        "colors": {**COLORS, **{name: color_of(name) for name in operators}},
        "vectors": explorer.packed(vectors),
        "times": explorer_times.times(vectors, run.calibration, networks),
        "calibration": run.calibration and key(run.calibration),
        "calibrations": calibrations(one.calibration for one in runs),
    }


def _variant(run: Run) -> str:
    """Return the variant with which a network is published, or would be."""
    if run.model in MODELS:
        return MODELS[run.model].stages[0].variant
    return "sra_pool" if run.designs[0].spec.mlp_relu else "sra_conv"


def described(environment: Environment) -> dict[str, object]:
    """Return the known facts about where a run was made."""
    return {k.replace("_", " "): v for k, v in asdict(environment).items() if v is not None}


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
