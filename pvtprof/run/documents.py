"""The JSON of a run as typed documents, schema ``pvtprof.run/2``.

Fields without a default are in every file. A document is valid once it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from msgspec import Struct

from pvtprof.designs.checks import one_of
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.errors import SpecError
from pvtprof.moment import Moment
from pvtprof.observe.machine import Environment
from pvtprof.observe.measurement import Measurement
from pvtprof.predict.prediction import Ceilings, Prediction
from pvtprof.run.row import AS_THEY_ARE, Agreement, OpCost, Row
from pvtprof.run.run import Run


class DesignDocument(Struct, frozen=True):
    """A design: what tables call it, and all that builds it again."""

    name: str
    kind: Literal["pvt"]
    spec: ModelSpec


class RowDocument(Struct, frozen=True):
    """A row, which names its design and its setting by position."""

    design: int
    part: str
    setting: int
    runs_as: str
    dim: int | None
    num_heads: int | None
    sr_ratio: int | None
    blocks: int
    grid: tuple[int, int] | None
    tokens: int | None
    kv_tokens: int | None
    macs: int
    params: int
    saved_bytes: int
    peak_bytes: int
    peak_at: str
    witnesses: Mapping[str, Agreement]
    ops: tuple[OpCost, ...]
    latency_s: Measurement | None = None
    predicted_s: Prediction | None = None
    not_run: str | None = None
    backend: str | None = None

    def row(self, design: PvtDesign, setting: Setting) -> Row:
        """Return the row itself."""
        parts = {part.name: part for part in design.parts}
        part = parts[one_of("part", self.part, tuple(parts))]
        if (part.stage is None) != (self.grid is None):
            raise SpecError(f"grid does not go with {part}")
        return Row(
            design=design,
            part=part,
            setting=setting,
            **{name: getattr(self, name) for name in (*AS_THEY_ARE, "ops", "not_run")},
            peak=Moment(self.peak_bytes, self.peak_at),
            saved_bytes=self.saved_bytes,
            witnesses=self.witnesses,
            latency=self.latency_s,
            predicted=self.predicted_s,
            backend=self.backend,
        )


class RunDocument(Struct, dict=True):
    """A whole run; ``run`` is the value that it holds."""

    environment: Environment
    designs: tuple[DesignDocument, ...]
    settings: tuple[Setting, ...]
    rows: tuple[RowDocument, ...]
    command: str
    interrupted: bool
    ceilings: Ceilings | None = None
    failure: str | None = None

    def __post_init__(self) -> None:
        self.run  # noqa: B018 # raises where it cannot be

    @cached_property
    def run(self) -> Run:
        """Return the run itself."""
        designs = tuple(PvtDesign(one.name, one.spec) for one in self.designs)
        rows = tuple(self._row(i, row, designs) for i, row in enumerate(self.rows))
        if len({row.key for row in rows}) != len(rows):
            raise SpecError("rows are not distinct: two are of one design, part and setting")
        return Run(
            self.environment, rows, self.command, self.interrupted, self.ceilings, self.failure
        )

    def _row(self, number: int, found: RowDocument, designs: tuple[PvtDesign, ...]) -> Row:
        for name, which, there in (
            ("design", found.design, designs),
            ("setting", found.setting, self.settings),
        ):
            if which >= len(there):
                raise SpecError(f"rows[{number}].{name} is {which}; there are {len(there)} {name}s")
        try:
            return found.row(designs[found.design], self.settings[found.setting])
        except SpecError as error:
            raise SpecError(f"rows[{number}]: {error}") from None
