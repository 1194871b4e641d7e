"""What happens inside: the attention of each stage as a picture of its operators, design by design.

``assets/inside.js`` writes the same panels in the browser, character for character.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from pvtprof import spoken
from pvtprof.analytic.geometry import token_grids
from pvtprof.analytic.ops import letters
from pvtprof.analytic.parts import op_name, part_terms
from pvtprof.analytic.terms import Term
from pvtprof.designs.design import Design
from pvtprof.designs.part import Part
from pvtprof.designs.setting import Setting
from pvtprof.predict.program import key
from pvtprof.report.answer.facts import where_it_fits
from pvtprof.report.figures.style import color_of
from pvtprof.report.page import explorer
from pvtprof.report.sections import inside_modules
from pvtprof.report.sections.picture import TIMES, Drawn, Step
from pvtprof.report.sections.picture_panel import lists, panel, title
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
        """The picture; ``suffix`` keeps the names of several comparisons apart."""
        return Markup(panel(mesh(self.key, suffix), self.designs))  # escaped where it is made

    @property
    def list(self) -> Markup:
        """The same as a list; the page's script makes its own where it draws the panel again."""
        return Markup("" if self.is_live else lists(self.designs))


@dataclass(frozen=True)
class Inside:
    """The section: its finding, its tabs, and what the page's script needs to draw all stages.

    Where there is such ``data``, the script makes the tabs, and only the first is drawn here.
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
    run = where_it_fits(run)
    parts = [part for part in run.parts if part.stage is not None]
    lives = explorer.is_explorable(run)
    panels = []
    for part in parts[:1] if lives else parts:
        designs = tuple(drawn(row) for row in run.rows if row.part == part)
        panels.append(Panel(part.name, title(where(part.name), designs), designs, lives))
    for part_name, its in inside_modules.of_task(run):
        said = inside_modules.title(part_name, its)
        panels.append(Panel(part_name, said, its, is_live=False))
    return Inside(panels[0].title, tuple(panels), _data(run) if lives else None)


def where(stage: str) -> str:
    """Return of what the picture is: all blocks of a stage have the same attention."""
    return f"In one attention module of {stage}"


def _of_own(run: Run) -> Inside | None:
    designs = inside_modules.of_own(run)
    if not designs:
        return None
    said = inside_modules.title("", designs)
    points = {row.design.name: row.setting.sizes for row in run.rows}
    modules = [
        {
            "name": design.name,
            "color": design.color,
            "point": {name: str(size) for name, size in points[design.name]},
        }
        for design in designs
    ]
    panels = (Panel("submodules", said, designs, is_live=bool(run.forms)),)
    data = {"modules": modules} if run.forms else None
    return Inside(said, panels, data, measures=("MACs", "bytes moved"))


def _data(run: Run) -> dict[str, Any]:
    designs = [named(design) for design in run.designs]
    return {
        "texts": explorer.texts(run),
        "designs": designs,
        "times": _times(run),
        "calibration": run.calibration and key(run.calibration),
    }


def named(design: Design) -> dict[str, Any]:
    """What the page's script must know of a design; its R and sizes are the explorer's."""
    variants = [stage.variant for stage in design.spec.stages]
    return {"name": design.name, "color": color_of(design.name), "variants": variants}


def _times(run: Run) -> dict[str, dict[str, dict[str, Any]]]:
    """The seconds of each operator by design and stage, with their kind; only those known."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for one in run.rows:
        kind, seconds = seconds_of(one)
        if one.part.stage is not None and seconds:
            found.setdefault(one.design.name, {})[str(one.part.stage)] = {"": kind, **seconds}
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
    operands = f"{op.left} {TIMES} {op.right}" if op.right else op.left
    texts = (
        f"{word(made)}, {operands} → {op.out}",
        macs,
        f"{cost.params:,} params",
        f"{cost.reads:,} elements read, {cost.writes:,} written ({moved:,} bytes)",
        *([f"{spoken.compact_seconds(seconds)} {kind}"] if seconds is not None else []),
    )
    return replace(made, text="; ".join(texts))


def word(step: Step) -> str:
    """What an operator is, in a word of the field."""
    if step.kind != "contract":
        return WORDS.get(step.kind, step.kind)
    if step.right[:3] in ("i j", "x y", "k l"):
        first, second = step.right.split()[:2]
        return f"convolution {step.sizes[first]}{TIMES}{step.sizes[second]}"
    return "product of two results" if "b" in step.right else "linear layer"


def said(steps: Sequence[Step], runs_as: str, kind: str) -> str:
    """The line above the row of a design."""
    sizes = steps[0].sizes
    seconds = [step.costs[2] for step in steps if step.costs[2] is not None]
    known = [f"{spoken.compact_seconds(sum(seconds))} {kind}"] if seconds else []
    texts = (
        f"{sizes['n']:,} tokens, {sizes['m']:,} keys",
        f"{spoken.compact(sum(step.costs[0] for step in steps))} MACs",
        f"{spoken.compact(sum(step.costs[1] for step in steps), 1024)} moved",
        *known,
    )
    return f"{', '.join(texts)}{runs_as}"
