"""The section "As the image grows": MACs, memory and predicted time from 64 to 4,096 pixels.

What it says is chosen here by rules; the page's script ``curves.js`` has the same rules for other
settings. Lines end where a design takes no image, and those of time where none fits into memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from pvtprof import units
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.part import MODEL
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.probes import LARGEST_IMAGE
from pvtprof.predict.program import program
from pvtprof.report import curves, loglog
from pvtprof.report.curves import MOST, SIDES, Ahead, Curve
from pvtprof.report.figures.style import color_of
from pvtprof.report.loglog import Drawn, Mark, Panel
from pvtprof.report.sheet import Sheet
from pvtprof.run.run import Run

#: What is assumed where the run does not know how much memory there is.
MEMORY_BYTES = 24 * 2**30


@dataclass(frozen=True)
class Picture:
    """One panel: its heading, the picture, and the figures at the current size."""

    heading: str
    svg: Markup
    caption: str


@dataclass(frozen=True)
class Growth:
    """The section: a finding, what else is to be said, three panels and the table behind them.

    ``data`` is what the page's script starts from; None where it does not follow the explorer.
    """

    title: str
    sentences: tuple[str, ...]
    pictures: tuple[Picture, ...]
    sheet: Sheet
    data: dict[str, Any] | None = None


@dataclass(frozen=True)
class Found:
    """Everything that the words and the pictures say of a comparison."""

    curves: tuple[Curve, ...]
    macs: Ahead | None
    time: Ahead | None
    memory: int
    is_assumed: bool
    here: tuple[int, int]
    place: str
    dots: tuple[tuple[str, float], ...] = ()


def growth(run: Run) -> Growth | None:
    """Return the section of a run of one comparison; None where no design takes such an image."""
    if run.is_own:
        from pvtprof.report.own_growth import growth as of_own

        return of_own(run)
    found = find(run)
    if not found.curves:
        return None
    return Growth(
        title(found),
        sentences(found),
        tuple(pictures(found)),
        sheet(found.curves),
        data(run, found),
    )


def find(run: Run) -> Found:
    """Return all figures of the section."""
    setting = curves.in_inference(run.setting)
    known = run.environment.memory_bytes
    memory = known or MEMORY_BYTES
    designs = {d.name: d for d in run.designs if isinstance(d, PvtDesign)}
    drawn = (curves.curve(design, setting, memory, run.calibration) for design in designs.values())
    found = tuple(one for one in drawn if one)
    return Found(
        found,
        curves.fewest_macs(found, designs),
        curves.least_time(found),
        memory,
        known is None,
        setting.image,
        place(run),
        tuple(
            (row.design.name, row.latency.median)
            for row in run.rows
            if row.part == MODEL and row.latency and row.setting.mode == "inference"
        ),
    )


def place(run: Run) -> str:
    """Return by what times are predicted: its date, its place and its interval; or how to be."""
    its = run.calibration
    if its is None:
        return (
            "No time is predicted: this run has no calibration. Run `pvtprof calibrate`, then "
            f"`{run.command}`."
        )
    low, high = (100 * bound for bound in (its.quality["model"].low, its.quality["model"].high))
    where = f"{its.environment.device}, {units.integer(its.environment.threads)} threads"
    doubt = " It was made on a busy machine." if its.is_doubtful else ""
    return (
        f"Times are predicted by a calibration of {_date(its)} ({_age(run, its)}; {where}, "
        f"{its.dtype}); nine in ten lie between {low:.0f} and {high:.0f} % of their line.{doubt} "
        f"It was measured on images of at most {LARGEST_IMAGE} pixels a side: beyond, it "
        "extrapolates."
    )


def _date(its: Calibration) -> str:
    return its.environment.date.partition("T")[0]


def _age(run: Run, its: Calibration) -> str:
    """Return how old a calibration was when the run was made."""
    try:
        then, now = (datetime.fromisoformat(e.date) for e in (its.environment, run.environment))
        days = (now - then).days
    except (TypeError, ValueError):  # withheld
        return "of unknown age"
    return "of the same day" if days < 1 else f"{days} day{'s' * (days > 1)} before this run"


# ---- Words: as curves.js has them


def title(found: Found) -> str:
    """Return the finding."""
    return f"{_macs_title(found)}{_time_title(found)}"


def _macs_title(found: Found) -> str:
    ahead = found.macs
    if ahead is None:
        one = found.curves[0]
        by = curves.factor({side: p.macs for side, p in one.points.items()})
        grows = f"multiplies its MACs by {units.factor(by)[1:]}" if by else "is not possible"
        return f"Doubling the side of {one.name}'s image {grows}"
    level = [name for name, since in ahead.since.items() if since is None]
    behind = [since for since in ahead.since.values() if since is not None]
    names = _listed([ahead.name, *level])
    if not behind:
        return f"{names} need equally many MACs at {units.integer(MOST)} pixels"
    needs = "needs" if not level else "need"
    if max(behind) <= SIDES[0]:
        return f"{names} {needs} the fewest MACs at every size"
    return f"From {units.integer(max(behind))} pixels a side on, {names} {needs} the fewest MACs"


def _time_title(found: Found) -> str:
    time = found.time
    if time is None:
        return ""
    if time.clear is None:
        return ", and no design is clearly the fastest"
    where = _from(time.clear)
    if found.macs and found.macs.name == time.name and None not in found.macs.since.values():
        return f", and it is predicted to be clearly the fastest {where}"
    return f"; {time.name} is predicted to be clearly the fastest {where}"


def _from(side: int) -> str:
    return "at every size" if side <= SIDES[0] else f"from about {units.integer(side)} on"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def sentences(found: Found) -> tuple[str, ...]:
    """Return what is said under the finding."""
    lines = [
        "Square images from 64 to 4,096 pixels a side. Both axes are logarithmic: a straight line "
        "is a power of the side, and the factor at its end is what doubling the side costs there."
    ]
    return (*lines, *_crossings(found), _fits(found), *_times(found))


def _crossings(found: Found) -> list[str]:
    if not found.macs:
        return []
    said = []
    for other, since in found.macs.since.items():
        if since is None:
            said.append(f"not fewer than {other} at {units.integer(MOST)} pixels")
        elif since <= SIDES[0]:
            said.append(f"fewer than {other} at every size")
        else:
            said.append(f"fewer than {other} from {units.integer(since)} pixels on")
    return [f"{found.macs.name} needs MACs: {'; '.join(said)}."]


def _fits(found: Found) -> str:
    edges = [
        f"{one.name} up to {units.integer(one.fits)} pixels" if one.fits else f"{one.name} none"
        for one in found.curves
    ]
    how = "assumed" if found.is_assumed else "of this machine"
    return (
        f"In {units.size(found.memory)} ({how}) a forward pass takes parameters, images and its "
        f"peak: {', '.join(edges)}."
    )


def _times(found: Found) -> list[str]:
    said = [found.place]
    if found.time:
        since = next(iter(found.time.since.values()))
        ahead = f"is ahead {_from(since)}" if since else "is ahead of none"
        clear = found.time.clear
        clearly = (
            f"intervals lie apart {_from(clear)}" if clear else "intervals overlap at every size"
        )
        said.append(f"{found.time.name} {ahead} in predicted time; {clearly} (as far as it fits).")
    return said


# ---- Pictures

_DECADES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_X_TICKS = tuple((float(2**power), units.integer(2**power)) for power in range(6, 13))


def _macs_tick(power: int) -> str:
    return f"{10 ** (power % 3)} {_DECADES[power // 3]}".strip()


def _memory_tick(power: int) -> str:
    return units.size(32**power).replace(".0", "").replace(".00", "")


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
    ticks = loglog.ticks([v for by in values for v in by.values()], 10, _macs_tick)
    return _picture(found, "MACs", _lines(found, values), ticks, marks=tuple(marks))


def _memory_picture(found: Found) -> Picture:
    values = [{side: p.needs for side, p in one.points.items()} for one in found.curves]
    marks = tuple(
        Mark(one.fits, found.memory, f"{units.integer(one.fits)} px", color_of(one.name))
        for one in found.curves
        if SIDES[0] <= one.fits <= MOST
    )
    every = [found.memory, *(v for by in values for v in by.values())]
    ticks = loglog.ticks(every, 32, _memory_tick)
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
    if found.time and found.time.clear and found.time.clear > SIDES[0]:
        best = next(one for one in found.curves if one.name == found.time.name)
        at = best.at(found.time.clear).time
        if at:
            text = f"clear from {units.integer(found.time.clear)} px"
            marks.append(Mark(found.time.clear, at.seconds, text, color_of(best.name), hollow=True))
    every = [v for by in values for v in by.values()]
    ticks = loglog.ticks(every, 10, _time_tick)
    lines = _lines(found, values, dashed=True)
    return _picture(found, "Predicted time", lines, ticks, marks=tuple(marks))


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
