"""The section "As the image grows" for modules of the user's own: their closed forms over sizes.

All sizes of a module that may grow do so together, by the same factor, within what is proven.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from pvtprof import spoken, units
from pvtprof.derive import stored
from pvtprof.derive.form import Form
from pvtprof.report import own
from pvtprof.report.figures.style import color_of
from pvtprof.report.sections import loglog
from pvtprof.report.sections.growth_pictures import UNBROKEN, Picture, bytes_tick, count_tick
from pvtprof.report.sections.loglog import Drawn, Panel
from pvtprof.report.sheet import Sheet
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: Factors of the sizes: two an octave, from an eighth to sixteen times.
FACTORS = tuple(
    Fraction(2) ** power * half
    for power in range(-3, 5)
    for half in ((Fraction(1), Fraction(3, 2)) if power < 4 else (Fraction(1),))
)


@dataclass(frozen=True)
class Grown:
    """A module: the sizes that grow, and (MACs, peak bytes) by factor."""

    name: str
    sides: tuple[str, ...]
    sizes: dict[str, int]
    points: dict[Fraction, tuple[int, int]]

    def size(self, factor: Fraction) -> str:
        """The first size that grows, at a factor; "" where it is no whole number."""
        at = self.sizes[self.sides[0]] * factor
        return units.integer(int(at)) if at.denominator == 1 else ""


def grown(run: Run) -> list[Grown]:
    """Return every module of which at least two sizes are proven."""
    found = [
        _grown(row, stored.loads(run.forms[row.design.name]["inference"]))
        for row in own.wholes(run)
        if row.design.name in run.forms
    ]
    return [one for one in found if len(one.points) > 1]


def _grown(row: Row, form: Form) -> Grown:
    domain, sizes = form.main.domain, row.setting.point
    sides = tuple(name for name in domain.free if name not in ("b", *domain.fixed))
    points = {}
    for factor in FACTORS if sides else ():
        at = {name: size * (factor if name in sides else 1) for name, size in sizes.items()}
        whole = {name: int(size) for name, size in at.items()}
        if whole == at and form.covers(**whole):
            costs = form(**whole)
            if costs.macs > 0 and costs.peak_bytes > 0:
                points[factor] = (int(costs.macs), int(costs.peak_bytes))
    return Grown(row.design.name.rpartition(":")[2], sides, sizes, points)


def title(found: list[Grown]) -> str:
    """Return the finding: by how much the last doubling multiplies each module's MACs."""
    said = [f"{units.factor(by)} for {one.name}" for one in found if (by := doubling(one, 0))]
    if not said:
        return "How MACs and memory grow with the sizes of your modules"
    names = " and ".join(found[0].sides)
    return f"Doubling {names} multiplies the MACs: {', '.join(said)}{_cheapest(found)}"


def doubling(one: Grown, which: int) -> float | None:
    """Return by how much the last doubling that is proven multiplies a figure."""
    for factor in sorted(one.points, reverse=True):
        if factor / 2 in one.points:
            return one.points[factor][which] / one.points[factor / 2][which]
    return None


def _cheapest(found: list[Grown]) -> str:
    """Return which module needs the fewest MACs, and from which of the drawn sizes on."""
    shared = sorted(set.intersection(*(set(one.points) for one in found)))
    if len(found) < 2 or not shared or len({one.sides for one in found}) > 1:
        return ""
    best = min(found, key=lambda one: one.points[shared[-1]][0])
    since = None
    for factor in reversed(shared):
        others = [one.points[factor][0] for one in found if one is not best]
        if not all(best.points[factor][0] < macs for macs in others):
            break
        since = factor
    if since is None:
        return ""
    if since == shared[0]:
        return f"; {best.name} needs the fewest at every size"
    return f"; {best.name} needs the fewest from {best.sides[0]} = {best.size(since)} on"


def pictures(found: list[Grown]) -> tuple[Picture, ...]:
    """Return the panels of MACs and of memory."""
    kinds: list[tuple[str, int, int, Callable[[int], str], Callable[[int], str]]] = [
        ("MACs", 0, 10, count_tick, spoken.compact),
        ("Peak memory", 1, 32, bytes_tick, units.size),
    ]
    return tuple(_picture(found, *kind) for kind in kinds)


def _picture(
    found: list[Grown],
    heading: str,
    which: int,
    base: int,
    tick: Callable[[int], str],
    text: Callable[[int], str],
) -> Picture:
    lines = []
    for one in found:
        by = doubling(one, which)
        points = tuple((float(x), float(values[which])) for x, values in one.points.items())
        label = units.factor(by) if by else ""
        lines.append(Drawn(one.name, color_of(one.name), points, label))
    first = found[0]
    every = [math.log2(factor) for one in found for factor in one.points]
    powers = range(math.floor(min(every)), math.ceil(max(every)) + 1)
    across = tuple((2.0**power, first.size(Fraction(2) ** power)) for power in powers)
    values = [value for line in lines for _, value in line.points]
    ends = [f"{one.name} {text(_last(one)[which])}" for one in found]
    label = (
        f"{heading} by {' and '.join(first.sides)}, both axes logarithmic; at the end of the "
        f"lines: {'; '.join(ends)}."
    )
    here = (1.0, f"{first.sides[0]} = {first.size(Fraction(1))}")
    each = f"when {' and '.join(first.sides)} double{'s' * (len(first.sides) == 1)}"
    panel = Panel(
        label, across, loglog.ticks(values, base, tick), tuple(lines), here=here, doubling=each
    )
    now = [
        f"{one.name} {text(one.points[Fraction(1)][which])}".replace(" ", UNBROKEN)
        for one in found
        if 1 in one.points
    ]
    return Picture(heading, loglog.svg(panel), f"At {here[1]}: {', '.join(now)}")


def _last(one: Grown) -> tuple[int, int]:
    return one.points[max(one.points)]


def sheet(found: list[Grown]) -> Sheet:
    """Return the table: every factor, and the figures of every module there."""
    header = [
        " and ".join(found[0].sides),
        *(f"MACs, {one.name}" for one in found),
        *(f"peak bytes, {one.name}" for one in found),
    ]
    lines = []
    for factor in FACTORS:
        points = [one.points.get(factor) for one in found]
        if any(points):
            cells = [units.integer(p and p[which]) for which in (0, 1) for p in points]
            lines.append((found[0].size(factor) or f"{float(factor)}x", *cells))
    return Sheet("Your modules at other sizes", tuple(header), tuple(lines))


def sentences(found: list[Grown]) -> tuple[str, ...]:
    """Return what is said under the finding."""
    names = list(dict.fromkeys(" and ".join(one.sides) for one in found))
    return (
        f"{', '.join(names)} grow together, from an eighth to sixteen times the sizes of this run; "
        "a line has the sizes at which its closed form is proven.",
        "Both axes are logarithmic: a straight line is a power of the size, and the factor at its "
        "end is what doubling costs there. Peak memory is that of live tensors above input and "
        "parameters, in a forward pass.",
    )
