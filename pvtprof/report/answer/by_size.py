"""Which design needs the least at other image sizes: sentences of the answer in a terminal."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from pvtprof import units
from pvtprof.analytic.crossing import cheaper_from, macs_by_side
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.report.answer.facts import Facts, distinct
from pvtprof.run.run import Run

if TYPE_CHECKING:
    from pvtprof.report.sections.curves import Curve

#: The largest side looked at, for the answer is to start at once; the page's curves go further.
MOST = 1024
#: How to ask for another image.
HOW = "others: --img"


def by_size(run: Run, found: Collection[Facts]) -> str:
    """Return which design needs the fewest MACs, and from which square image on.

    "" where no design needs fewer than all others, or there are no formulas of their networks.
    """
    those = {name: design.spec for name, design in _compared(run, found).items()}
    if not those or any(spec.task != CLASSIFY for spec in those.values()):
        return ""
    best = min(those, key=lambda name: macs_by_side(those[name])(MOST))
    starts = [cheaper_from(those[best], its, MOST) for name, its in those.items() if name != best]
    since = [start for _, start in starts if start is not None]
    if len(since) < len(starts):
        return ""
    always = max(since) <= max(low or 0 for low, _ in starts)
    where = "at every size" if always else f"from {units.integer(max(since))} px on"
    return f"{best} has the fewest MACs {where} (tried to {units.integer(MOST)} px; {HOW})."


def _compared(run: Run, found: Collection[Facts]) -> Mapping[str, PvtDesign]:
    """Return the designs of one network that differ; none where they are not to be compared."""
    names = {one.name for one in distinct(tuple(found))}
    those = {d.name: d for d in run.designs if isinstance(d, PvtDesign) and d.name in names}
    is_of_one = len({design.model for design in run.designs}) == 1
    is_asked = not run.is_own and run.setting.mode == "inference"
    return those if is_asked and is_of_one and len(those) > 1 else {}


def by_time(run: Run, found: Collection[Facts]) -> str:
    """Return which design is predicted to be the fastest at which square images.

    "" where the run has no calibration that a sentence can rest on, or some kernel is not in it.
    """
    its, those = run.calibration, _compared(run, found)
    if its is None or its.is_doubtful or its.dtype != run.setting.dtype or not those:
        return ""
    from pvtprof.report.sections import curves

    setting, memory = curves.in_inference(run.setting), run.memory_bytes
    sides = [side for side in curves.SIDES if side <= MOST]
    drawn = [
        curves.curve(design, setting, memory or curves.UNLIMITED, its, sides)
        for design in those.values()
    ]
    known = [replace(one, fits=min(one.fits, MOST)) for one in drawn if one and one.times]
    ahead = curves.least_time(known)
    if len(known) < len(those) or ahead is None or ahead.level:
        return ""
    beyond = "beyond the error of the predictions"
    clear = f"nowhere {beyond}" if ahead.clear is None else f"{beyond} {_from(ahead.clear, sides)}"
    fastest = _fastest(known, sides, curves.STEP)
    if len(fastest) == 1:
        names = f"{fastest[0][1]} at every size"
    else:
        later = [f"from {units.integer(side)} px on {name}" for side, name in fastest[1:]]
        names = ", ".join([fastest[0][1], *later])
    return f"Predicted fastest: {names}; {clear} (tried to {units.integer(MOST)} px)."


def _from(side: int, sides: Sequence[int]) -> str:
    return "at every size" if side <= sides[0] else f"from {units.integer(side)} px on"


def _fastest(known: Sequence[Curve], sides: Sequence[int], step: int) -> list[tuple[int, str]]:
    """Return (side, design) from the smallest side on, wherever another design takes the lead.

    Between two of ``sides`` it is looked for in steps of ``step`` pixels.
    """

    def first(side: int) -> str:
        there = [one for one in known if min(one.points) <= side <= one.fits]
        times = [(time.seconds, one.name) for one in there if (time := one.at(side).time)]
        return min(times)[1] if times else ""

    named = [(side, name) for side in sides if (name := first(side))]
    found = named[:1]
    for (low, before), (high, after) in pairwise(named):
        while before != after and high - low > step:
            middle = (low + high) // 2 // step * step
            low, high = (low, middle) if first(middle) == after else (middle, high)
        found += [(high, after)] * (before != after)
    return found
