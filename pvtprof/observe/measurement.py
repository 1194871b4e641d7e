"""What the clock says of one module: samples, their interval, and what is doubtful about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

from pvtprof import units
from pvtprof.errors import SpecError

#: Fewest samples from which a 95 % interval of a median exists (order statistics: 2 / 2^6 < 5 %).
FEWEST_FOR_INTERVAL = 6
#: No sample lasts longer.
LONGEST_S = 1e12
#: An interval wider than this share of its median is doubtful.
WIDE = 0.10
#: More involuntary context switches a second are other programs at work.
MANY_SWITCHES = 100
#: Waiting for a core for more than this share of the time makes a time doubtful.
MUCH_WAITED = 0.10
#: So does an interval wider than this share of its median.
TOO_WIDE = 0.5
CLOSE = "close other programs"
#: Wall time over the kernels' own from which on a GPU waits for launches.
LAUNCH_BOUND = 1.2
#: The series of another row that was timed in the same rounds.
BESIDE = "beside"
#: glibc maps every block of 32 MiB or more afresh: more in a call shows in its time.
MUCH_MAPPED = 2**24


@dataclass(frozen=True, slots=True)
class Remark:
    """What is doubtful about a measurement: in words, by how much, and what to do about it."""

    what: str
    figure: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}{f' ({self.figure})' * bool(self.figure)}; {self.remedy}"


@dataclass(frozen=True)
class Measurement:
    """Latency samples in seconds, each the mean of ``calls`` calls; nothing is thrown away.

    Wall time on a CPU, the device's time on CUDA. ``switches`` and ``faults`` are what disturbed
    the process in all samples together: involuntary context switches, and page faults; None where
    the system or the file does not say. ``series`` has what else was seen with each sample, by
    name: "cpu" (processor time of all threads, seconds), "waited" (seconds of a call for which the
    calling thread had no core), "beside" (seconds of another row, timed in the same round), and on
    CUDA "wall", "graph" (of a CUDA graph's replay), "sm_mhz", "celsius", "throttled" (0 or 1),
    "throttled_s", "joules" (of one call), and "unheld" (1 where launch gaps count).
    ``stopped`` says what ended the measuring: "interval" (narrow enough), "budget" or "rounds".
    """

    samples: tuple[float, ...]
    calls: int = 1
    switches: int | None = None
    faults: int | None = None
    series: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    stopped: str | None = None

    def __post_init__(self) -> None:
        if not self.samples:
            raise SpecError("samples is empty; use one duration or more")
        for number, seconds in enumerate(self.samples):
            if not 0 < seconds <= LONGEST_S:
                raise SpecError(f"samples[{number}] is {seconds}; use seconds of more than 0")
        if any(len(values) != len(self.samples) for values in self.series.values()):
            raise SpecError("series are not as long as samples; use one value for each sample")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful about the samples, each with a remedy."""
        return tuple(map(str, self.remarks))

    @property
    def is_doubtful(self) -> bool:
        """Whether the median cannot be trusted: it waited for a core, or is all over the place."""
        return self.waited > MUCH_WAITED or self._width > TOO_WIDE

    @property
    def waited(self) -> float:
        """The share of its time for which the calling thread had no core; 0 where it is not known.

        Of all samples together but the one that waited longest: a single interruption is no other
        program at work, and short samples beside one mostly run undisturbed, or not at all. On a
        GPU a thread waits for kernels: that is no disturbance.
        """
        seconds = () if "wall" in self.series else self.series.get("waited", ())
        pairs = sorted(zip(seconds, self.samples, strict=False))
        kept = pairs[:-1] or pairs
        return sum(waited for waited, _ in kept) / sum(taken for _, taken in kept) if kept else 0.0

    @property
    def _width(self) -> float:
        """The width of the 95 % interval, as a share of the median; 0 where there is none."""
        return (self.interval[1] - self.interval[0]) / self.median if self.interval else 0.0

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """The warnings as values."""
        return (*self._remarks(), *self._device_remarks())

    def _remarks(self) -> Iterator[Remark]:
        if self.interval is None:
            needed = f"fewer samples than the {FEWEST_FOR_INTERVAL} that a 95 % interval needs"
            yield Remark(needed, str(len(self.samples)), "raise --budget")
        elif self._width > WIDE:
            figure = f"{100 * self._width:.0f} %"
            yield Remark("the 95 % interval is wide", figure, f"{CLOSE} or raise --budget")
        seconds = sum(self.samples) * self.calls
        if (self.switches or 0) > MANY_SWITCHES * max(seconds, 0.1):
            rate = (self.switches or 0) / seconds
            yield Remark("interrupted by other programs", f"{rate:.0f} times a second", CLOSE)
        if self.waited > MUCH_WAITED:
            figure = f"{100 * self.waited:.0f} % of the time"
            yield Remark("waited for a core", figure, f"{CLOSE}, or lift the CPU quota")
        if self.mapped_bytes > MUCH_MAPPED:
            yield Remark(
                "memory is mapped afresh in each call, which takes time",
                units.size(self.mapped_bytes),
                "MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=1000000000000 before the command "
                "spares that",
            )

    def _device_remarks(self) -> Iterator[Remark]:
        if throttled := sum(self.series.get("throttled", ())):
            yield Remark(
                "samples were taken while the GPU was throttled by power or heat",
                f"{throttled:.0f} of {len(self.samples)}",
                "let it cool or lock its clocks with nvidia-smi -lgc",
            )
        if any(self.series.get("unheld", ())):
            yield Remark(
                "its stream cannot be held back (it waits inside, or launches too much at once): "
                "launch gaps count as time on the device",
                "",
                "a CUDA graph has none",
            )
        if (self.launch_ratio or 0.0) > LAUNCH_BOUND:
            yield Remark(
                "launch-bound: its kernels wait to be launched",
                "",
                "a larger --batch or a CUDA graph would use the GPU",
            )

    @property
    def launch_ratio(self) -> float | None:
        """Wall time over the device's: above LAUNCH_BOUND kernels wait for their launches.

        None where there is no wall time beside, or launch gaps count as the device's time.
        """
        wall = self.middle("wall")
        return None if wall is None or any(self.series.get("unheld", ())) else wall / self.median

    def mean(self, name: str) -> float | None:
        """Return mean of a series; None where it was not taken."""
        values = self.series.get(name)
        return sum(values) / len(values) if values else None

    def middle(self, name: str) -> float | None:
        """Return median of a series; None where it was not taken."""
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
    def beside_s(self) -> float | None:
        """Median of the row that was timed beside, in seconds; None where there was none."""
        return self.middle(BESIDE)

    @cached_property
    def ratios(self) -> tuple[float, ...]:
        """Samples over those of the row beside: a machine that drifts does so in both.

        The samples themselves where there is no row beside.
        """
        beside = self.series.get(BESIDE, (1.0,) * len(self.samples))
        return tuple(one / other for one, other in zip(self.samples, beside, strict=True))

    @cached_property
    def ratio(self) -> float:
        """Median of the ratios."""
        return median(self.ratios)

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """A 95 % confidence interval of the median; None below 6 samples."""
        return median_interval(self.samples)


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return a 95 % confidence interval of the median from order statistics; None below 6 values.

    Source: ``scipy.stats.quantile_test``, exact for any distribution.
    """
    if len(values) < FEWEST_FOR_INTERVAL:
        return None
    from scipy.stats import quantile_test

    bounds: Any = quantile_test(values, p=0.5).confidence_interval(0.95)
    return float(bounds.low), float(bounds.high)
