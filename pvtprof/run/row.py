"""One row of a run: what formulas, counters, memory and the clock say of one part of a design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pvtprof.designs.part import Scope
from pvtprof.designs.setting import DTYPES
from pvtprof.moment import Moment
from pvtprof.observe.measurement import Measurement
from pvtprof.predict.prediction import Prediction


@dataclass(frozen=True, slots=True)
class Agreement:
    """A formula, in a counter's convention, beside that counter; in total and by module."""

    formula: int
    counted: int
    by_module: Mapping[str, tuple[int, int]]
    skipped: Mapping[str, int]
    handles: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether formula and counter agree, in total and in every module: no tolerance."""
        return self.formula == self.counted and not self.differing

    @property
    def differing(self) -> tuple[str, ...]:
        """The modules for which formula and counter do not agree."""
        return tuple(name for name, (ours, theirs) in self.by_module.items() if ours != theirs)


@dataclass(frozen=True, slots=True)
class OpCost:
    """One operator of a row: all its runs together, in elements; ``times`` is how often it runs.

    ``predicted_s`` is what all its runs should take; ``bound`` says what it waits for: "compute",
    "bandwidth" or "overhead"; None where no calibration was asked. ``measured_s`` is what they took
    by themselves while the module ran; None where operators were not timed.
    """

    name: str
    kind: str
    macs: int
    params: int
    read: int
    written: int
    times: int = 1
    predicted_s: float | None = None
    bound: str | None = None
    measured_s: float | None = None

    def intensity(self, dtype: str) -> float:
        """Arithmetic intensity: FLOPs (two a MAC) for each byte moved; 0 where nothing is."""
        moved = self.read + self.written
        return 2 * self.macs / (DTYPES[dtype] * moved) if moved else 0.0


@dataclass(frozen=True, slots=True)
class Allocated:
    """Peak bytes of CUDA's allocator in one call: by formula, in its blocks, and as it says.

    The rest is what no tensor of the formula shows: workspaces of cuBLAS and cuDNN, other kernels
    than the CPU's (fused attention), and large blocks that the allocator does not split.
    """

    formula: int
    observed: int

    @property
    def rest(self) -> int:
        """Bytes that the formula does not know of."""
        return self.observed - self.formula


@dataclass(frozen=True, slots=True)
class Row:
    """One attention module, or one whole model, with one attention design.

    ``peak`` and ``saved_bytes`` are closed forms, of inference and of what a training forward pass
    keeps for backward; ``..._observed`` is what the witness of live storages saw.
    ``runs_as`` is the design that really runs: ``sra_conv`` with R = 1 and any reduction beside
    v1's class token are plain ``mha``. ``tokens`` and ``kv_tokens`` are None for a model.
    """

    scope: Scope
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
    ops: tuple[OpCost, ...]
    peak: Moment
    counts: Mapping[str, Agreement] = field(default_factory=dict)
    params_counted: int | None = None
    saved_bytes: int = 0
    peak_observed: Moment | None = None
    saved_observed_bytes: int | None = None
    allocated: Allocated | None = None
    latency: Measurement | None = None
    not_run: str | None = None
    predicted: Prediction | None = None

    @property
    def latency_median_s(self) -> float | None:
        """Median latency in seconds."""
        return self.latency.median if self.latency else None

    @property
    def parts_s(self) -> dict[str, float]:
        """Each operator's part of the median latency in seconds, by name; what lies between them is
        shared out as they are. Empty where they were not timed by themselves.
        """
        taken = {op.name: op.measured_s for op in self.ops if op.measured_s is not None}
        if not self.latency or not taken:
            return {}
        whole = sum(taken.values())
        return {name: seconds / whole * self.latency.median for name, seconds in taken.items()}

    @property
    def residuals(self) -> tuple[tuple[str, float, float, float], ...]:
        """Of each operator that was both timed by itself and predicted: its name, and seconds by
        itself, as a part of the latency, and as predicted.
        """
        parts = self.parts_s
        return tuple(
            (op.name, op.measured_s, parts[op.name], op.predicted_s)
            for op in self.ops
            if op.name in parts and op.measured_s and op.predicted_s
        )

    @property
    def latency_interval_s(self) -> tuple[float, float] | None:
        """95 % interval of the median latency in seconds; None where there is none."""
        return self.latency.interval if self.latency else None

    @property
    def predicted_s(self) -> float | None:
        """Predicted latency in seconds; None where no calibration was asked."""
        return self.predicted.seconds if self.predicted else None

    def moved_bytes(self, dtype: str) -> tuple[int, int]:
        """Bytes read and bytes written: each operand of each operator once."""
        size = DTYPES[dtype]
        return size * sum(op.read for op in self.ops), size * sum(op.written for op in self.ops)

    def intensity(self, dtype: str) -> float:
        """Arithmetic intensity: FLOPs (two a MAC) for each byte moved; the roofline's x."""
        return 2 * self.macs / sum(self.moved_bytes(dtype))

    @property
    def agrees(self) -> bool:
        """Whether every witness that ran agrees with the formula; True where none ran."""
        params = self.params_counted in (None, self.params)
        peak = self.peak_observed in (None, self.peak)
        saved = self.saved_observed_bytes in (None, self.saved_bytes)
        return params and peak and saved and all(found.equal for found in self.counts.values())
