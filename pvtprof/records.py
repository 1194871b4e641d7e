"""The values that a run is made of; see "The file" in README for the JSON that holds them.

Every number is a plain ``int`` or ``float`` in base units (elements, bytes, seconds). A figure that
was not taken is ``None``, and ``not_run`` says why.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any

from pvtprof import units
from pvtprof.spec import DTYPES, VARIANTS, Workload

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

#: The counters, by the names under which their counts are kept.
WITNESSES = ("fvcore", "torch")
#: Fewest samples from which a 95 % interval of a median exists (order statistics: 2 / 2^6 < 5 %).
FEWEST_FOR_INTERVAL = 6
#: An interval wider than this share of its median is doubtful.
WIDE = 0.10
#: More involuntary context switches a second are other programs at work.
MANY_SWITCHES = 100
#: So many threads beyond the number of cores, on average, disturb.
CROWDED = 0.5
#: Wall time over the kernels' own from which on a GPU waits for launches.
LAUNCH_BOUND = 1.2
#: What an anonymous run says in place of a device or a date.
WITHHELD = "withheld"
#: glibc maps every block of 32 MiB or more afresh: more in a call shows in its time.
MUCH_MAPPED = 2**24


@dataclass(frozen=True, slots=True)
class Scope:
    """Which row: one attention module of a stage (1 to 4), or the whole model (stage None)."""

    stage: int | None
    variant: str

    @property
    def kind(self) -> str:
        """ "attention" or "model"."""
        return "model" if self.stage is None else "attention"

    def __str__(self) -> str:
        return f"{'model' if self.stage is None else f'stage {self.stage}'} {self.variant}"


#: Where figures are taken, in the order of every table: stages 1 to 4, and the whole model.
PLACES = (1, 2, 3, 4, None)
#: The rows of every run, in their order.
SCOPES = tuple(Scope(stage, variant) for stage in PLACES for variant in VARIANTS)


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


@dataclass(frozen=True)
class Measurement:
    """Latency samples in seconds, each the mean of ``calls`` calls; nothing is thrown away.

    Wall time on a CPU, the device's time on CUDA. ``switches`` and ``faults`` are what disturbed
    the process in all samples together: involuntary context switches, and page faults; None where
    the system or the file does not say. ``series`` has what else was seen with each sample, by
    name: "cpu" (processor time of all threads, seconds), "crowd" (threads that wanted to run,
    beyond the number of cores), and on CUDA "wall", "graph" (of a CUDA graph's replay), "sm_mhz",
    "celsius", "throttled".
    ``stopped`` says what ended the measuring: "interval" (narrow enough), "budget" or "rounds".
    """

    samples: tuple[float, ...]
    calls: int = 1
    switches: int | None = None
    faults: int | None = None
    series: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    stopped: str | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful about the samples, each with a remedy."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[str]:
        if self.interval is None:
            yield (
                f"{len(self.samples)} samples are too few for a 95 % interval "
                f"({FEWEST_FOR_INTERVAL} are needed); raise --budget"
            )
        elif self.interval[1] - self.interval[0] > WIDE * self.median:
            width = 100 * (self.interval[1] - self.interval[0]) / self.median
            yield f"the 95 % interval is {width:.0f} % wide; close other programs or raise --budget"
        seconds = sum(self.samples) * self.calls
        if (self.switches or 0) > MANY_SWITCHES * max(seconds, 0.1):
            rate = (self.switches or 0) / seconds
            yield f"interrupted {rate:.0f} times a second; close other programs"
        if (crowd := self.mean("crowd") or 0.0) > CROWDED:
            yield (
                f"{crowd:.1f} more threads wanted to run than there are cores, on average; close "
                "other programs"
            )
        if self.mapped_bytes > MUCH_MAPPED:
            yield (
                f"{units.size(self.mapped_bytes)} of memory are mapped afresh in each call, which "
                "takes time; MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=1000000000000 before the "
                "command spares that"
            )
        yield from self._device_warnings()

    def _device_warnings(self) -> Iterator[str]:
        if throttled := sum(self.series.get("throttled", ())):
            yield (
                f"{throttled:.0f} of {len(self.samples)} samples were taken while the GPU was "
                "throttled (power or heat); let it cool or lock its clocks with nvidia-smi -lgc"
            )
        wall, kernels = self.middle("wall"), self.middle("graph") or self.median
        if wall and wall > LAUNCH_BOUND * kernels:
            yield (
                f"launch-bound: {units.milliseconds(wall)} with launching, "
                f"{units.milliseconds(kernels)} on the device; a larger --batch or a CUDA graph "
                "would use the GPU"
            )

    def mean(self, name: str) -> float | None:
        """Mean of a series; None where it was not taken."""
        values = self.series.get(name)
        return sum(values) / len(values) if values else None

    def middle(self, name: str) -> float | None:
        """Median of a series; None where it was not taken."""
        values = self.series.get(name)
        return median(values) if values else None

    @property
    def mapped_bytes(self) -> int:
        """Bytes of memory that the system mapped anew in each call: page faults of 4 KiB.

        At least so many: where huge pages are always on, one fault maps more.
        """
        return 4096 * (self.faults or 0) // (len(self.samples) * self.calls)

    @cached_property
    def median(self) -> float:
        """Median of the samples, in seconds."""
        return median(self.samples)

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """A 95 % confidence interval of the median; None below 6 samples."""
        return median_interval(self.samples)


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """A 95 % confidence interval of the median from order statistics; None below 6 values.

    Source: ``scipy.stats.quantile_test``, exact for any distribution.
    """
    if len(values) < FEWEST_FOR_INTERVAL:
        return None
    from scipy.stats import quantile_test

    bounds: Any = quantile_test(values, p=0.5).confidence_interval(0.95)
    return float(bounds.low), float(bounds.high)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What the machine does at best: FLOPs a second in a matrix product, bytes a second in a copy
    (read and written)."""

    flops_per_s: float
    bytes_per_s: float

    def compute_s(self, macs: int) -> float:
        """Seconds of the arithmetic alone; two FLOPs a MAC."""
        return 2 * macs / self.flops_per_s

    def bandwidth_s(self, moved_bytes: int) -> float:
        """Seconds of moving the operands alone."""
        return moved_bytes / self.bytes_per_s


@dataclass(frozen=True, slots=True)
class Prediction:
    """Seconds of a forward pass that nobody ran, and between what nine in ten of them lie.

    ``rungs`` are what simpler models of the machine say: "flops", "roofline", "per operator".
    """

    seconds: float
    low: float
    high: float
    rungs: Mapping[str, float] = field(default_factory=dict)

    @property
    def by_predictor(self) -> dict[str, float]:
        """Seconds as each of them says, "calibrated" last."""
        return {**self.rungs, "calibrated": self.seconds}


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
class Moment:
    """Bytes of live tensors above input and parameters while an operator runs, with its own.

    ``at`` is a submodule and torch's name of the operator: ``block1.attn.scores mul``.
    """

    bytes: int
    at: str


def highest(moments: Iterable[Moment]) -> Moment:
    """The first moment with the most live bytes."""
    return max(moments, key=lambda moment: moment.bytes)


#: What a gate of `pvtprof check` can say of a row.
PASSED, FAILED, UNDECIDED, SKIPPED = "passed", "failed", "undecided", "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """One gate ("exact" or "latency") over one row: its status, and what it has to say."""

    row: str
    gate: str
    status: str
    lines: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a run was made. No host name, no user, no path.

    ``timed_with`` are the environment variables that pin the memory of the process that was timed.
    """

    pvtprof: str
    date: str
    python: str
    system: str
    device: str
    threads: int | None = None
    memory_bytes: int | None = None
    torch: str | None = None
    fvcore: str | None = None
    cuda: str | None = None
    driver: str | None = None
    commit: str | None = None
    timed_with: str | None = None


#: What of the environment must be the same for two times to mean something.
CONDITIONS = ("device", "driver", "cuda", "torch", "threads", "timed_with")


def differing(
    one: Environment, other: Environment
) -> Iterator[tuple[str, str | int | None, str | int | None]]:
    """(name, in one, in the other) of the conditions of timing in which two environments differ."""
    for name in CONDITIONS:
        a, b = getattr(one, name), getattr(other, name)
        if a != b:
            yield name, a, b


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

    def to_frame(self) -> pd.DataFrame:
        """A tidy pandas frame: one row a scope, one fact a column, units in the names."""
        from pvtprof.table import frame

        return frame(self)

    def anonymous(self) -> Run:
        """The same run without what tells whose it is: device, driver, memory, system, date."""
        nowhere = replace(
            self.environment, date=WITHHELD, system=WITHHELD, device=WITHHELD,
            driver=None, memory_bytes=None, commit=None,
        )  # fmt: skip
        return replace(self, environment=nowhere)

    def figures(self) -> dict[str, go.Figure]:
        """The charts of the report as plotly figures, by name: "macs", "latency", "shares", ..."""
        from pvtprof.figures import all_figures

        return all_figures(self)

    def save(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Write ``pvtprof.run/1`` JSON; never over a file that pvtprof did not write."""
        from pvtprof import files, store

        files.write(path, store.dumps(self), force, ".json")

    def to_html(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Write the report as one offline page; never over a file that pvtprof did not write."""
        from pvtprof import files
        from pvtprof.render.html import render

        files.write(path, render(self), force, ".html")

    def _repr_html_(self) -> Any:
        return self.to_frame().to_html(index=False)
