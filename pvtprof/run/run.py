"""A run: its rows, and the environment in which they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pvtprof.designs.design import Design
from pvtprof.designs.part import MODEL, Part, attention_of
from pvtprof.designs.setting import Setting
from pvtprof.errors import SpecError
from pvtprof.observe.machine import WITHHELD, Environment
from pvtprof.predict.prediction import Ceilings
from pvtprof.run.row import Row

if TYPE_CHECKING:
    from pvtprof.predict.calibration import Calibration


@dataclass(frozen=True)
class Run:
    """One run of ``pvtprof compare``: any number of rows, and the environment they were made in.

    Rows of one model in one setting belong together: see ``comparisons``. ``interrupted`` tells
    whether Ctrl-C ended the measuring early. ``ceilings`` are those of the calibration that
    predicted; None where none did. ``failure`` says why a GPU could not be asked to the end.
    ``forms`` are the derived closed forms of users' own modules as JSON text, by design and mode.
    ``calibration`` is the one that predicted; None also in files of earlier versions.
    """

    environment: Environment
    rows: tuple[Row, ...]
    command: str = ""
    interrupted: bool = False
    ceilings: Ceilings | None = None
    failure: str | None = None
    forms: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        if not self.rows:
            raise SpecError("a run has no rows; name at least one model and one size")

    @cached_property
    def by_key(self) -> dict[tuple[Design, Part, Setting], Row]:
        """The rows by design, part and setting."""
        return {row.key: row for row in self.rows}

    @cached_property
    def designs(self) -> tuple[Design, ...]:
        """The designs compared, in the order of the rows."""
        return tuple(dict.fromkeys(row.design for row in self.rows))

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """The settings in which they ran, in the order of the rows."""
        return tuple(dict.fromkeys(row.setting for row in self.rows))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts that have rows, in the order of the rows."""
        return tuple(dict.fromkeys(row.part for row in self.rows))

    @property
    def setting(self) -> Setting:
        """The setting of the run; of several comparisons, that of the first."""
        return self.rows[0].setting

    @property
    def model(self) -> str:
        """The name of the network; of several comparisons, that of the first."""
        return self.rows[0].design.model

    @cached_property
    def comparisons(self) -> tuple[Run, ...]:
        """The run split by model and setting; the designs of a comparison share a table.

        Modules of the user's own are one comparison. A run of one model in one setting is its own
        only comparison.
        """
        groups: dict[tuple[str, Setting] | None, list[Row]] = {}
        for row in self.rows:
            key = None if row.is_own else (row.design.model, row.setting)
            groups.setdefault(key, []).append(row)
        if len(groups) == 1:
            return (self,)
        return tuple(replace(self, rows=tuple(rows)) for rows in groups.values())

    def row(self, stage: int | None, design: str) -> Row:
        """Return the row of one stage (None: the whole model) and one design, by its name.

        Of a run of several comparisons, ask one of its ``comparisons``. Raises SpecError where
        there is no such row, or more than one.
        """
        part = MODEL if stage is None else attention_of(stage)
        found = [row for row in self.rows if (row.part, row.design.name) == (part, design)]
        if len(found) != 1:
            names = ", ".join(sorted({row.name for row in self.rows}))
            reason = f"is in {len(found)} comparisons: ask one of them" if found else "is not there"
            raise SpecError(f"row {part} {design} {reason}; rows are {names}")
        return found[0]

    @property
    def is_own(self) -> bool:
        """Whether a run of one comparison is of modules of the user's own."""
        return self.rows[0].is_own

    @cached_property
    def variants(self) -> tuple[str, ...]:
        """The names of the designs, in the order of the tables."""
        return tuple(dict.fromkeys(design.name for design in self.designs))

    @property
    def reference(self) -> str:
        """The name of the design that the others are compared with: the first."""
        return self.variants[0]

    @property
    def memory_bytes(self) -> int | None:
        """The memory of the device, or of the one for which times are predicted; None: unknown."""
        its = self.calibration.environment.memory_bytes if self.calibration else None
        return self.environment.memory_bytes or its

    @property
    def agrees(self) -> bool:
        """Whether every witness agrees with its formula in every row."""
        return all(row.agrees for row in self.rows)

    @property
    def counted(self) -> bool:
        """Whether any witness ran."""
        return any(row.witnesses for row in self.rows)

    @property
    def measured(self) -> bool:
        """Whether any latency was taken."""
        return any(row.latency for row in self.rows)

    def anonymous(self) -> Run:
        """Return the same run without device, driver, memory, system, commit and date."""
        its = self.calibration
        if its is not None:
            its = replace(its, environment=_withheld(its.environment))
        return replace(self, environment=_withheld(self.environment), calibration=its)


def _withheld(environment: Environment) -> Environment:
    return replace(
        environment,
        date=WITHHELD,
        system=WITHHELD,
        device=WITHHELD,
        driver=None,
        memory_bytes=None,
        commit=None,
    )
