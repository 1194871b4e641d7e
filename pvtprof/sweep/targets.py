"""Rows of modules of the user's own: their sizes as words, and their derived closed forms."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pvtprof.designs.checks import named_size
from pvtprof.designs.part import own_part
from pvtprof.errors import SpecError
from pvtprof.run.target_rows import rows
from pvtprof.run.targets import Given, Target, Wanted, targets

if TYPE_CHECKING:
    from pvtprof.run.row import Row
    from pvtprof.sweep.planned import Planned


def sizes_of(at: str) -> dict[str, int]:
    """Return the sizes by name in words such as "h=512,w=640".

    >>> sizes_of("h=512,w=640"), sizes_of("")
    ({'h': 512, 'w': 640}, {})
    """
    return dict(map(named_size, filter(None, at.split(","))))


@lru_cache(maxsize=8)
def derived_target(target: str, at: str, mode: str) -> Target:
    """Return a module of the user's own, loaded and derived at its sizes."""
    return targets(Wanted([Given(target)], sizes_of(at), depth=0, mode=mode), "none")[0]


def target_row(planned: Planned) -> Row:
    """Return the closed forms of a row of a module of the user's own.

    Raises SpecError, or DeriveError where it has none.
    """
    part = own_part(planned.part)
    for row in rows(derived_target(planned.target, planned.at, planned.mode), depth=0):
        if row.part == part:
            return row
    raise SpecError(f"part is {planned.part!r}; a module of your own has a row as a whole: model")
