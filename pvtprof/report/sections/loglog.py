"""Lines in two logarithmic axes as SVG, for the page without JavaScript and on paper.

The page's script ``curves.js`` draws the same text. All coordinates are tenths of a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

#: The picture, and the plot in it: left, top, width, height.
WIDTH, HEIGHT = 3560, 2900
PLOT = LEFT, TOP, ACROSS, DOWN = 600, 380, 2340, 2180
#: Lines of text are so far apart; a label has two.
LINE = 140
#: About the width of a letter of a label.
LETTER = 68


@dataclass(frozen=True)
class Drawn:
    """A line: its points (x, value), its label's two lines, and whether it is predicted."""

    name: str
    color: str
    points: tuple[tuple[float, float], ...]
    label: str
    dashed: bool = False


@dataclass(frozen=True)
class Mark:
    """A point with a text: a crossing (``hollow``), an edge, or something measured."""

    x: float
    value: float
    text: str
    color: str
    hollow: bool = False


@dataclass(frozen=True)
class Panel:
    """What is drawn: lines and marks over ``ticks`` of both axes; ``limit`` is a value with a name.

    ``label`` says the same in words; ``here`` is the current x with its name.
    """

    label: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Drawn, ...]
    marks: tuple[Mark, ...] = ()
    limit: tuple[float, str] | None = None
    here: tuple[float, str] | None = None
    doubling: str = "when the side doubles"


def ticks(
    values: Sequence[float], base: int, text: Callable[[int], str]
) -> tuple[tuple[float, str], ...]:
    """Return powers of ``base`` between the values, at most five, with the text of each power.

    >>> ticks([9.0, 10**6], 10, str)
    ((10.0, '1'), (1000.0, '3'), (100000.0, '5'))
    """
    low, high = (math.log2(value) / math.log2(base) for value in (min(values), max(values)))
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    step = max(1, math.ceil((last - first) / 4))
    return tuple((float(base) ** power, text(power)) for power in range(first, last + 1, step))


def spread(wanted: Sequence[int], apart: int, most: int) -> list[int]:
    """Return places near the wanted ones, at least so far apart, in the order of the values.

    >>> spread([100, 110, 500], 50, 520)
    [100, 150, 500]
    """
    if not wanted:
        return []
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = list(wanted)
    for before, i in pairwise(order):
        placed[i] = max(placed[i], placed[before] + apart)
    placed[order[-1]] = min(placed[order[-1]], most)
    for after, i in pairwise(reversed(order)):
        placed[i] = min(placed[i], placed[after] - apart)
    return placed


class _Scale:
    def __init__(self, panel: Panel) -> None:
        across = [x for x, _ in panel.x_ticks]
        values = [v for line in panel.lines for _, v in line.points]
        values += [mark.value for mark in panel.marks]
        values += [panel.limit[0]] if panel.limit else []
        self.x_low, self.x_high = math.log2(across[0]), math.log2(across[-1])
        low, high = math.log2(min(values)), math.log2(max(values))
        room = 0.04 * (high - low) + 0.1
        self.low, self.high = low - room, high + room

    def x(self, at: float) -> int:
        share = (math.log2(at) - self.x_low) / (self.x_high - self.x_low)
        return math.floor(LEFT + share * ACROSS + 0.5)

    def y(self, value: float) -> int:
        share = (math.log2(value) - self.low) / (self.high - self.low)
        return math.floor(TOP + (1 - share) * DOWN + 0.5)


def svg(panel: Panel) -> Markup:
    """Return the picture."""
    scale = _Scale(panel)
    parts = [*_axes(panel, scale), *_here(panel, scale), *_lines(panel, scale)]
    parts += _marks(panel, scale)
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(panel.label)}">'
    return Markup(f"{head}{''.join(parts)}</svg>")


def _text(x: int, y: int, text: str, anchor: str = "", kind: str = "") -> str:
    where = f' text-anchor="{anchor}"' if anchor else ""
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{where}{named}>{escape(text)}</text>'


def _line(x1: int, y1: int, x2: int, y2: int, kind: str) -> str:
    return f'<path class="{kind}" d="M{x1} {y1}L{x2} {y2}"/>'


def _axes(panel: Panel, scale: _Scale) -> list[str]:
    bottom, right = TOP + DOWN, LEFT + ACROSS
    found = []
    for value, text in panel.y_ticks:
        y = scale.y(value)
        found += [_line(LEFT, y, right, y, "grid"), _text(LEFT - 60, y + 40, text, "end")]
    for value, text in panel.x_ticks:
        x = scale.x(value)
        found += [_line(x, bottom, x, bottom + 40, "grid"), _text(x, bottom + 170, text, "middle")]
    if panel.limit:
        y = scale.y(panel.limit[0])
        found.append(_line(LEFT, y, right, y, "limit"))
        found.append(_text(LEFT + 40, y + 140, panel.limit[1], kind="halo"))
    return found


def _here(panel: Panel, scale: _Scale) -> list[str]:
    if not panel.here:
        return []
    x = _at(panel, scale)
    return [_line(x, TOP - 60, x, TOP + DOWN, "here"), _text(x, TOP - 100, panel.here[1], "middle")]


def _aside(panel: Panel, scale: _Scale, x: int, text: str) -> int:
    """Return where a text begins: at x, or beside the current size if that crosses it."""
    here = _at(panel, scale) if panel.here else 0
    return here + 40 if x - 40 < here < x + 30 + LETTER * len(text) else x


def _at(panel: Panel, scale: _Scale) -> int:
    """Return where the vertical line of the current size stands."""
    assert panel.here
    return min(max(scale.x(panel.here[0]), LEFT), LEFT + ACROSS)


def _lines(panel: Panel, scale: _Scale) -> list[str]:
    found, ends = [], []
    for line in panel.lines:
        points = [(scale.x(x), scale.y(value)) for x, value in line.points]
        ends.append(points[-1])
        path = "M" + "L".join(f"{x} {y}" for x, y in points)
        kind = "curve dashed" if line.dashed else "curve"
        found.append(f'<path class="{kind}" stroke="{line.color}" d="{path}"/>')
    reach = max(4 * LINE, 65 * max(len(line.name) for line in panel.lines))
    places = _placed(ends, reach)
    for line, (x, y) in zip(panel.lines, places, strict=True):
        fits = x + 50 + 65 * len(line.name) < WIDTH
        at, anchor = (x + 50, "") if fits else (WIDTH, "end")
        found.append(_text(at, y, line.name, anchor, "halo"))
        found.append(_text(x + 50, y + LINE + 20, line.label, kind="halo strong"))
    if any(line.label for line in panel.lines):
        found.append(_text(WIDTH, LINE, panel.doubling, "end", "small"))
    return found


def _placed(ends: Sequence[tuple[int, int]], reach: int) -> list[tuple[int, int]]:
    """Return where the names of lines stand: where ends are near, one under the other.

    Those stand beside the last of these ends, where no line passes.
    """
    groups: list[list[int]] = []
    for i in sorted(range(len(ends)), key=lambda i: ends[i][0]):
        if groups and ends[i][0] - ends[groups[-1][-1]][0] < reach:
            groups[-1].append(i)
        else:
            groups.append([i])
    found = list(ends)
    for group in groups:
        places = spread([ends[i][1] - 20 for i in group], 2 * LINE + 40, TOP + DOWN - LINE - 20)
        for i, y in zip(group, places, strict=True):
            found[i] = (ends[group[-1]][0], y)
    return found


def _marks(panel: Panel, scale: _Scale) -> list[str]:
    """Return rings with their texts below, and dots with theirs at the foot of a line down.

    Where a text would reach the next line, that line ends above the text.
    """
    found, taken, level = [], 0, 0
    rings = [mark for mark in panel.marks if mark.hollow]
    wanted = [scale.y(mark.value) + 170 for mark in rings]
    below = dict(zip(map(id, rings), spread(wanted, LINE, TOP + DOWN - 30), strict=True))
    for mark in sorted(panel.marks, key=lambda mark: mark.x):
        x, y = scale.x(mark.x), scale.y(mark.value)
        if mark.hollow:
            found.append(f'<circle class="ring" cx="{x}" cy="{y}" r="45"/>')
            at = _aside(panel, scale, x + 60, mark.text)
            found.append(_text(at, below[id(mark)], mark.text, kind="halo"))
            continue
        if mark.text:
            level = level + 1 if x < taken else 0
            taken = x + 80 + LETTER * len(mark.text)
            foot = TOP + DOWN - 60 - level * (LINE + 20)
            found.append(_line(x, y, x, foot, "drop"))
            found.append(_text(x + 40, foot, mark.text, kind="halo"))
        found.append(f'<circle cx="{x}" cy="{y}" r="45" fill="{mark.color}"/>')
    return found
