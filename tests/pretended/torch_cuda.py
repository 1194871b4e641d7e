"""The functions and classes of a pretended torch.cuda."""

from __future__ import annotations

import os
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

HZ = 1.5e9
CONTEXT = 500 * 2**20
GIB = 2**30


class Event:
    """A mark in the stream; an instance is made for the one card of this process."""

    def __init__(self, card: Any) -> None:
        card.touch()
        self.card = card
        self.at: float | None = None

    def record(self) -> None:
        self.at = self.card.stream.mark()

    def query(self) -> bool:
        return self.at is None or time.perf_counter() >= self.at

    def elapsed_time(self, end: Event) -> float:
        if self.at is None or end.at is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        if not end.query():
            raise RuntimeError("Both events must be completed before calculating elapsed time.")
        return 1e3 * (end.at - self.at)


class CUDAGraph:
    """The kernels of a call: a replay is one launch of all of them."""

    def __init__(self, card: Any) -> None:
        self.card, self.kernels = card, 0

    def replay(self) -> None:
        self.card.ran(self.kernels * self.card.ways["kernel_s"])


class TorchCuda:
    """What stands in torch.cuda: every public method, under its own name."""

    def __init__(self, card: Any) -> None:
        self._card = card

    def Event(self, enable_timing: bool = False) -> Event:  # noqa: N802 # torch's name
        return Event(self._card)

    def CUDAGraph(self) -> CUDAGraph:  # noqa: N802 # torch's name
        return CUDAGraph(self._card)

    def Stream(self) -> Any:  # noqa: N802 # torch's name
        return types.SimpleNamespace(wait_stream=lambda other: None)

    current_stream = Stream

    @contextmanager
    def graph(self, which: CUDAGraph) -> Iterator[None]:
        card = self._card
        if card.ways["no_graph"]:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        before, card.is_capturing = card.operators, True
        try:
            yield
        finally:
            card.is_capturing = False
        which.kernels = card.operators - before

    @contextmanager
    def stream(self, which: Any) -> Iterator[None]:
        yield

    def set_device(self, device: Any) -> None:
        self._card.touch()
        self._card.current = self._card.index(device, needs_index=not isinstance(device, int))

    def synchronize(self, device: Any = None) -> None:
        self._card.touch()
        if device is not None:
            self._card.index(device)
        self._card.synchronize()

    def get_device_properties(self, device: Any = None) -> Any:
        self._card.touch()
        number = self._card.index(device)
        return types.SimpleNamespace(
            name=self._card.name(number),
            major=9,
            minor=0,
            multi_processor_count=132,
            total_memory=80 * GIB,
            uuid=f"0000-{number}",
        )

    def device_count(self) -> int:
        card = self._card
        if card.ways["mig"] or not card.ways["nvml"]:
            card.touched_by = os.getpid()  # counted by the driver itself: forks are spoilt
        return int(card.count)

    def is_available(self) -> bool:
        return self.device_count() > 0

    def is_initialized(self) -> bool:
        return self._card.touched_by is not None

    def memory_stats(self, device: Any = None) -> dict[str, int]:
        card = self._card
        card.touch()
        blocks = {"current": card.now, "peak": card.peak}
        requested = {"current": card.requested, "peak": card.requested_peak}
        named = {"requested": requested, "allocated": blocks, "reserved": blocks}
        return {
            f"{what}_bytes.all.{which}": value
            for what, its in named.items()
            for which, value in its.items()
        }

    def mem_get_info(self, device: Any = None) -> tuple[int, int]:
        self._card.touch()
        return 80 * GIB - CONTEXT - self._card.ways["busy"] - self._card.now, 80 * GIB

    def reset_peak_memory_stats(self, device: Any = None) -> None:
        self._card.peak, self._card.requested_peak = self._card.now, self._card.requested

    def empty_cache(self) -> None:
        """Nothing is kept for later."""

    def _sleep(self, cycles: int) -> None:
        self._card.stream.launch(cycles / HZ)


def put(torch: Any, card: Any) -> None:
    """Put the functions in the place of torch's."""
    its = TorchCuda(card)
    names = [name for name in vars(TorchCuda) if not name.startswith("__")]
    for name in names:
        value: Callable[..., Any] = getattr(its, name)
        setattr(torch.cuda, name, value)
    torch.accelerator.is_available = its.is_available
    torch.accelerator.synchronize = its.synchronize
