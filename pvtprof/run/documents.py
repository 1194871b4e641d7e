"""The JSON of a run as typed documents, schema ``pvtprof.run/2``.

Fields without a default are in every file. A document is valid once it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct, structs

from pvtprof.designs.checks import one_of
from pvtprof.designs.design import Design, PvtDesign, TargetDesign
from pvtprof.designs.part import Part, own_part
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.errors import SpecError
from pvtprof.moment import Moment
from pvtprof.observe.machine import Environment
from pvtprof.observe.measurement import Measurement
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.prediction import Ceilings, Prediction
from pvtprof.run.row import AS_THEY_ARE, Agreement, OpCost, Row
from pvtprof.run.run import Run


class PvtDocument(Struct, frozen=True, tag="pvt", tag_field="kind"):
    """A design of PVT: what tables call it, and all that builds it again."""

    name: str
    spec: ModelSpec

    @property
    def design(self) -> Design:
        """Return the design itself."""
        return PvtDesign(self.name, self.spec)


class TargetSpec(Struct, frozen=True):
    """Where a module of the user's own comes from."""

    target: str | None = None
    free: str | None = None
    shape: tuple[int | str, ...] = ()


class TargetDocument(Struct, frozen=True, tag="target", tag_field="kind"):
    """A module of the user's own."""

    name: str
    spec: TargetSpec

    @property
    def design(self) -> Design:
        """Return the design itself."""
        return TargetDesign(self.name, self.spec.target, self.spec.free, self.spec.shape)


class SettingDocument(Struct, frozen=True):
    """A setting; ``sizes`` are the free sizes of a user's own module."""

    height: int
    width: int
    batch: int = 1
    dtype: str = "float32"
    device: str = "none"
    attention: str = "eager"
    mode: str = "inference"
    optimizer: str = "none"
    amp: str = "off"
    checkpoint: bool = False
    sizes: Mapping[str, int] = {}

    def __post_init__(self) -> None:
        self.setting  # noqa: B018 # raises where it cannot be

    @property
    def setting(self) -> Setting:
        """Return the setting itself."""
        return Setting(**structs.asdict(self) | {"sizes": tuple(self.sizes.items())})


class MovedDocument(Struct, frozen=True):
    """Bytes read and bytes written."""

    read: int
    written: int


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
    saved_bytes: int | None
    peak_bytes: int
    peak_at: str
    witnesses: Mapping[str, Agreement]
    ops: tuple[OpCost, ...]
    latency_s: Measurement | None = None
    predicted_s: Prediction | None = None
    not_run: str | None = None
    backend: str | None = None
    moved_bytes: MovedDocument | None = None
    remarks: tuple[str, ...] = ()

    def row(self, design: Design, setting: Setting) -> Row:
        """Return the row itself."""
        is_own, moved = isinstance(design, TargetDesign), self.moved_bytes
        part = own_part(self.part) if is_own else _part_of(design, self.part)
        if bool(setting.sizes) != is_own:
            raise SpecError(f"a setting {'without' if is_own else 'with'} sizes is of others")
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
            moved=(moved.read, moved.written) if moved and is_own else None,
            remarks=self.remarks,
        )


def _part_of(design: Design, name: str) -> Part:
    """The part of a PVT design that has a name."""
    parts = {part.name: part for part in design.parts} if isinstance(design, PvtDesign) else {}
    return parts[one_of("part", name, tuple(parts))]


class RunDocument(Struct, dict=True):
    """A whole run; ``run`` is the value that it holds."""

    environment: Environment
    designs: tuple[PvtDocument | TargetDocument, ...]
    settings: tuple[SettingDocument, ...]
    rows: tuple[RowDocument, ...]
    command: str
    interrupted: bool
    ceilings: Ceilings | None = None
    failure: str | None = None
    forms: Mapping[str, Mapping[str, str]] = {}
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        self.run  # noqa: B018 # raises where it cannot be

    @cached_property
    def run(self) -> Run:
        """Return the run itself."""
        designs = tuple(one.design for one in self.designs)
        rows = tuple(self._row(i, row, designs) for i, row in enumerate(self.rows))
        if self.calibration and (missing := self.calibration.missing):
            raise SpecError(f"calibration has no field quality.{missing}")
        if len({row.key for row in rows}) != len(rows):
            raise SpecError("rows are not distinct: two are of one design, part and setting")
        return Run(
            self.environment,
            rows,
            self.command,
            self.interrupted,
            self.ceilings,
            self.failure,
            self.forms,
            self.calibration,
        )

    def _row(self, number: int, found: RowDocument, designs: tuple[Design, ...]) -> Row:
        for name, which, there in (
            ("design", found.design, designs),
            ("setting", found.setting, self.settings),
        ):
            if which >= len(there):
                raise SpecError(f"rows[{number}].{name} is {which}; there are {len(there)} {name}s")
        try:
            return found.row(designs[found.design], self.settings[found.setting].setting)
        except SpecError as error:
            raise SpecError(f"rows[{number}]: {error}") from None
