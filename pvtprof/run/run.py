"""A run: its rows, and the environment in which they were made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from pvtprof.designs.part import Scope
from pvtprof.designs.setting import Workload
from pvtprof.designs.spec import VARIANTS
from pvtprof.observe.machine import WITHHELD, Environment
from pvtprof.predict.prediction import Ceilings
from pvtprof.run.row import Row


@dataclass(frozen=True)
class Run:
    """One run of ``pvtprof compare``: workload, environment, rows in the order of the tables.

    ``interrupted`` tells whether Ctrl-C ended the measuring early. ``ceilings`` are those of the
    calibration that predicted; None where none did.
    """

    workload: Workload
    environment: Environment
    rows: tuple[Row, ...]
    command: str = ""
    interrupted: bool = False
    ceilings: Ceilings | None = None

    @cached_property
    def by_scope(self) -> dict[Scope, Row]:
        """Rows by what they are of."""
        return {row.scope: row for row in self.rows}

    def row(self, stage: int | None, variant: str) -> Row:
        """The row of one stage (None: the whole model) and one variant."""
        return self.by_scope[Scope(stage, variant)]

    @property
    def variants(self) -> tuple[str, ...]:
        """The attention designs compared, in the order of the tables."""
        return tuple(v for v in VARIANTS if Scope(None, v) in self.by_scope)

    @property
    def agrees(self) -> bool:
        """Whether every witness agrees with its formula in every row."""
        return all(row.agrees for row in self.rows)

    @property
    def measured(self) -> bool:
        """Whether any latency was taken."""
        return any(row.latency for row in self.rows)

    def anonymous(self) -> Run:
        """The same run without what tells whose it is: device, driver, memory, system, date."""
        nowhere = replace(
            self.environment, date=WITHHELD, system=WITHHELD, device=WITHHELD,
            driver=None, memory_bytes=None, commit=None,
        )  # fmt: skip
        return replace(self, environment=nowhere)
