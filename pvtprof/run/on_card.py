"""What a GPU says of the rows that a process there has built: counts, memory, backend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pvtprof.run.row import Row
from pvtprof.run.witnesses import witnessed

if TYPE_CHECKING:
    from pvtprof.observe.sides import Side


def watched(side: Side, row: Row) -> Row:
    """Return the row with what was observed in the process that built it, and the backend."""
    name = row.name
    row = witnessed(row, lambda witness: witness.ask(side, name) if witness.ask else None)
    return replace(row, backend=side.made[name].get("backend"))
