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
#: So many threads beyond the number of cores, on average, disturb.
CROWDED = 0.5
#: Wall time over the kernels' own from which on a GPU waits for launches.
LAUNCH_BOUND = 1.2
#: glibc maps every block of 32 MiB or more afresh: more in a call shows in its time.
MUCH_MAPPED = 2**24


@dataclass(frozen=True)
class Measurement:
    """Latency samples in seconds, each the mean of ``calls`` calls; nothing is thrown away.

    Wall time on a CPU, the device's time on CUDA. ``switches`` and ``faults`` are what disturbed
    the process in all samples together: involuntary context switches, and page faults; None where
    the system or the file does not say. ``series`` has what else was seen with each sample, by
    name: "cpu" (processor time of all threads, seconds), "crowd" (threads that wanted to run,
    beyond the number of cores), and on CUDA "wall", "graph" (of a CUDA graph's replay), "sm_mhz",
    "celsius", "throttled" (0 or 1), "throttled_s", "joules" (of one call), and "unheld" (1 where
    launch gaps count).
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
        if any(self.series.get("unheld", ())):
            yield (
                "its stream cannot be held back (it waits inside, or launches too much at once): "
                "launch gaps count as time on the device; a CUDA graph has none"
            )
        if (self.launch_ratio or 0.0) > LAUNCH_BOUND:
            yield (
                "launch-bound: its kernels wait to be launched; a larger --batch or a CUDA graph "
                "would use the GPU"
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
