"""One row of a run: formulas, counts and times of one part of a design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pvtprof.designs.checks import one_of
from pvtprof.designs.design import Design, TargetDesign
from pvtprof.designs.part import Part
from pvtprof.designs.setting import Setting
from pvtprof.designs.words import DTYPES
from pvtprof.errors import SpecError
from pvtprof.moment import Moment
from pvtprof.observe.measurement import Measurement
from pvtprof.observe.witness import Count
from pvtprof.predict.prediction import BOUNDS, Prediction


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

    def __post_init__(self) -> None:
        if self.bound is not None:
            one_of("bound", self.bound, BOUNDS)
        if self.measured_s is not None and not self.measured_s > 0:
            raise SpecError(f"measured_s is {self.measured_s}; use seconds of more than 0")

    def intensity(self, dtype: str) -> float:
        """Return the arithmetic intensity: FLOPs (two per MAC) a moved byte; 0 if none moves."""
        moved = self.read + self.written
        return 2 * self.macs / (DTYPES[dtype] * moved) if moved else 0.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """A formula beside what a witness saw, in the witness's own unit; in total and by place.

    ``by_module`` maps a submodule (of a peak of memory: the operator that holds it) to (formula,
    counted). ``skipped`` maps each operator that the witness does not count to its number of calls;
    ``handles`` names the operators that pvtprof taught it. ``is_exact`` is False for a witness that
    also sees what no formula describes: its difference is shown and is no disagreement.
    """

    formula: int
    counted: int
    by_module: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    handles: tuple[str, ...] = ()
    is_exact: bool = True

    @property
    def equal(self) -> bool:
        """Whether formula and witness agree, in total and in every place: no tolerance."""
        return self.formula == self.counted and not self.differing

    @property
    def rest(self) -> int:
        """What the witness saw beyond the formula."""
        return self.counted - self.formula

    @property
    def differing(self) -> tuple[str, ...]:
        """The places for which formula and witness do not agree."""
        return tuple(name for name, (ours, theirs) in self.by_module.items() if ours != theirs)


def joined(formula: Mapping[str, int], count: Count, is_exact: bool = True) -> Agreement:
    """Return formula and count by submodule; one that a side lacks is 0 there."""
    places = dict.fromkeys((*formula, *count.by_module))
    by_module = {name: (formula.get(name, 0), count.by_module.get(name, 0)) for name in places}
    return Agreement(
        sum(formula.values()), count.counted, by_module, count.skipped, count.handles, is_exact
    )


#: Fields of a row that stand in a file as they are.
AS_THEY_ARE = (
    *("runs_as", "dim", "num_heads", "sr_ratio", "blocks", "grid", "tokens", "kv_tokens"),
    *("macs", "params"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One part of a design in one setting, with all its figures.

    ``peak`` and ``saved_bytes`` are closed forms, of the setting's mode and of what a training
    forward pass keeps for backward. ``witnesses`` maps the name of a witness to its figure beside
    the formula's. ``runs_as`` is the attention that really runs: ``sra_conv`` with R = 1 and any
    reduction beside v1's class token are plain ``mha``. What only an attention module has (``dim``
    to ``kv_tokens``) is None for a whole model. ``backend`` is the kernel of fused attention that a
    GPU ran: "flash", "efficient", "cudnn", or "math". ``moved`` are bytes read and written where no
    operators are listed: of a user's own module and its submodules. There ``saved_bytes`` is known
    of the whole in training alone, and ``remarks`` say what must be known of the form.
    """

    design: Design
    part: Part
    setting: Setting
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
    saved_bytes: int | None = 0
    witnesses: Mapping[str, Agreement] = field(default_factory=dict)
    latency: Measurement | None = None
    predicted: Prediction | None = None
    not_run: str | None = None
    backend: str | None = None
    moved: tuple[int, int] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the row in messages: "stage 1 sra_conv"."""
        return f"{self.part} {self.design.name}"

    @property
    def key(self) -> tuple[Design, Part, Setting]:
        """What tells it from every other row of a run."""
        return self.design, self.part, self.setting

    @property
    def latency_median_s(self) -> float | None:
        """Median latency in seconds."""
        return self.latency.median if self.latency else None

    @property
    def is_doubtful(self) -> bool:
        """Whether it was timed, and that time cannot be trusted."""
        return self.latency is not None and self.latency.is_doubtful

    @property
    def parts_s(self) -> dict[str, float]:
        """Each operator's part of the median latency in seconds, by name; what lies between them is
        shared out as they are. Empty where they were not timed by themselves.
        """
        measured = {op.name: op.measured_s for op in self.ops if op.measured_s is not None}
        if not self.latency:
            return {}
        whole = sum(measured.values())
        return {name: seconds / whole * self.latency.median for name, seconds in measured.items()}

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

    @property
    def moved_bytes(self) -> tuple[int, int]:
        """Bytes read and bytes written: each operand of each operator once."""
        if self.moved is not None:
            return self.moved
        size = self.setting.bytes_each
        return size * sum(op.read for op in self.ops), size * sum(op.written for op in self.ops)

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: FLOPs (two per MAC) for each byte moved; the roofline's x."""
        moved = sum(self.moved_bytes)
        return 2 * self.macs / moved if moved else 0.0

    @property
    def is_own(self) -> bool:
        """Whether it is of a user's own module."""
        return isinstance(self.design, TargetDesign)

    @property
    def agrees(self) -> bool:
        """Whether every exact witness that ran agrees with its formula; True where none ran."""
        return all(found.equal for found in self.witnesses.values() if found.is_exact)
