"""What the exact witnesses say of one module, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pvtprof.moment import Moment


@dataclass(frozen=True, slots=True)
class Count:
    """What a witness said of one module, in its own unit or convention.

    ``by_module`` maps a submodule (dotted, the indices of repeated blocks left out) to its own
    count; ``skipped`` maps each operator that the counter does not count to its number of calls;
    ``handles`` names the operators that pvtprof taught the counter.
    """

    counted: int
    by_module: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    handles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observation:
    """All that is exact of one module, as witnesses saw it: no formula, no clock.

    ``executed`` maps torch's operators to how often one forward pass runs them; ``peak`` is of a
    forward pass or of a training step, as the workload's mode says; both are None where the
    witness of live memory cannot follow. ``failures`` maps each witness that cannot follow the
    module to the reason.
    """

    params: int
    counts: Mapping[str, Count]
    executed: Mapping[str, int]
    peak: Moment | None
    saved_bytes: int | None
    failures: Mapping[str, str] = field(default_factory=dict)
