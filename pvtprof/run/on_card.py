"""What a GPU says of rows: counts, memory, backend; and what would keep it busy."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from pvtprof.observe.measurement import LAUNCH_BOUND
from pvtprof.run.row import Row
from pvtprof.run.witnesses import witnessed

if TYPE_CHECKING:
    from pvtprof.observe.sides import Side


def watched(side: Side, row: Row) -> Row:
    """Return the row with what was observed in the process that built it, and the backend."""
    name = row.name
    row = witnessed(row, lambda witness: witness.ask(side, name) if witness.ask else None)
    return replace(row, backend=side.made[name].get("backend"))


def busy_batch(row: Row) -> int | None:
    """The batch, a power of two, from which on the GPU would not wait for launches; None if it
    does not wait.

    Launches cost the same at any batch, kernels grow with it: where wall time is k times the
    device's, k times the batch keeps the device busy.
    """
    ratio = row.latency.launch_ratio if row.latency else None
    if ratio is None or ratio <= LAUNCH_BOUND:
        return None
    return int(2 ** math.ceil(math.log2(row.setting.batch * ratio)))
