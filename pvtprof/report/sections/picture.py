"""The results of operators as they are drawn: maps of tokens and score matrices, to scale.

``assets/inside.js`` draws the same in the browser, character for character (tests/report). All
comes from the operators (names, index notation, sizes): no variant is known here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: Between the sizes of a shape.
TIMES = "\u00d7"
#: Pixels: the side of the largest map of tokens, and of the largest drawing of score matrices.
TILE, SCORE = 46.0, 110.0
#: So many score matrices are drawn one by one.
MOST_HEADS = 64
#: Kinds that repeat what they read, in new values or another order: drawn narrow.
GATES = frozenset(("copy", "scale", "gelu", "relu", "relu_", "functional_relu_"))
#: The kind of a step that is a whole submodule, named by its path.
MODULE = "module"


@dataclass(frozen=True, slots=True)
class Step:
    """One operator: its notation and sizes, what it reads (by name), and its cost by measure.

    ``costs`` are MACs, bytes moved and (None: not known) seconds; ``text`` says all of it.
    """

    name: str
    kind: str
    left: str
    right: str
    out: str
    sizes: Mapping[str, int]
    of: tuple[str, ...]
    costs: tuple[int, int, float | None] = (0, 0, None)
    fused: bool = False
    text: str = ""

    @property
    def label(self) -> str:
        """What stands below its box: its name, of a path the last part."""
        return self.name.rpartition(".")[2] if self.kind == MODULE else self.name

    @property
    def is_matrix(self) -> bool:
        """Whether its result pairs every token with every key."""
        return "n" in self.out and "m" in self.out

    @property
    def is_of_keys(self) -> bool:
        """Whether its result has keys and no tokens."""
        return "m" in self.out and "n" not in self.out

    @property
    def reduces(self) -> bool:
        """Whether it makes keys of tokens: by a window that is larger than 1, or by pooling."""
        window = self.right[:3] == "i j" and self.sizes["i"] > 1
        return self.is_of_keys and "n" in self.left and (window or self.kind == "pool")

    @property
    def counts(self) -> str:
        """The index that its result has a position for: tokens, positions of a map, or keys."""
        return next((i for i in ("n", "s", "m") if i in self.out), "")

    @property
    def copies(self) -> int:
        """How many maps its result is: keys and values are two."""
        return self.sizes["t"] if "t" in self.out else 1

    def each(self, without: str) -> int:
        """The elements of its result in one image, without some indices."""
        return math.prod(self.sizes[i] for i in letters(self.out) if i not in f"b{without}")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One design of a picture: its operators in the order in which they run, over a grid of tokens.

    ``color`` is that of the design; ``said`` stands above its row.
    """

    name: str
    color: str
    said: str
    grid: tuple[int, int]
    steps: tuple[Step, ...]

    def keys(self, sizes: Mapping[str, int]) -> tuple[int, int]:
        """The grid of the keys; (keys, 1) where they lie in none."""
        (height, width), m = self.grid, sizes["m"]
        if not any(step.kind == "pool" for step in self.steps):
            if m == sizes["n"]:
                return self.grid
            if height // sizes["i"] * (width // sizes["j"]) == m:
                return height // sizes["i"], width // sizes["j"]
        side = math.isqrt(m)
        return (side, side) if side * side == m else (m, 1)

    def grid_of(self, step: Step) -> tuple[int, int]:
        """The grid in which the positions of a result lie; (1, 1) where it has none."""
        if not step.counts:
            return 1, 1
        return self.keys(step.sizes) if step.counts == "m" else self.grid

    def dims(self, step: Step) -> str:
        """The shape of a result without its batch, such as 56x56x64; where a submodule lies."""
        if step.kind == MODULE:
            path = step.name.rpartition(".")[0]
            return path if len(path) < 20 else f"...{path[-17:]}"
        if step.is_matrix:
            sizes = [step.sizes[i] for i in ("h", "n", "m")]
            return TIMES.join(f"{size:,}" for size in (sizes if sizes[0] > 1 else sizes[1:]))
        grid, counts = self.grid_of(step), step.counts
        shape = [] if not counts else [step.sizes[counts]]
        if counts and math.prod(grid) == shape[0] and grid[1] > 1:
            shape = [*grid]
        shape += [step.copies] * ("t" in step.out) + [step.each(f"{counts}t")]
        return TIMES.join(f"{size:,}" for size in shape)


@dataclass(frozen=True, slots=True)
class Shape:
    """A drawn result: its sides in pixels, what is drawn (from 0, 0), and a text above it."""

    width: float
    height: float
    drawn: str
    above: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """How elements of one image become pixels; ``mesh`` names the pattern that fills maps.

    ``area`` is that of one element of a map, ``side`` that of one element of a score matrix.
    """

    mesh: str
    area: float
    side: float


def letters(indices: str) -> list[str]:
    """The distinct indices of some operands, in order."""
    return list(dict.fromkeys(indices.split()))


def px(value: float) -> str:
    """Pixels with one decimal.

    >>> px(46.0), px(3.25), px(0.04), px(-7.5)
    ('46', '3.3', '0', '-7.5')
    """
    tenths = math.floor(abs(value) * 10 + 0.5)
    text = f"{tenths // 10}.{tenths % 10}" if tenths % 10 else f"{tenths // 10}"
    return f"-{text}" if value < 0 and tenths else text


def scale_of(designs: Iterable[Drawn], mesh: str) -> Scale:
    """The scale at which the largest results of all designs have their largest size.

    Score matrices are drawn to the scale of the maps where they fit.
    """
    steps = [step for design in designs for step in design.steps]
    maps = [step.each("t") for step in steps if not step.is_matrix]
    area = TILE * TILE / max(maps, default=1)
    longest = max((max(_extent(step)) for step in steps if step.is_matrix), default=1)
    return Scale(mesh, area, min(math.sqrt(area), SCORE / longest))


def _arranged(step: Step) -> tuple[int, int]:
    """How many score matrices, one a head, stand side by side, and in how many lines."""
    h, n, m = (step.sizes[i] for i in ("h", "n", "m"))
    across = min(h, max(1, math.floor(math.sqrt(h * n / m) + 0.5)))
    return across, -(-h // across)


def _extent(step: Step) -> tuple[int, int]:
    across, down = _arranged(step)
    return across * step.sizes["m"], down * step.sizes["n"]


def _rect(kind: str, x: float, y: float, width: float, height: float, more: str = "") -> str:
    at = "".join(f' {name}="{px(value)}"' for name, value in (("x", x), ("y", y)) if value)
    return f'<rect class="{kind}"{at} width="{px(width)}" height="{px(height)}"{more}/>'


def _sides(grid: tuple[int, int], area: float) -> tuple[float, float]:
    """Width and height of a map of this area: at least 3 pixels, and at most 5 times as long."""
    aspect = min(5.0, max(0.2, grid[1] / grid[0]))
    width = math.sqrt(area * aspect)
    return max(3.0, width), max(3.0, width / aspect)


def _map(design: Drawn, step: Step, scale: Scale) -> Shape:
    """The maps of tokens or keys side by side; a class token stands beside its map."""
    grid, count = design.grid_of(step), step.copies
    width, height = _sides(grid, step.each("t") * scale.area)
    drawn = "".join(_rect("t", k * (width + 3), 0, width, height) for k in range(count))
    if step.counts and step.sizes[step.counts] == grid[0] * grid[1] + 1:
        drawn += _rect("t", count * (width + 3), 0, 4, 4)
        return Shape(count * (width + 3) + 4, height, drawn)
    return Shape(count * (width + 3) - 3, height, drawn)


def _matrix(step: Step, scale: Scale) -> Shape:
    """The score matrices of all heads, to scale; of very many heads as one."""
    (across, down), heads = _arranged(step), step.sizes["h"]
    width, height = (max(1.5, step.sizes[i] * scale.side) for i in ("m", "n"))
    if heads > MOST_HEADS:
        width, height, across, down, heads = across * width, down * height, 1, 1, 1
    drawn = "".join(
        _rect("m", k % across * (width + 1.5), k // across * (height + 1.5), width, height)
        for k in range(heads)
    )
    return Shape(across * (width + 1.5) - 1.5, down * (height + 1.5) - 1.5, drawn)


def _reduction(design: Drawn, step: Step, scale: Scale) -> Shape:
    """What a window slides over, with the window at its first place, beside what it makes."""
    made, (rows, columns) = _map(design, step, scale), design.grid
    keys, area = design.keys(step.sizes), 1
    for i in letters(step.left):
        area *= 1 if i == "b" else step.sizes[i]
    width, height = _sides(design.grid, area * scale.area)
    pooled = step.kind == "pool"
    window = (rows / keys[0], columns / keys[1]) if pooled else (step.sizes["i"], step.sizes["j"])
    high, wide = height * window[0] / rows, width * window[1] / columns
    lines = slides = ""
    if min(high, wide) >= 1.3:
        down = "".join(f"M0 {px(k * high)}H{px(width)}" for k in range(1, keys[0] + 1))
        lines = down + "".join(f"M{px(k * wide)} 0V{px(height)}" for k in range(1, keys[1] + 1))
        lines = f'<path class="w" d="{lines}"/>'
        slides = f' style="--n:{keys[1] - 1}"'
    drawn = (
        _rect("o", 0, 0, width, height)
        + lines
        + _rect("f", 0, 0, max(3.0, wide), max(3.0, high), slides)
        + f'<g transform="translate({px(width + 8)} {px(max(0.0, height - made.height) / 2)})">'
        + f"{made.drawn}</g>"
    )
    above = f"to {keys[0]}{TIMES}{keys[1]}" if pooled else f"{window[0]}{TIMES}{window[1]} window"
    return Shape(width + 8 + made.width, max(height, made.height), drawn, above)


def shape(design: Drawn, step: Step, scale: Scale) -> Shape:
    """The result of a step as it is drawn."""
    if step.reduces:
        return _reduction(design, step, scale)
    made = _matrix(step, scale) if step.is_matrix else _map(design, step, scale)
    if step.kind not in GATES:
        return made
    height = max(14.0, made.height)
    return Shape(9.0, height, _rect("k", 0, 0, 9, height))


def cell(design: Drawn, step: Step, scale: Scale) -> tuple[float, float]:
    """The sides of one token in a map of this step, in pixels; 2 at least, in whole tokens."""
    rows, columns = design.grid_of(step)
    width, height = _sides((rows, columns), step.each("t") * scale.area)
    wide, high = width / columns, height / rows
    while 0 < min(wide, high) < 2:
        wide, high = 2 * wide, 2 * high
    return wide, high
