"""The rows of a picture: a design each, its operators as boxes in shared columns, with their costs.

Columns are counted from the end, so that operators of the same use stand below each other. Tokens
run above and keys below until they meet in the score matrix; values run along the bottom.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from pvtprof.report.sections.picture import GATES, Drawn, Scale, Shape, Step, px, shape
from pvtprof.spoken import compact, compact_seconds

#: Pixels: the longest bar, between columns, above a box, and below it.
BAR, GAP, ABOVE, BELOW = 48.0, 14.0, 14.0, 48.0
UPPER, LOWER, MIDDLE, BOTTOM = 0, 1, 2, 3
#: The name of what the first operators read.
INPUT = "x"


@dataclass(frozen=True, slots=True)
class Box:
    """One step at its place: its column, its lane, its shape, and the steps that it reads."""

    step: Step
    column: int
    lane: int
    shape: Shape
    dims: str
    of: tuple[str, ...]

    @property
    def width(self) -> float:
        """The pixels that it takes with its texts and its bar."""
        return max(
            BAR,
            self.shape.width,
            text_width(self.step.label, 12),
            text_width(self.dims, 10.5),
            text_width(self.shape.above, 10.5),
        )


@dataclass(slots=True)
class Frame:
    """What the rows of a picture share: its columns, the middle of each lane, its sides."""

    left: dict[int, float] = field(default_factory=dict)
    width: dict[int, float] = field(default_factory=dict)
    y: tuple[float, ...] = ()
    rail: float = 0.0
    high: float = 0.0
    wide: float = 0.0


def text_width(text: str, size: float) -> float:
    """At least the pixels that a text takes, in the widest of usual fonts."""
    narrow = sum(letter in ",. " for letter in text)
    return size * (0.66 * len(text) - 0.3 * narrow)


def boxes(design: Drawn, scale: Scale, columns: int) -> list[Box]:
    """The boxes of a design: what it reads, in the first of so many columns, and its steps."""
    steps, sources = design.steps, _sources(design.steps)
    column = _columns(steps, sources)
    if not steps[0].left:  # a chain of submodules begins at the left
        shift = columns - 1 - max(column.values())
        column = {name: at + shift for name, at in column.items()}
    lanes = _lanes(steps, column)
    found = [
        Box(
            step,
            column[step.name],
            next(lanes),
            shape(design, step, scale),
            design.dims(step),
            of,
        )
        for step, of in zip(steps, sources, strict=True)
    ]
    if not steps[0].left:
        return found
    first = read_by(design)
    made = Box(first, columns, MIDDLE, shape(design, first, scale), design.dims(first), ())
    return [made, *found]


def read_by(design: Drawn) -> Step:
    """What the first operators of a design read, as if it were a step."""
    first = design.steps[0]
    return Step(INPUT, "", "", "", first.left, first.sizes, ())


def _sources(steps: Sequence[Step]) -> list[tuple[str, ...]]:
    """What each step reads; within a fused kernel, the step before it, and the last operand."""
    found = []
    before: Step | None = None
    for step in steps:
        if step.fused and before and before.fused:
            found.append((before.name, *(step.of[-1:] if step.right else ())))
        else:
            found.append(step.of)
        before = step
    return found


def _columns(steps: Sequence[Step], sources: Sequence[tuple[str, ...]]) -> dict[str, int]:
    """The column of each step from the end: 0 for the result, 1 for what it reads, and so on."""
    found: dict[str, int] = {}
    for step, of in reversed(list(zip(steps, sources, strict=True))):
        found.setdefault(step.name, 0)
        for name in of:
            found[name] = max(found.get(name, 0), found[step.name] + 1)
    return found


def _lanes(steps: Sequence[Step], column: Mapping[str, int]) -> Iterator[int]:
    meet = next((k for k, step in enumerate(steps) if step.is_matrix), -1)
    for k, step in enumerate(steps):
        if meet >= 0 and step.is_of_keys:
            yield LOWER if column[step.name] > column[steps[meet].name] else BOTTOM
        else:
            yield UPPER if k < meet else MIDDLE


def columns_of(designs: Sequence[Drawn]) -> int:
    """The column of what the designs read: before all of their steps."""
    return max(
        1 + max(_columns(design.steps, _sources(design.steps)).get(s.name, 0) for s in design.steps)
        for design in designs
    )


def frame(rows: Sequence[Sequence[Box]]) -> Frame:
    """What rows of boxes share."""
    made = Frame()
    every = [box for row in rows for box in row]
    for box in every:
        made.width[box.column] = max(made.width.get(box.column, 0.0), box.width)
    for column in sorted(made.width, reverse=True):
        made.left[column] = made.wide + GAP / 2
        made.wide += made.width[column] + GAP
    high = [
        max((b.shape.height for b in every if b.lane == lane), default=0.0) for lane in range(4)
    ]
    upper, lower = (high[lane] + ABOVE + BELOW if high[lane] else 0.0 for lane in (UPPER, LOWER))
    total = max(upper + lower, high[MIDDLE] + ABOVE + BELOW)
    made.y = (
        ABOVE + high[UPPER] / 2,
        total - BELOW - high[LOWER] / 2,
        (total - BELOW + ABOVE) / 2,
        total + 8 + high[BOTTOM] / 2,
    )
    made.rail = made.y[BOTTOM] if high[BOTTOM] else total + 4
    made.high = made.rail + high[BOTTOM] / 2 + (BELOW if high[BOTTOM] else 8)
    return made


@dataclass(frozen=True, slots=True)
class Bars:
    """Which cost the bars show (0: MACs, 1: bytes moved, 2: seconds), and the largest of all.

    ``kind`` is that of the marks: "line" for a formula, "solid" measured, "outline" predicted.
    """

    measure: int
    largest: float
    kind: str

    def mark(self, step: Step) -> str:
        """The bar of a step and its number, below the middle of its column."""
        cost = step.costs[self.measure]
        if cost is None:
            return '<text class="c">-</text>'
        long = BAR * (float(cost) / self.largest) if cost else 0.0
        text = amount(cost, self.measure)
        bar = f'<rect class="b {self.kind}" width="{px(max(0.5, long))}"/>'
        return f'{bar if cost else ""}<text class="c">{text}</text>'


def amount(cost: float, measure: int) -> str:
    """A cost in words: MACs, bytes or seconds."""
    return compact_seconds(cost) if measure == 2 else compact(int(cost), (1000, 1024)[measure])


def bars_of(designs: Sequence[Drawn], measure: int, kind: str) -> Bars:
    """The bars of some designs, to one scale."""
    costs = [step.costs[measure] or 0 for design in designs for step in design.steps]
    return Bars(measure, float(max(costs)), kind)


def row(design: Drawn, its: Sequence[Box], shared: Frame, bars: Bars) -> str:
    """The picture of one design as SVG."""
    lines = "".join(_edge(box, its, shared, name) for box in its for name in box.of)
    drawn = "".join(_box(box, shared, bars) for box in its)
    tracks = "".join(
        f"M{px(_middle(box, shared) - BAR / 2)} "
        f"{px(shared.y[box.lane] + box.shape.height / 2 + 30.5)}h{px(BAR)}"
        for box in its
        if box.step.kind
    )
    wide, high = px(shared.wide), px(shared.high)
    return (
        f'<svg viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="group" '
        f'aria-label="Operators of {escape(design.name)}"><path class="e" d="{lines}"/>'
        f'<path class="r" d="{tracks}"/>'
        f"{_kernel(its, shared)}{drawn}</svg>"
    )


def _middle(box: Box, shared: Frame) -> float:
    return shared.left[box.column] + shared.width[box.column] / 2


def _box(box: Box, shared: Frame, bars: Bars) -> str:
    made, step = box.shape, box.step
    high, wide = made.height, max(made.width, box.width) + 6
    at = f"{px(_middle(box, shared))} {px(shared.y[box.lane] + high / 2)}"
    is_input = not step.kind
    how = 'class="x"'
    if not is_input:
        how = f'class="o{" v" * step.fused}" data-op="{escape(step.name)}"'
    above = f'<text class="a" y="{px(-high - 4)}">{made.above}</text>' if made.above else ""
    dims = f'<text class="d">{escape(box.dims)}</text>' if step.kind not in GATES else ""
    return (
        f'<g {how} transform="translate({at})">'
        f'<rect class="h" x="{px(-wide / 2)}" y="{px(-high - ABOVE)}" width="{px(wide)}" '
        f'height="{px(high + ABOVE + BELOW)}"/>'
        f'<g transform="translate({px(-made.width / 2)} {px(-high)})">{made.drawn}</g>'
        f"{above}<text>{escape(step.label)}</text>{dims}"
        f"{'' if is_input else bars.mark(step)}</g>"
    )


def _kernel(its: Sequence[Box], shared: Frame) -> str:
    """A frame around the steps that one fused kernel runs."""
    inside = [box for box in its if box.step.fused]
    if not inside:
        return ""
    left = shared.left[inside[0].column] - 5
    last = inside[-1].column
    high = max(box.shape.height for box in inside) + ABOVE + BELOW + 8
    y = shared.y[MIDDLE] + (BELOW - ABOVE - high) / 2
    return (
        f'<rect class="u" x="{px(left)}" y="{px(y)}" '
        f'width="{px(shared.left[last] + shared.width[last] + 5 - left)}" height="{px(high)}"/>'
    )


def _edge(box: Box, its: Sequence[Box], shared: Frame, name: str) -> str:
    """The way from what a box reads to the box: straight, around a corner, or along the bottom."""
    source = next(one for one in its if one.step.name == name)
    x1, y1 = _middle(source, shared) + source.shape.width / 2 + 2, shared.y[source.lane]
    x2, y2 = _middle(box, shared) - box.shape.width / 2 - 3, shared.y[box.lane]
    between = {one.lane for one in its if box.column < one.column < source.column}
    after = shared.left[source.column] + shared.width[source.column] + GAP / 2
    before = shared.left[box.column] - GAP / 2
    if not between & {box.lane, MIDDLE}:
        way = f"H{px(x2)}" if y1 == y2 else f"H{px(after)}V{px(y2)}H{px(x2)}"
    elif not between & {source.lane, MIDDLE}:
        way = f"H{px(before)}V{px(y2)}H{px(x2)}"
    else:
        way = f"H{px(after)}V{px(shared.rail)}H{px(before)}V{px(y2)}H{px(x2)}"
    return f"M{px(x1)} {px(y1)}{way}m-4-3 4 3-4 3"
