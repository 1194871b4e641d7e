"""The pictures of the section "As the image grows", and the table behind them.

The page's script ``curves.js`` draws the same for other settings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pvtprof import spoken, units
from pvtprof.report.figures.style import color_of
from pvtprof.report.sections import curves, loglog
from pvtprof.report.sections.curves import MOST, SIDES, Curve
from pvtprof.report.sections.growth_words import Found
from pvtprof.report.sections.loglog import Drawn, Mark, Panel
from pvtprof.report.sheet import Sheet

#: A space at which no line ends.
UNBROKEN = "\u00a0"


@dataclass(frozen=True)
class Picture:
    """One panel: its heading, the picture, and the figures at the current size."""

    heading: str
    svg: Markup
    caption: str


_DECADES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_X_TICKS = tuple(
    (float(2**power), f"{2**power}" if power < 10 else f"{2 ** (power - 10)}k")
    for power in range(6, 13)
)
#: What the plot of memory shows, beside which the answer has another figure.
BESIDE = ". Parameters, input and peak together; the peak in the answer is of live tensors alone."


def count_tick(power: int) -> str:
    """Return a power of ten as an axis has it: "100 M"."""
    return f"{10 ** (power % 3)} {_DECADES[power // 3]}".strip()


def bytes_tick(power: int) -> str:
    """Return a power of 32 bytes as an axis has it: "32 MiB"."""
    number, _, unit = units.size(32**power).partition(" ")
    return f"{number.partition('.')[0]} {unit}"


def _time_tick(power: int) -> str:
    return f"{units.integer(10**power)} s" if power >= 0 else f"{10 ** (power + 3):,g} ms"


def pictures(found: Found) -> list[Picture]:
    """Return the panels: MACs, memory, and predicted time where there is any."""
    made = [_macs_picture(found), _memory_picture(found)]
    return [*made, *([_time_picture(found)] if any(c.drawn_times for c in found.curves) else [])]


def _macs_picture(found: Found) -> Picture:
    values = [{side: p.macs for side, p in one.points.items()} for one in found.curves]
    marks = []
    if found.macs:
        best = next(one for one in found.curves if one.name == found.macs.name)
        for other, since in found.macs.since.items():
            if since and since > SIDES[0]:
                text = f"{units.integer(since)} px"
                at = best.at(since).macs
                marks.append(Mark(since, at, text, color_of(other), hollow=True))
    ticks = loglog.ticks([v for by in values for v in by.values()], 10, count_tick)
    return _picture(found, "MACs", _lines(found, values), ticks, marks=tuple(marks))


def _memory_picture(found: Found) -> Picture:
    values = [{side: p.needs for side, p in one.points.items()} for one in found.curves]
    marks = tuple(
        Mark(one.fits, found.memory, f"{units.integer(one.fits)} px", color_of(one.name))
        for one in found.curves
        if SIDES[0] <= one.fits <= MOST
    )
    every = [found.memory, *(v for by in values for v in by.values())]
    ticks = loglog.ticks(every, 32, bytes_tick)
    limit = (float(found.memory), units.size(found.memory))
    return _picture(found, "Memory", _lines(found, values), ticks, marks=marks, limit=limit)


def _time_picture(found: Found) -> Picture:
    values = [{s: t.seconds for s, t in one.drawn_times.items()} for one in found.curves]
    side = math.sqrt(found.here[0] * found.here[1])
    marks = [
        Mark(side, seconds, "", color_of(name))
        for name, seconds in found.dots
        if SIDES[0] <= side <= MOST
    ]
    marks += _time_rings(found)
    every = [v for by in values for v in by.values()]
    ticks = loglog.ticks(every, 10, _time_tick)
    lines = _lines(found, values, dashed=True)
    return _picture(found, "Predicted time", lines, ticks, marks=tuple(marks))


def _time_rings(found: Found) -> Iterator[Mark]:
    """Yield from where on a design is ahead, and from where on intervals lie apart."""
    if not found.time:
        return
    best = next(one for one in found.curves if one.name == found.time.name)
    since = next(iter(found.time.since.values()))
    for side, what in ((since, ""), (found.time.clear, "clear: ")):
        if side and side > SIDES[0] and (what == "" or side != since):
            at = best.at(side).time
            if at:
                text = f"{what}{units.integer(side)} px"
                yield Mark(side, at.seconds, text, color_of(best.name), hollow=True)


def _lines(
    found: Found, values: Sequence[dict[int, Any]], dashed: bool = False
) -> tuple[Drawn, ...]:
    made = []
    for one, by_side in zip(found.curves, values, strict=True):
        if by_side:
            by = curves.factor(by_side)
            label = units.factor(by) if by else ""
            points = tuple((float(side), float(v)) for side, v in by_side.items())
            made.append(Drawn(one.name, color_of(one.name), points, label, dashed))
    return tuple(made)


def _picture(
    found: Found,
    heading: str,
    lines: tuple[Drawn, ...],
    ticks: tuple[tuple[float, str], ...],
    marks: tuple[Mark, ...] = (),
    limit: tuple[float, str] | None = None,
) -> Picture:
    text, is_time = _TEXTS[heading], heading == "Predicted time"
    ends = [
        f"{line.name} {text(line.points[-1][1])} at {units.integer(int(line.points[-1][0]))} pixels"
        + f" ({line.label} when the side doubles)" * bool(line.label)
        for line in lines
    ]
    label = f"{heading} by the side of a square image, both axes logarithmic: {'; '.join(ends)}."
    here = (math.sqrt(found.here[0] * found.here[1]), units.sides(*found.here))
    panel = Panel(label, _X_TICKS, ticks, lines, marks, limit, here)
    values = [
        f"{one.name} {_said(one, heading, found.memory, value)}".replace(" ", UNBROKEN)
        for one in found.curves
        if (value := _value(one, heading)) is not None
    ]
    about = ", about" * is_time
    caption = f"At {units.sides(*found.here)}{about}: {', '.join(values) or 'none'}"
    caption += BESIDE * (heading == "Memory")
    return Picture(heading, loglog.svg(panel), caption)


def _said(one: Curve, heading: str, memory: int, value: float) -> str:
    """Return a figure of the current size; of a design that does not fit no time."""
    if heading != "Predicted time":
        return _TEXTS[heading](value)
    if one.here.needs > memory:
        return "does not fit"
    is_doubtful = one.here.time is not None and one.here.time.is_doubtful
    return units.marked(_TEXTS[heading](value), is_doubtful)


def _value(one: Curve, heading: str) -> float | None:
    if heading == "MACs":
        return one.here.macs
    if heading == "Memory":
        return one.here.needs
    return one.here.time.seconds if one.here.time else None


def _bytes(value: float) -> str:
    return units.size(int(value))


def _count(value: float) -> str:
    return spoken.compact(int(value))


_TEXTS = {"MACs": _count, "Memory": _bytes, "Predicted time": spoken.compact_seconds}


def sheet(found: Found) -> Sheet:
    """Return the table: every side, and the exact figures of every design there."""
    names = [one.name for one in found.curves]
    timed = found.curves if found.is_predicted else ()
    header = [
        "pixels a side",
        *(f"MACs, {name}" for name in names),
        *(f"bytes, {name}" for name in names),
        *(f"predicted ms, {one.name}" for one in timed),
    ]
    lines = []
    for side in SIDES:
        points = [one.points.get(side) for one in found.curves]
        cells = [units.integer(p.macs if p else None) for p in points]
        cells += [units.integer(p.needs if p else None) for p in points]
        times = [one.times.get(side) for one in timed]
        cells += [units.milliseconds(t.seconds if t else None).removesuffix(" ms") for t in times]
        lines.append((units.integer(side), *cells))
    caption = "Square images: MACs, bytes in memory, and predicted time where it fits"
    return Sheet(caption, tuple(header), tuple(lines))
