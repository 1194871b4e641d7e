"""How a run is measured, as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pvtprof.designs.words import DEFAULT_BUDGET_S
from pvtprof.errors import SpecError

#: What is told of how far a run is.
Progress: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measuring:
    """How a run is measured: on which device, for how long, with CUDA graphs and TF32 or without.

    ``budget_s`` are seconds for all comparisons together; 0 measures no latency.
    """

    device: str = "auto"
    budget_s: float = DEFAULT_BUDGET_S
    cuda_graph: bool = False
    tf32: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.budget_s, int | float) or not 0 <= self.budget_s < float("inf"):
            raise SpecError(f"budget is {self.budget_s!r} s; use 0 or more, such as 30")
