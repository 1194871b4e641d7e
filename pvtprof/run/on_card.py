"""What a GPU says of the rows that a process there has built: counts, memory, backend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pvtprof.run.row import Row, joined
from pvtprof.run.rows import terms_of
from pvtprof.run.witnesses import WITNESSES

if TYPE_CHECKING:
    from pvtprof.observe.sides import Side


def watched(side: Side, row: Row) -> Row:
    """The row with what its witnesses saw in the process that has built it, and the backend."""
    terms, found = terms_of(row), dict(row.witnesses)
    for name, witness in WITNESSES.items():
        if witness.ask and witness.applies(row.setting):
            formula, count = witness.formula(terms, row.setting), witness.ask(side, row.name)
            found[name] = joined(formula, count, witness.is_exact)
    in_order = {name: found[name] for name in WITNESSES if name in found}
    return replace(row, witnesses=in_order, backend=side.made[row.name].get("backend"))
