"""What the exact witnesses say of one module, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pvtprof.moment import Moment

#: The counters, by the names under which their counts are kept.
WITNESSES = ("fvcore", "torch")


@dataclass(frozen=True, slots=True)
class Count:
    """What a counter said of one module, in the counter's own convention.

    ``by_module`` maps a submodule (dotted, the indices of repeated blocks left out) to its own
    count; ``skipped`` maps each operator that the counter does not count to its number of calls;
    ``handles`` names the operators that pvtprof taught the counter.
    """

    counted: int
    by_module: Mapping[str, int]
    skipped: Mapping[str, int]
    handles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observation:
    """All that is exact of one module, as witnesses saw it: no formula, no clock.

    ``executed`` maps torch's operators to how often one forward pass runs them; ``peak`` is of a
    forward pass or of a training step, as the workload's mode says.
    """

    params: int
    counts: Mapping[str, Count]
    executed: Mapping[str, int]
    peak: Moment
    saved_bytes: int
