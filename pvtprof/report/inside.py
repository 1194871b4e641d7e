"""What happens inside: the attention of each stage as a picture of its operators, design by design.

``assets/inside.js`` writes the same panels in the browser, character for character.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from markupsafe import Markup

from pvtprof import units
from pvtprof.analytic.ops import letters
from pvtprof.analytic.parts import op_name
from pvtprof.analytic.terms import Term
from pvtprof.report import explorer
from pvtprof.report.figures.style import color_of
from pvtprof.report.picture import Drawn, Scale, Step, cell, px, scale_of
from pvtprof.report.picture_rows import MIDDLE, bars_of, boxes, columns_of, frame, row
from pvtprof.run.row import Row
from pvtprof.run.rows import terms_of
from pvtprof.run.run import Run

#: What an operator is, by its kind, where its notation does not say it.
WORDS = {
    "layernorm": "layer norm",
    "pool": "average pooling",
    "gelu": "GELU",
    "copy": "copy into another order",
    "scale": "division by the root of the head dim",
}
#: How many places a mark of a bar has for its kind.
KINDS = {"measured": "solid", "predicted": "outline"}


@dataclass(frozen=True)
class Panel:
    """One tab: its anchor, its name, and its HTML; "" where the page's script writes it."""

    anchor: str
    name: str
    html: Markup


@dataclass(frozen=True)
class Inside:
    """The section: its panels, and what the page's script needs to write them again."""

    panels: tuple[Panel, ...]
    data: dict[str, Any] | None
    has_times: bool


def inside(run: Run, suffix: str = "") -> Inside | None:
    """Return the section of a run of one comparison; None where nothing is known of operators."""
    if run.is_own:
        return None
    parts = [part for part in run.parts if part.stage is not None]
    lives = explorer.is_explorable(run)
    panels = []
    for part in parts:
        name = part.name
        anchor = f"inside{suffix}-{name.replace(' ', '-')}"
        designs = [drawn(row) for row in run.rows if row.part == part]
        is_written = not lives or part == parts[0]
        html = panel(f"In {name}", f"{anchor}-mesh", designs) if is_written else ""
        panels.append(Panel(anchor, name, Markup(html)))
    return Inside(tuple(panels), _data(run, suffix) if lives else None, bool(_times(run)))


def _data(run: Run, suffix: str) -> dict[str, Any]:
    designs = [
        {
            "name": design.name,
            "color": color_of(design.name),
            "variants": [stage.variant for stage in design.spec.stages],
        }
        for design in run.designs
    ]
    return {
        "suffix": suffix,
        "texts": explorer.texts(run),
        "designs": designs,
        "times": _times(run),
    }


def _times(run: Run) -> dict[str, dict[str, dict[str, float]]]:
    """The seconds of each operator by design and stage, with their kind; only those known."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in run.rows:
        kind, seconds = seconds_of(row)
        if row.part.stage is not None and seconds:
            found.setdefault(row.design.name, {})[str(row.part.stage)] = {"": kind, **seconds}
    return found


def seconds_of(row: Row) -> tuple[str, dict[str, float]]:
    """The seconds of the operators of a row by name: measured, else predicted, else none."""
    if parts := row.parts_s:
        return "measured", parts
    predicted = {op.name: op.predicted_s for op in row.ops if op.predicted_s is not None}
    return ("predicted" if predicted else ""), predicted


def drawn(row: Row) -> Drawn:
    """The attention of a stage as the picture has it."""
    kind, seconds = seconds_of(row)
    terms, each = terms_of(row), row.setting.bytes_each
    steps = tuple(step(term, each, seconds.get(op_name(term)), kind) for term in terms)
    assert row.grid
    return Drawn(
        row.design.name, color_of(row.design.name), said(row.runs_as, steps, kind), row.grid, steps
    )


def step(term: Term, bytes_each: int, seconds: float | None, kind: str) -> Step:
    """One operator as the picture has it."""
    op, cost = term.op, term.cost
    moved = bytes_each * (cost.reads + cost.writes)
    made = Step(
        op_name(term),
        op.kind,
        op.left,
        op.right,
        op.out,
        term.sizes,
        tuple(name.removeprefix("attn.") for name in op.of),
        (cost.macs, moved, seconds),
        op.fused,
    )
    multiplied = letters(op.right, op.out)
    macs = "0 MACs"
    if op.kind == "contract":
        sizes = "·".join(f"{term.sizes[i]:,}" for i in multiplied)
        macs = f"MACs = {'·'.join(multiplied)} = {sizes} = {cost.macs:,}"
    operands = f"{op.left} × {op.right}" if op.right else op.left
    texts = (
        f"{word(made)}, {operands} → {op.out}",
        macs,
        f"{cost.params:,} params",
        f"{cost.reads:,} elements read, {cost.writes:,} written ({moved:,} bytes)",
        *([f"{units.seconds_short(seconds)} {kind}"] if seconds is not None else []),
    )
    return Step(*(getattr(made, name) for name in Step.__slots__[:-1]), "; ".join(texts))


def word(step: Step) -> str:
    """What an operator is, in a word of the field."""
    if step.kind != "contract":
        return WORDS.get(step.kind, step.kind)
    if step.right[:3] in ("i j", "x y", "k l"):
        first, second = step.right.split()[:2]
        return f"convolution {step.sizes[first]}×{step.sizes[second]}"
    return "product of two results" if "b" in step.right else "linear layer"


def said(runs_as: str, steps: Sequence[Step], kind: str) -> str:
    """The line above the row of a design."""
    sizes = steps[0].sizes
    seconds = [step.costs[2] for step in steps if step.costs[2] is not None]
    known = [f"{units.seconds_short(sum(seconds))} {kind}"] if seconds else []
    texts = (
        f"{sizes['n']:,} tokens, {sizes['m']:,} keys",
        f"{units.short(sum(step.costs[0] for step in steps))} MACs",
        f"{units.short(sum(step.costs[1] for step in steps), 1024)} moved",
        *known,
    )
    return f"{', '.join(texts)} (runs as {runs_as})"


def title(where: str, designs: Sequence[Drawn]) -> str:
    """What the picture of a stage shows, in one sentence."""
    by_keys: dict[int, list[str]] = {}
    for design in designs:
        by_keys.setdefault(design.steps[0].sizes["m"], []).append(design.name)
    tokens = f"{designs[0].steps[0].sizes['n']:,}"
    (keys, names), *others = by_keys.items()
    who = _joined(names) if others or len(designs) == 1 else "every design"
    verb = "compare" if len(names) > 1 and others else "compares"
    text = f"{where}, {who} {verb} {tokens} tokens with {keys:,} keys"
    for more, theirs in others:
        text += f", {_joined(theirs)} with {more:,}"
    first, *rest = designs
    macs = [sum(step.costs[0] for step in design.steps) for design in designs]
    shares = [units.ratio(part, macs[0]) for part in macs[1:]]
    of = [f"{share} of" if share.endswith("%") else share for share in shares]
    for k, design in enumerate(rest):
        text += f": {design.name} needs {of[0]} {first.name}'s MACs" if not k else f", {design.name} {shares[k]}"
    return f"{text}."


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def panel(where: str, mesh: str, designs: Sequence[Drawn], measure: int = 0, kind: str = "line") -> str:
    """The HTML of one tab: the finding, a row for each design, how to read it, and the list."""
    scale, columns, bars = scale_of(designs, mesh), columns_of(designs), bars_of(designs, measure, kind)
    rows = [boxes(design, scale, columns) for design in designs]
    shared = frame(rows)
    pictures = "".join(
        f'<div class="design" data-design="{escape(design.name)}" style="--d:{design.color}">'
        f"<p><b>{escape(design.name)}</b> {escape(design.said)}</p>"
        f"{row(design, its, shared, bars)}</div>"
        for design, its in zip(designs, rows, strict=True)
    )
    lists = "".join(
        f'<h4>{escape(design.name)}</h4><ol data-design="{escape(design.name)}">'
        + "".join(
            f'<li data-op="{escape(step.name)}"><b>{escape(step.name)}</b>: {escape(step.text)}</li>'
            for step in design.steps
        )
        + "</ol>"
        for design in designs
    )
    return (
        f'<h3>{escape(title(where, designs))}</h3>{_mesh(designs, scale)}'
        f'<div class="rows" tabindex="0" role="region" aria-label="The operators, drawn">{pictures}</div>'
        f'<p class="soft">{legend(designs, scale)}</p>'
        f"<details><summary>The same as a list</summary>{lists}</details>"
    )


def _mesh(designs: Sequence[Drawn], scale: Scale) -> str:
    """The pattern that fills maps of tokens: a mesh of one token, or of some."""
    first = designs[0].steps[0]
    wide, high = map(px, cell(designs[0], Step("x", "", "", "", first.left, first.sizes, ()), scale))
    return (
        f'<svg width="0" height="0" aria-hidden="true"><pattern id="{scale.mesh}" '
        f'patternUnits="userSpaceOnUse" width="{wide}" height="{high}">'
        f'<path d="M{wide} 0H0V{high}"/></pattern></svg>'
    )


def legend(designs: Sequence[Drawn], scale: Scale) -> str:
    """How to read the picture."""
    smaller = scale.area / (scale.side * scale.side)
    scores = (
        "all to one scale"
        if smaller < 1.05
        else f"maps to one scale, score matrices to one {smaller:,.{0 if smaller >= 10 else 1}f} times smaller"
    )
    batch = designs[0].steps[0].sizes["b"]
    images = f" The picture is of one of {batch:,} images; the costs are of all." if batch > 1 else ""
    narrow = any(step.kind in ("copy", "scale", "gelu") for design in designs for step in design.steps)
    gates = " Narrow boxes repeat what they read, in other values or another order." if narrow else ""
    return f"The area of a box is its result: {scores}.{images}{gates}"
