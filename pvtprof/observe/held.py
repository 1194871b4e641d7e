"""Times on a device whose launches must not count: the stream is held back while a call enqueues.

An event before a call and one after it contain the gaps in which the device waits for launches. So
the stream is drained, the cache flushed, and the stream held for longer than the call's launches
take; then its kernels run back to back. A call that waits for the device inside, or launches more
than the queue takes (about 1,000), cannot be held: it is timed with its gaps, and that is said.
Like ``device``, it imports nothing of pvtprof.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any, Protocol

Call = Callable[[], object]
#: The stream is held for so many times the seconds that the launches took last.
MARGIN = 1.6
LEAST_HOLD_S, LONGEST_HOLD_S = 5e-5, 2.0
TRIES = 6


class Stream(Protocol):
    """What a hold needs of a device; see ``device.Cuda``."""

    is_cuda: bool

    def now(self) -> float: ...  # noqa: D102
    def synchronize(self) -> None: ...  # noqa: D102
    def event(self) -> Any: ...  # noqa: D102
    def has_passed(self, event: Any) -> bool: ...  # noqa: D102
    def seconds(self, begin: Any, end: Any) -> float: ...  # noqa: D102
    def hold(self, seconds: float) -> None: ...  # noqa: D102
    def flush(self) -> None: ...  # noqa: D102


class Held:
    """One call on one device, timed with its stream held back.

    ``is_held`` turns False for good where the call cannot be held.
    """

    def __init__(self, device: Stream, call: Call) -> None:
        self.device, self.call = device, call
        self.launch_s = 0.0
        self.is_held = True

    def mean_s(self, calls: int) -> float:
        """Return seconds of one call on the device, the mean of so many."""
        return sum(self.once_s() for _ in range(calls)) / calls

    def once_s(self) -> float:
        """Return seconds of one call on the device."""
        for _ in range(TRIES if self.is_held else 0):
            hold_s = max(LEAST_HOLD_S, MARGIN * self.launch_s)
            if hold_s > LONGEST_HOLD_S:
                break
            seconds, launch_s, was_held = self._one(hold_s)
            if was_held:
                self.launch_s = launch_s
                return seconds
            self.launch_s = max(launch_s, 1.5 * self.launch_s)
        self.is_held = False
        return self._one(0.0)[0]

    def _one(self, hold_s: float) -> tuple[float, float, bool]:
        """Return seconds on the device, seconds of launching, and whether the hold was longer."""
        device = self.device
        device.synchronize()
        device.flush()
        device.hold(hold_s)
        begin, before = device.event(), device.now()
        self.call()
        end, launch_s = device.event(), device.now() - before
        was_held = not device.has_passed(begin)
        device.synchronize()
        return device.seconds(begin, end), launch_s, was_held


def operators(
    device: Stream, watched: Callable[[Callable[[], Any]], list[tuple[str, Any, Any]]], times: int
) -> tuple[list[tuple[str, float]], bool]:
    """Return the operators of a call with their median seconds on the device, and whether held.

    ``watched`` runs the call once and returns (name, mark before, mark after) of each operator, the
    marks made by what it is given.
    """
    marks: list[tuple[str, Any, Any]] = []

    def call() -> None:
        marks[:] = watched(device.event)

    rounds, held = [], Held(device, call)
    for _ in range(times):
        held.once_s() if device.is_cuda else call()
        rounds.append([device.seconds(begin, end) for _, begin, end in marks])
    columns = zip(*rounds, strict=True)
    names = (name for name, _, _ in marks)
    medians = [(name, median(column)) for name, column in zip(names, columns, strict=True)]
    return medians, held.is_held
