"""From which image on a design needs the fewest MACs, in one sentence of the answer."""

from __future__ import annotations

from collections.abc import Collection

from pvtprof import units
from pvtprof.analytic.crossing import cheaper_from, macs_by_side
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.report.facts import Facts, distinct
from pvtprof.run.run import Run

#: The largest side looked at, for the answer is to start at once; the page's curves go further.
MOST = 1024
#: How to ask for another image.
HOW = "others: --img"


def by_size(run: Run, found: Collection[Facts]) -> str:
    """Return which design needs the fewest MACs, and from which square image on.

    "" where no design needs fewer than all others, or there are no formulas of their networks.
    """
    names = {one.name for one in distinct(tuple(found))}
    those = {
        design.name: design.spec
        for design in run.designs
        if isinstance(design, PvtDesign) and design.name in names
    }
    is_of_one = len({design.model for design in run.designs}) == 1
    if run.is_own or len(those) < 2 or not is_of_one or run.setting.mode != "inference":
        return ""
    if any(spec.task != CLASSIFY for spec in those.values()):
        return ""
    best = min(those, key=lambda name: macs_by_side(those[name])(MOST))
    starts = [cheaper_from(those[best], its, MOST) for name, its in those.items() if name != best]
    since = [start for _, start in starts if start is not None]
    if len(since) < len(starts):
        return ""
    always = max(since) <= max(low or 0 for low, _ in starts)
    where = "at every size" if always else f"from {units.integer(max(since))} px on"
    return f"{best} has the fewest MACs {where} (tried to {units.integer(MOST)} px; {HOW})."
