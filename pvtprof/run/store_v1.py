"""The JSON of schema ``pvtprof.run/1`` as it is, in typed documents.

Fields without a default are in every file; fields with a default came with a later version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct, structs

from pvtprof.decode import decoded
from pvtprof.designs.checks import one_of
from pvtprof.designs.part import SCOPES, Scope
from pvtprof.designs.setting import Workload
from pvtprof.errors import SpecError
from pvtprof.observe.machine import Environment
from pvtprof.predict.prediction import Ceilings
from pvtprof.predict.roofline import BOUNDS

SCHEMA = "pvtprof.run/1"
#: A duration that was measured, in seconds.
Seconds = Annotated[float, Meta(gt=0, le=1e12)]


class WorkloadDocument(Struct, frozen=True):
    """A workload with every field said; what cannot run is refused."""

    model: str
    height: int
    width: int
    sr_ratios: tuple[int, ...]
    batch: int
    dtype: str
    device: str
    attention: str
    mode: str
    pool_size: int

    def __post_init__(self) -> None:
        self.workload()

    def workload(self) -> Workload:
        """Return the workload itself."""
        return Workload(**structs.asdict(self))


class AgreementDocument(Struct, frozen=True):
    """A formula beside a counter; ``by_module`` has (formula, counted)."""

    formula: int
    counted: int
    by_module: Mapping[str, tuple[int, int]]
    skipped: Mapping[str, int]
    handles: tuple[str, ...]


class PeakDocument(Struct, frozen=True):
    """Peak bytes by formula and as observed, each with the operator where it is."""

    formula: int
    at: str
    observed: int | None = None
    observed_at: str | None = None

    def __post_init__(self) -> None:
        if self.observed is not None and self.observed_at is None:
            raise SpecError("there is no field observed_at")


class SavedDocument(Struct, frozen=True):
    """Bytes that a training forward pass keeps, by formula and as observed."""

    formula: int
    observed: int | None


class AllocatedDocument(Struct, frozen=True):
    """Peak bytes of CUDA's allocator, by formula and as observed."""

    formula: int
    observed: int


class PredictionDocument(Struct, frozen=True):
    """Predicted seconds, their interval, and what simpler models say."""

    seconds: float
    low: float
    high: float
    rungs: Mapping[str, float]


class LatencyDocument(Struct, frozen=True):
    """Samples in seconds, what disturbed them, and what was predicted; either may be absent."""

    samples: tuple[Seconds, ...] | None = None
    calls: int | None = None
    switches: int | None = None
    faults: int | None = None
    series: Mapping[str, tuple[float, ...]] | None = None
    stopped: str | None = None
    predicted: PredictionDocument | None = None

    def __post_init__(self) -> None:
        if self.samples is None:
            return
        if not self.samples:
            raise SpecError("samples is empty")
        if self.calls is None:
            raise SpecError("there is no field calls")
        if any(len(values) != len(self.samples) for values in (self.series or {}).values()):
            raise SpecError("series are not as long as samples")


class OpDocument(Struct, frozen=True):
    """One operator of a row."""

    name: str
    kind: str
    macs: int
    params: int
    read: int
    written: int
    times: int
    predicted_s: float | None = None
    bound: str | None = None
    measured_s: Seconds | None = None

    def __post_init__(self) -> None:
        if self.bound is not None:
            one_of("bound", self.bound, BOUNDS)


class RowDocument(Struct, frozen=True):
    """One attention module of a stage, or the whole model (no stage and no grid)."""

    variant: str
    runs_as: str
    dim: int | None
    num_heads: int | None
    sr_ratio: int | None
    blocks: int
    tokens: int | None
    kv_tokens: int | None
    macs: int
    params: int
    counts: Mapping[str, AgreementDocument | None]
    params_counted: int | None
    peak_bytes: PeakDocument
    saved_bytes: SavedDocument
    ops: tuple[OpDocument, ...]
    stage: int | None = None
    grid: tuple[int, int] | None = None
    allocated_bytes: AllocatedDocument | None = None
    latency_s: LatencyDocument | None = None
    not_run: str | None = None

    def __post_init__(self) -> None:
        if (self.stage is None) != (self.grid is None):
            raise SpecError(f"grid does not go with stage {self.stage}")


class RunDocument(Struct, frozen=True):
    """A whole run: the rows are those of four stages and the model, in three designs each."""

    workload: WorkloadDocument
    environment: Environment
    rows: tuple[RowDocument, ...]
    command: str
    interrupted: bool
    ceilings: Ceilings | None = None

    def __post_init__(self) -> None:
        if tuple(Scope(row.stage, row.variant) for row in self.rows) != SCOPES:
            raise SpecError(
                "rows are not those of four stages and the model, in three designs each"
            )


def document(text: str, name: str, way_out: str) -> RunDocument:
    """Return the run in JSON text; raises StoreError for any other text."""
    return decoded(text, name, SCHEMA, RunDocument, way_out)
