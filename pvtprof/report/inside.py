"""What happens inside: the attention of each stage as a picture of its operators, design by design.

``assets/inside.js`` writes the same panels in the browser, character for character.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from markupsafe import Markup

from pvtprof import units
from pvtprof.analytic.geometry import token_grids
from pvtprof.analytic.ops import letters
from pvtprof.analytic.parts import op_name, part_terms
from pvtprof.analytic.terms import Term
from pvtprof.designs.design import Design
from pvtprof.designs.part import Part
from pvtprof.designs.setting import Setting
from pvtprof.report import explorer, inside_modules
from pvtprof.report.figures.style import color_of
from pvtprof.report.picture import GATES, MODULE, Drawn, Scale, Step, cell, px, scale_of
from pvtprof.report.picture_rows import bars_of, boxes, columns_of, frame, read_by, row
from pvtprof.run.row import Row
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
    """One tab: its name, its finding, its designs, and whether the page's script draws it again."""

    name: str
    title: str
    designs: tuple[Drawn, ...]
    is_live: bool

    @property
    def key(self) -> str:
        """What its anchor ends with."""
        return self.name.replace(" ", "-")

    def html(self, suffix: str) -> Markup:
        """What the tab holds; ``suffix`` keeps the names of several comparisons apart.

        The list is left to the script where that draws the panel again.
        """
        made = panel(mesh(self.key, suffix), self.designs, has_list=not self.is_live)
        return Markup(made)  # noqa: S704 # escaped where it is made


@dataclass(frozen=True)
class Inside:
    """The section: its finding, its tabs, and what the page's script needs to draw all stages.

    Where there is such ``data``, the tabs are those of the script, and only the first is drawn here.
    """

    title: str
    panels: tuple[Panel, ...]
    data: dict[str, Any] | None
    measures: tuple[str, ...] = ("MACs", "bytes moved", "time")

    def script(self, suffix: str) -> dict[str, Any]:
        """What the script needs, with the name of the pattern that it shares with the panel."""
        return {**(self.data or {}), "mesh": mesh(self.panels[0].key, suffix)}


def mesh(key: str, suffix: str) -> str:
    """The name of the pattern of a panel."""
    return f"inside-mesh-{key}{suffix}"


def inside(run: Run) -> Inside | None:
    """Return the section of a run of one comparison; None where nothing lies inside."""
    if run.is_own:
        return _of_own(run)
    parts = [part for part in run.parts if part.stage is not None]
    lives = explorer.is_explorable(run)
    panels = []
    for part in parts[:1] if lives else parts:
        designs = tuple(drawn(row) for row in run.rows if row.part == part)
        panels.append(Panel(part.name, title(f"In {part}", designs), designs, lives))
    for part_name, its in inside_modules.of_task(run):
        said = inside_modules.title(f"In the {part_name}, ", its)
        panels.append(Panel(part_name, said, its, is_live=False))
    return Inside(panels[0].title, tuple(panels), _data(run) if lives else None)


def _of_own(run: Run) -> Inside | None:
    designs = inside_modules.of_own(run)
    if not designs:
        return None
    said = inside_modules.title("", designs)
    return Inside(said, (Panel("submodules", said, designs, is_live=False),), None)


def _data(run: Run) -> dict[str, Any]:
    designs = [named(design) for design in run.designs]
    return {"texts": explorer.texts(run), "designs": designs, "times": _times(run)}


def named(design: Design) -> dict[str, Any]:
    """What the page's script must know of a design; its R and sizes are the explorer's."""
    variants = [stage.variant for stage in design.spec.stages]
    return {"name": design.name, "color": color_of(design.name), "variants": variants}


def _times(run: Run) -> dict[str, dict[str, dict[str, Any]]]:
    """The seconds of each operator by design and stage, with their kind; only those known."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
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
    return drawn_at(row.design, row.part, row.setting, *seconds_of(row))


def drawn_at(
    design: Design, part: Part, setting: Setting, kind: str, seconds: Mapping[str, float]
) -> Drawn:
    """The attention of a stage, with the seconds of its operators by name where they are known."""
    assert part.stage is not None
    terms, stage = part_terms(design.spec, part, setting), design.spec.stages[part.stage - 1]
    steps = tuple(
        step(term, setting.bytes_each, seconds.get(op_name(term)), kind) for term in terms
    )
    runs_as = "" if stage.runs_as == design.name else f" (runs as {stage.runs_as})"
    grid = token_grids(design.spec, *setting.image)[part.stage - 1]
    return Drawn(design.name, color_of(design.name), said(steps, runs_as, kind), grid, steps)


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


def said(steps: Sequence[Step], runs_as: str, kind: str) -> str:
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
    return f"{', '.join(texts)}{runs_as}"


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
    if len(macs) > 1 and len(set(macs)) == 1:
        return f"{text}, for the same MACs."
    for k, design in enumerate(rest, 1):
        share = units.ratio(macs[k], macs[0])
        of = " of" if share.endswith("%") else ""
        text += f": {design.name} needs {share}{of} {first.name}'s MACs" if k == 1 else f", {design.name} {share}"
    return f"{text}."


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def panel(mesh: str, designs: Sequence[Drawn], measure: int = 0, kind: str = "line", has_list: bool = True) -> str:
    """The HTML of one tab: a row for each design, how to read it, and the same as a list."""
    scale, columns = scale_of(designs, mesh), columns_of(designs)
    bars = bars_of(designs, measure, kind)
    rows = [boxes(design, scale, columns) for design in designs]
    shared = frame(rows)
    pictures = "".join(
        f'<div class="design" data-design="{escape(design.name)}" style="--d:{design.color}">'
        f"<p><b>{escape(design.name)}</b> {escape(design.said)}</p>"
        f"{row(design, its, shared, bars)}</div>"
        for design, its in zip(designs, rows, strict=True)
    )
    return (
        f'{_mesh(designs, scale)}<div class="rows" tabindex="0" role="region" '
        f'aria-label="The operators, drawn">{pictures}</div>'
        f'<p class="soft">{legend(designs, scale, measure)}</p>'
        f"{_lists(designs) if has_list else ''}"
    )


def _lists(designs: Sequence[Drawn]) -> str:
    lists = "".join(
        f'<h3>{escape(design.name)}</h3><ol data-design="{escape(design.name)}">'
        + "".join(
            f'<li data-op="{escape(step.name)}"><b>{escape(step.name)}</b>: {escape(step.text)}</li>'
            for step in design.steps
        )
        + "</ol>"
        for design in designs
    )
    return f"<details><summary>The same as a list</summary>{lists}</details>"


def _mesh(designs: Sequence[Drawn], scale: Scale) -> str:
    """The pattern that fills maps of tokens: a mesh of one token, or of some."""
    if not designs[0].steps[0].left:
        return ""
    wide, high = map(px, cell(designs[0], read_by(designs[0]), scale))
    return (
        f'<svg width="0" height="0" aria-hidden="true"><pattern id="{scale.mesh}" '
        f'patternUnits="userSpaceOnUse" width="{wide}" height="{high}">'
        f'<path d="M{wide} 0H0V{high}"/></pattern></svg>'
    )


def legend(designs: Sequence[Drawn], scale: Scale, measure: int) -> str:
    """How to read the picture."""
    if any(step.kind == MODULE for design in designs for step in design.steps):
        return inside_modules.LEGEND
    smaller = scale.area / (scale.side * scale.side)
    steps = [step for design in designs for step in design.steps]
    batch = steps[0].sizes.get("b", 1)
    text = "all to one scale"
    if smaller >= 1.05:
        times = f"{math.floor(smaller + 0.5):,}" if smaller >= 10 else px(smaller)
        text = f"maps to one scale, score matrices to one {times} times smaller"
    text = f"The area of a box is its result: {text}."
    if any(step.is_matrix and step.sizes["m"] * scale.side < 1.5 for step in steps):
        text += " What is thinner than a line is drawn as a line."
    if batch > 1:
        text += f" The picture is of one of {batch:,} images; the costs are of all."
    if any(step.kind in GATES for step in steps):
        text += " Narrow boxes repeat what they read, in other values or another order."
    if any(step.fused for step in steps):
        text += " One kernel runs what the dashed frame holds; dashed boxes are never stored."
    if all(step.costs[measure] is None for step in steps):
        text += " No time is known of this setting."
    return text
