"""The JSON of schema ``pvtprof.run/1`` as it is, in typed documents.

Fields without a default are in every file; fields with a default came with a later version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, structs

from pvtprof.designs.part import MODEL, attention_of
from pvtprof.designs.published import model_spec
from pvtprof.designs.workload import Workload
from pvtprof.errors import SpecError
from pvtprof.moment import Moment
from pvtprof.observe.machine import Environment
from pvtprof.observe.measurement import Measurement
from pvtprof.observe.witness import Count
from pvtprof.predict.prediction import Ceilings, Prediction
from pvtprof.run.row import AS_THEY_ARE, Agreement, OpCost, Row, joined
from pvtprof.run.run import Run

SCHEMA = "pvtprof.run/1"
#: The designs that a run of this schema has.
VARIANTS_V1 = ("mha", "sra_conv", "sra_pool")


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
        return Workload(**structs.asdict(self) | {"model": model_spec(self.model)})


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


class LatencyDocument(Struct, frozen=True):
    """Samples in seconds, what disturbed them, and what was predicted; either may be absent."""

    samples: tuple[float, ...] | None = None
    calls: int | None = None
    switches: int | None = None
    faults: int | None = None
    series: Mapping[str, tuple[float, ...]] | None = None
    stopped: str | None = None
    predicted: Prediction | None = None

    def __post_init__(self) -> None:
        self.measurement  # noqa: B018 # raises where it cannot be

    @property
    def measurement(self) -> Measurement | None:
        """What was measured; None where nothing was."""
        if self.samples is None:
            return None
        if self.calls is None:
            raise SpecError("there is no field calls")
        return Measurement(
            self.samples, self.calls, self.switches, self.faults, self.series or {}, self.stopped
        )


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
    counts: Mapping[str, Agreement | None]
    params_counted: int | None
    peak_bytes: PeakDocument
    saved_bytes: SavedDocument
    ops: tuple[OpCost, ...]
    stage: int | None = None
    grid: tuple[int, int] | None = None
    allocated_bytes: AllocatedDocument | None = None
    latency_s: LatencyDocument | None = None
    not_run: str | None = None

    def __post_init__(self) -> None:
        if (self.stage is None) != (self.grid is None):
            raise SpecError(f"grid does not go with stage {self.stage}")

    def row(self, asked: Workload) -> Row:
        """Return the row itself."""
        latency = self.latency_s or LatencyDocument()
        return Row(
            design=asked.design(self.variant),
            part=MODEL if self.stage is None else attention_of(self.stage),
            setting=asked.setting,
            **{name: getattr(self, name) for name in (*AS_THEY_ARE, "ops", "not_run")},
            peak=Moment(self.peak_bytes.formula, self.peak_bytes.at),
            saved_bytes=self.saved_bytes.formula,
            witnesses=dict(self._witnesses()),
            latency=latency.measurement,
            predicted=latency.predicted,
        )

    def _witnesses(self) -> Iterator[tuple[str, Agreement]]:
        """Yield each counter with its name of today."""
        yield from (
            (name, count) for name in ("fvcore", "torch") if (count := self.counts.get(name))
        )
        peak, saved, allocated = self.peak_bytes, self.saved_bytes, self.allocated_bytes
        if self.params_counted is not None:
            pair = self.params, self.params_counted
            yield "params", Agreement(*pair, {"": pair})
        if peak.observed is not None:
            observed = {peak.observed_at or "": peak.observed}
            yield "peak bytes", joined({peak.at: peak.formula}, Count(peak.observed, observed))
        if saved.observed is not None:
            pair = saved.formula, saved.observed
            yield "saved bytes", Agreement(*pair, {"": pair})
        if allocated:
            yield "allocator", Agreement(allocated.formula, allocated.observed, is_exact=False)


class RunDocument(Struct, frozen=True):
    """A whole run: the rows are those of four stages and the model, in three designs each."""

    workload: WorkloadDocument
    environment: Environment
    rows: tuple[RowDocument, ...]
    command: str
    interrupted: bool
    ceilings: Ceilings | None = None

    def __post_init__(self) -> None:
        stages = (1, 2, 3, 4, None)
        found = [(row.stage, row.variant) for row in self.rows]
        if found != [(stage, variant) for stage in stages for variant in VARIANTS_V1]:
            raise SpecError(
                "rows are not those of four stages and the model, in three designs each"
            )

    @property
    def run(self) -> Run:
        """Return the run itself."""
        asked = self.workload.workload()
        rows = tuple(row.row(asked) for row in self.rows)
        return Run(self.environment, rows, self.command, self.interrupted, self.ceilings)
