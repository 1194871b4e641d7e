"""What a calibration of a machine says: coefficients of every family of kernels, and how sure.

Predicts the latency of a forward pass from its operator list alone: without building or running
anything, and without torch.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median

from pvtprof import files
from pvtprof.decode import loaded
from pvtprof.designs.checks import one_of
from pvtprof.designs.words import DTYPES
from pvtprof.errors import SpecError, StoreError
from pvtprof.observe.machine import Environment, differing
from pvtprof.observe.measurement import MUCH_WAITED
from pvtprof.predict.kernels import FEATURES, Kernel
from pvtprof.predict.prediction import Ceilings, Prediction
from pvtprof.predict.roofline import ladder

SCHEMA = "pvtprof.calibration/1"
#: A calibration is doubtful from such a noise between rounds on; 3 % is usual on a calm machine.
MUCH_NOISE = 0.10
AGAIN = "make one with `pvtprof calibrate`"


@dataclass(frozen=True, slots=True)
class Fitted:
    """One family: the kind of its features, and seconds of each."""

    kind: str
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        needed = len(FEATURES[one_of("kind", self.kind, tuple(FEATURES))])
        if (found := len(self.coefficients)) != needed:
            raise SpecError(f"coefficients has {found} numbers; a {self.kind} has {needed}")

    def seconds(self, features: Sequence[float]) -> float:
        """Return the seconds of one call."""
        return math.fsum(map(float.__mul__, self.coefficients, features))


@dataclass(frozen=True, slots=True)
class Quality:
    """How well held-out samples of the calibration were met, for one kind of probe.

    ``low`` and ``high``: between these factors of its prediction lies 90 % of what was measured.
    ``error`` is the mean absolute percentage error as a share, ``noise`` that of one round against
    the median of the others; ``count`` probes were held out.
    """

    error: float
    noise: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Calibration:
    """A machine as the predictor sees it.

    Seconds of a forward pass: ``scale`` times those of its kernels by ``families``, and ``call_s``
    for each kernel; where launches do not wait (``overlaps``, CUDA) the larger of the two.
    ``rates`` maps a class of kernels to (FLOPs, bytes) a second that calibration saw.
    ``quality`` is of "attention" modules and of whole "model"s. ``waited`` is the share of its time
    for which the timed process had no core; None where the file does not say.
    """

    environment: Environment
    dtype: str
    families: Mapping[str, Fitted]
    scale: float
    call_s: float
    overlaps: bool
    ceilings: Ceilings
    rates: Mapping[str, tuple[float, float]]
    quality: Mapping[str, Quality]
    waited: float | None = None

    def __post_init__(self) -> None:
        one_of("dtype", self.dtype, tuple(DTYPES))

    def kernel_s(self, kernel: Kernel) -> float:
        """Return the seconds of one kernel by itself. Raises SpecError for an unknown family."""
        if kernel.family not in self.families:
            raise SpecError(
                f"this calibration has no kernels of {kernel.family}; {AGAIN} of this pvtprof"
            )
        return self.scale * self.families[kernel.family].seconds(kernel.features)

    def seconds(self, runs: Iterable[tuple[Kernel, int]]) -> float:
        """Return the seconds of a forward pass, from its kernels and how often each runs."""
        busy, calls = 0.0, 0
        for kernel, times in runs:
            busy += times * self.kernel_s(kernel)
            calls += times
        return self.together_s(busy, calls)

    def together_s(self, busy_s: float, calls: int) -> float:
        """Return the seconds of a forward pass, of those of its kernels and of how many run."""
        waits_s = calls * self.call_s
        return max(busy_s, waits_s) if self.overlaps else busy_s + waits_s

    @property
    def typical_call_s(self) -> float:
        """Seconds of a kernel's call whatever its size, in the middle of all kinds of kernels."""
        return median(map(self.overhead_s, self.families))

    def overhead_s(self, family: str) -> float:
        """Return the seconds of a call in this family that do not depend on the size."""
        return self.call_s + self.scale * self.families[family].coefficients[0]

    def prediction(self, what: str, runs: Sequence[tuple[Kernel, int]]) -> Prediction:
        """Return seconds with their interval, for an "attention" module or a whole "model"."""
        rungs = ladder(runs, self.ceilings)
        return replace(self.around(what, self.seconds(runs)), rungs=rungs)

    def around(self, what: str, seconds: float) -> Prediction:
        """Return seconds with the interval in which nine in ten such predictions lie."""
        quality = self.quality[what]
        low, high = quality.low * seconds, quality.high * seconds
        return Prediction(seconds, low, high, is_doubtful=self.is_doubtful)

    @property
    def missing(self) -> str:
        """The first kind of probe of which ``quality`` says nothing, or ""."""
        return next((what for what in ("attention", "model") if what not in self.quality), "")

    @property
    def is_doubtful(self) -> bool:
        """Whether the machine was busy while it was measured."""
        noise = max((quality.noise for quality in self.quality.values()), default=0.0)
        return (self.waited or 0.0) > MUCH_WAITED or noise > MUCH_NOISE


def foreign(calibration: Calibration, here: Environment) -> list[str]:
    """Return how the calibration's environment differs from this one, as far as that is known."""
    return [
        f"{name} {then} (here: {now})"
        for name, then, now in differing(calibration.environment, here)
        if now is not None
    ]


def dumps(calibration: Calibration) -> str:
    """Return the calibration as JSON text."""
    return json.dumps({"schema": SCHEMA, **asdict(calibration)}, indent=1) + "\n"


def save(calibration: Calibration, path: str | os.PathLike[str], force: bool = False) -> None:
    """Write ``pvtprof.calibration/1`` JSON; never over a file that pvtprof did not write."""
    files.write(path, dumps(calibration), force, ".json")


def load(path: str | os.PathLike[str]) -> Calibration:
    """Return a saved calibration; raises StoreError for any other file."""
    found = loaded(path, {SCHEMA: Calibration}, AGAIN)
    if found.missing:
        raise StoreError(f"{path}: there is no field quality.{found.missing}; {AGAIN}")
    return found


def load_for(
    path: str | os.PathLike[str], dtype: str, here: Environment | None = None
) -> Calibration:
    """Return a saved calibration for this machine and this dtype.

    Raises StoreError where there is none, SpecError where it is of another environment than
    ``here``, by name. None asks for what is known without torch: not for threads.
    """
    from pvtprof.observe.environment import without_torch

    if not os.path.exists(path):
        raise StoreError(f"there is no calibration at {path}; {AGAIN}")
    found = load(path)
    if found.dtype != dtype:
        raise SpecError(f"{path} is for {found.dtype}, not for {dtype}; {AGAIN} --dtype {dtype}")
    if other := foreign(found, here or without_torch("cuda" if found.overlaps else "cpu")):
        raise SpecError(f"{path} was made in another environment: {', '.join(other)}; {AGAIN} here")
    return found
