"""How the figures of designs grow with a square image: at some sides, what fits, where they cross.

The page's script ``curves.js`` finds the same in the browser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from pvtprof.analytic import fit, ops
from pvtprof.analytic.crossing import cheaper_from
from pvtprof.analytic.parts import image_bytes, needs_of, part_terms
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.part import MODEL
from pvtprof.designs.setting import Setting
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.errors import SpecError
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.kernels import kernels
from pvtprof.predict.prediction import Prediction

#: The sides that are evaluated: two an octave; and the largest of them.
SIDES = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
MOST = SIDES[-1]
#: More memory than any device has.
UNLIMITED = 2**60
#: Where predicted times cross is looked for in steps of so many pixels.
STEP = 16


@dataclass(frozen=True)
class Point:
    """A network's figures for one image; ``needs`` are parameters, image and peak in bytes."""

    macs: int
    needs: int
    time: Prediction | None


@dataclass(frozen=True)
class Curve:
    """A design: its figures by side (of those that it takes), and the largest side that fits.

    ``at`` gives them for any side. ``times`` end with the largest image that fits.
    """

    name: str
    points: dict[int, Point]
    fits: int
    here: Point
    at: Callable[[int], Point]

    @cached_property
    def times(self) -> dict[int, Prediction]:
        """What is predicted for the sides that fit."""
        return {s: p.time for s, p in self.points.items() if p.time and s <= self.fits}

    @cached_property
    def drawn_times(self) -> dict[int, Prediction]:
        """The same, up to the very side that fits."""
        last = self.at(self.fits).time if SIDES[0] <= self.fits < MOST else None
        return {**self.times, **({self.fits: last} if last else {})}


def curve(
    design: PvtDesign,
    setting: Setting,
    memory: int,
    calibration: Calibration | None,
    sides: Sequence[int] = SIDES,
) -> Curve | None:
    """Return the curve of a design in a setting of inference; None where it takes no such side."""

    def of(image: Setting) -> Point:
        terms = part_terms(design.spec, MODEL, image)
        needs, _ = needs_of(terms, image, image_bytes(design.spec, image))
        time = None
        if calibration and calibration.dtype == image.dtype:
            found = list(kernels(terms, image.dtype))
            if all(kernel.family in calibration.families for _, kernel in found):
                time = calibration.around(
                    "model", calibration.seconds((kernel, term.times) for term, kernel in found)
                )
        macs = sum(term.times * ops.macs(term.op, term.sizes) for term in terms)
        return Point(macs, needs, time)

    @cache
    def at(side: int) -> Point:
        return of(fit.squared(setting, side))

    points: dict[int, Point] = {}
    for side in sides:
        try:
            points[side] = at(side)
        except SpecError:  # R is larger than the grid there
            continue
    if not points:
        return None
    fits = fit.image_edge(design.spec, setting, memory).size
    return Curve(design.name, points, fits, of(setting), at)


def factor(values: dict[int, float]) -> float | None:
    """Return by how much the last doubling of the side multiplies a figure."""
    for side in sorted(values, reverse=True):
        if side in SIDES and side // 2 in values and side % 2 == 0:
            return float(values[side]) / float(values[side // 2])
    return None


@dataclass(frozen=True)
class Ahead:
    """The design that needs the least at the largest side that several designs have.

    ``since`` is the side from which on (SIDES[0]: at all), by each other design; None: not even
    there. ``clear`` is the side from which on intervals of predicted times lie apart. ``is_exact``:
    every side was looked at, and not some. ``level`` are those that need as much there.
    """

    name: str
    since: dict[str, int | None]
    clear: int | None = None
    is_exact: bool = False
    level: tuple[str, ...] = ()


def fewest_macs(curves: Sequence[Curve], designs: Mapping[str, PvtDesign]) -> Ahead | None:
    """Return the design with the fewest MACs at the largest side, and since when, exactly."""
    there = [one for one in curves if MOST in one.points]
    if len(there) < 2:
        return None
    best = min(there, key=lambda one: one.points[MOST].macs)
    since: dict[str, int | None] = {}
    for other in there:
        if other is not best:
            mine, its = designs[best.name].spec, designs[other.name].spec
            if mine.task == CLASSIFY:
                start = cheaper_from(mine, its, MOST)[1]
            else:
                start = _since(best, [other], lambda a, b: a.macs < b.macs, is_timed=False)
            since[other.name] = start and max(start, SIDES[0])
    is_exact = designs[best.name].spec.task == CLASSIFY
    return Ahead(best.name, since, is_exact=is_exact)


def least_time(curves: Sequence[Curve]) -> Ahead | None:
    """Return the design that is predicted to be fastest, where at least two fit."""
    sides = [side for side in SIDES if sum(side in one.times for one in curves) > 1]
    if not sides:
        return None
    there = [one for one in curves if sides[-1] in one.times]
    best = min(there, key=lambda one: one.times[sides[-1]].seconds)
    others = [one for one in curves if one is not best and one.times]
    ahead = _since(best, others, lambda a, b: _s(a).seconds < _s(b).seconds)
    clear = _since(best, others, lambda a, b: _s(a).high < _s(b).low)
    least = best.times[sides[-1]].seconds
    level = tuple(
        one.name for one in there if one is not best and one.times[sides[-1]].seconds <= least
    )
    return Ahead(best.name, {one.name: ahead for one in others}, clear, level=level)


def _s(point: Point) -> Prediction:
    if point.time is None:
        raise SpecError("a point without a prediction is compared")
    return point.time


def _since(
    best: Curve,
    others: Sequence[Curve],
    is_ahead: Callable[[Point, Point], bool],
    is_timed: bool = True,
) -> int | None:
    """Return from which side on ``best`` is ahead of all others, in steps of STEP.

    ``is_timed``: of those that fit, where at least one other does.
    """

    def has(one: Curve, side: int) -> bool:
        return side >= min(one.points) and (not is_timed or side <= one.fits)

    def holds(side: int) -> bool:
        mine = best.points.get(side) or best.at(side)
        return all(
            is_ahead(mine, one.points.get(side) or one.at(side)) for one in others if has(one, side)
        )

    start: int | None = None
    shared = [s for s in SIDES if has(best, s) and any(has(one, s) for one in others)]
    for side in reversed(shared):
        if not holds(side):
            low = side
            while start is not None and start - low > STEP:
                middle = (low + start) // 2 // STEP * STEP
                low, start = (low, middle) if holds(middle) else (middle, start)
            break
        start = side
    return start


def in_inference(setting: Setting) -> Setting:
    """Return the setting of a forward pass without a device."""
    return replace(setting.in_mode("inference"), device="none")
