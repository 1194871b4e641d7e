"""What the section "As the image grows" says of a comparison, chosen by rules.

The page's script ``curves.js`` has the same rules for other settings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pvtprof import units
from pvtprof.designs.checks import MAX_SIDE
from pvtprof.report import phrases
from pvtprof.report.sections import curves
from pvtprof.report.sections.curves import MOST, SIDES, Ahead, Curve


@dataclass(frozen=True)
class Found:
    """Everything that the words and the pictures say of a comparison."""

    curves: tuple[Curve, ...]
    macs: Ahead | None
    time: Ahead | None
    memory: int
    here: tuple[int, int]
    how: str = ""
    place: str = ""
    is_predicted: bool = False
    dots: tuple[tuple[str, float], ...] = ()


def title(found: Found) -> str:
    """Return the finding."""
    return f"{_macs_title(found)}{_time_title(found)}."


def _macs_title(found: Found) -> str:
    ahead = found.macs
    if ahead is None:
        one = found.curves[0]
        by = curves.factor({side: p.macs for side, p in one.points.items()})
        grows = f"multiplies its MACs by {units.factor(by)[1:]}" if by else "is not possible"
        return f"Doubling the side of {one.name}'s image {grows}"
    level = [name for name, since in ahead.since.items() if since is None]
    behind = [since for since in ahead.since.values() if since is not None]
    names = phrases.several([ahead.name, *level])
    if not behind:
        return f"{names} need equally many MACs at {units.integer(MOST)} pixels"
    needs = "needs" if not level else "need"
    if max(behind) <= SIDES[0]:
        return f"{names} {needs} the fewest MACs at every size"
    about = "" if ahead.is_exact else "about "
    most = units.integer(max(behind))
    return f"From {about}{most} pixels a side on, {names} {needs} the fewest MACs"


def _time_title(found: Found) -> str:
    time = found.time
    if time is None:
        return ""
    if time.clear is None:
        return ", and no design is clearly the fastest"
    where = _from(time.clear)
    if unpredicted(found):
        return f"; of those with a prediction, {time.name} is clearly the fastest {where}"
    if found.macs and found.macs.name == time.name and None not in found.macs.since.values():
        return f", and it is predicted to be clearly the fastest {where}"
    return f"; {time.name} is predicted to be clearly the fastest {where}"


def unpredicted(found: Found) -> list[str]:
    """Return the designs that fit, and whose kernels the calibration has not seen."""
    fitting = [one for one in found.curves if one.fits >= min(one.points)]
    return [one.name for one in fitting if not one.times] if found.is_predicted else []


def _from(side: int) -> str:
    return "at every size" if side <= SIDES[0] else f"from about {units.integer(side)} pixels on"


def sentences(found: Found) -> tuple[str, ...]:
    """Return what is said under the finding."""
    return (*_crossings(found), *_ahead(found), _fits(found))


def remarks(found: Found) -> tuple[str, ...]:
    """Return what is said under the pictures."""
    return found.place, AXES


#: What one must know of the axes.
AXES = (
    "Square images from 64 to 4,096 pixels a side. Both axes are logarithmic: a straight line is a "
    "power of the side, and the factor at its end is what doubling the side costs there. Thin "
    "lines are formulas, dashed ones are predicted, dots in the plot of time are measured."
)


def _crossings(found: Found) -> list[str]:
    if not found.macs:
        return []
    said = []
    for other, since in found.macs.since.items():
        if since is None:
            said.append(f"as many as {other}")
        elif since <= SIDES[0]:
            said.append(f"fewer than {other} at every size")
        else:
            about = "" if found.macs.is_exact else "about "
            said.append(f"fewer than {other} from {about}{units.integer(since)} pixels on")
    return [f"MACs: {found.macs.name} needs {', '.join(said)}."]


def _ahead(found: Found) -> list[str]:
    time, unknown = found.time, unpredicted(found)
    if unknown and len(unknown) < len(found.curves):
        lacks = f"Time: the calibration has not seen the kernels of {phrases.several(unknown)}."
        return [lacks, *_ahead(replace(found, is_predicted=False))]
    if not time:
        return []
    since = next(iter(time.since.values()))
    if since is None:
        return [
            f"Time: {phrases.several([time.name, *time.level])} are predicted to take equally long."
        ]
    if time.clear is None:
        clearly = "but nowhere beyond the interval of the predictions"
    elif time.clear <= since:
        clearly = "beyond the interval of the predictions"
    else:
        clearly = f"beyond the interval of the predictions {_from(time.clear)}"
    return [f"Time: {time.name} is predicted to be the fastest {_from(since)}, {clearly}."]


def _largest(side: int) -> str:
    return f"{'at least ' * (side >= MAX_SIDE)}{units.integer(side)} pixels"


def _fits(found: Found) -> str:
    edges = [
        f"{_largest(one.fits)} with {one.name}" if one.fits else f"none with {one.name}"
        for one in found.curves
    ]
    return (
        f"Memory: the largest image of which a forward pass fits into {units.size(found.memory)} "
        f"({found.how}) has {', '.join(edges)}."
    )
