"""One GPU through torch.cuda: a part of the seam to a device, see ``device``."""

from __future__ import annotations

import importlib
import os
import time
from dataclasses import asdict
from typing import Any

from . import nvml
from .device import Call, DeviceError, Memory, one_line

#: Bytes to write so that nothing of a call's operands stays in any GPU's second-level cache.
L2_FLUSH_BYTES = 256 * 2**20
#: Cycles of the sleep that shows how many of them a second has.
CYCLES = 5_000_000
#: Environment variables that change which memory or which kernels a run on CUDA takes.
VARIABLES = (
    *("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF", "PYTORCH_NO_CUDA_MEMORY_CACHING"),
    *("CUBLAS_WORKSPACE_CONFIG", "CUBLASLT_WORKSPACE_SIZE", "CUDA_LAUNCH_BLOCKING"),
    *("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "CUDNN_LOGLEVEL_DBG"),
)


class Cuda:
    """One GPU by its CUDA name, such as cuda:0."""

    is_cuda = True

    def __init__(self, name: str) -> None:
        self.torch: Any = importlib.import_module("torch")
        self.name = name
        self._flushed: Any = None
        self._per_second = 0.0
        self._nvml: tuple[Any, Any] | None = None

    def start(self) -> None:
        """Make it the current device, with a context; every failure is one line."""
        cuda = self.torch.cuda
        try:
            cuda.set_device(self.name)
            self.torch.empty(1, device=self.name)
            cuda.synchronize()
        except (RuntimeError, AssertionError) as error:
            raise DeviceError(f"{self.name} does not start: {one_line(error)}") from None

    def now(self) -> float:
        """Return seconds by the processor's clock."""
        return time.perf_counter()

    def synchronize(self) -> None:
        """Wait for this device, whichever is current."""
        self.torch.cuda.synchronize(self.name)

    def event(self) -> Any:
        """Return a CUDA event, recorded in the current stream."""
        event = self.torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def has_passed(self, event: Any) -> bool:
        """Return whether the stream has come to the event."""
        return bool(event.query())

    def seconds(self, begin: Any, end: Any) -> float:
        """Return seconds between two events."""
        milliseconds: float = begin.elapsed_time(end)
        return milliseconds / 1e3

    def hold(self, seconds: float) -> None:
        """Let the stream spin for about so long; launches go on behind it."""
        if seconds <= 0:
            return
        if not self._per_second:
            self.torch.cuda._sleep(CYCLES // 50)  # the first loads the kernel
            begin = self.event()
            self.torch.cuda._sleep(CYCLES)
            end = self.event()
            self.synchronize()
            self._per_second = CYCLES / max(self.seconds(begin, end), 1e-6)
        self.torch.cuda._sleep(max(1, int(seconds * self._per_second)))

    def flush(self) -> None:
        """Write more bytes than any second-level cache holds."""
        if self._flushed is None:
            torch = self.torch
            self._flushed = torch.empty(L2_FLUSH_BYTES, dtype=torch.int8, device=self.name)
        self._flushed.zero_()

    def graph(self, call: Call) -> Call:
        """Return the call as a CUDA graph: replayed, its kernels wait for no launch."""
        cuda = self.torch.cuda
        aside = cuda.Stream()
        aside.wait_stream(cuda.current_stream())
        with cuda.stream(aside):
            for _ in range(3):  # whatever allocates or tunes on first use does so before
                call()
        cuda.current_stream().wait_stream(aside)
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            call()
        replay: Call = graph.replay
        return replay

    def memory(self, peak: bool = False) -> Memory:
        """Return what the allocator and the driver say."""
        stats = self.torch.cuda.memory_stats(self.name)
        which = "peak" if peak else "current"
        requested, allocated, reserved = (
            int(stats.get(f"{what}_bytes.all.{which}", 0))
            for what in ("requested", "allocated", "reserved")
        )
        free, total = self.torch.cuda.mem_get_info(self.name)
        held = int(stats.get("reserved_bytes.all.current", 0))
        return Memory(requested, allocated, reserved, free, total - free - held)

    def reset_peak(self) -> None:
        """Begin to look for the allocator's peaks anew."""
        self.torch.cuda.reset_peak_memory_stats(self.name)

    def let_go(self) -> None:
        """Give back what the allocator keeps for later."""
        self._flushed = None
        self.torch.cuda.empty_cache()

    def state(self) -> dict[str, float]:
        """Return clock, heat, whether it is throttled, and counters; whatever NVML says of them."""
        return nvml.state(*self._of_nvml())

    def _of_nvml(self) -> tuple[Any, Any]:
        if self._nvml is None:
            its = self.torch.cuda.get_device_properties
            self._nvml = nvml.handle(lambda: getattr(its(self.name), "uuid", None))
        return self._nvml

    def facts(self) -> dict[str, Any]:
        """Return what is known of the GPU and of torch on it. Needs a started device."""
        torch = self.torch
        its = torch.cuda.get_device_properties(self.name)
        return {
            "device": self.name,
            "name": its.name,
            "memory_bytes": int(its.total_memory),
            "memory": asdict(self.memory()),
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "cudnn": str(torch.backends.cudnn.version()),
            "driver": nvml.driver(*self._of_nvml()),
            "settings": settings(torch),
        }

    def workspaces(self) -> int:
        """Return the bytes of cuBLAS's workspace, which a product leaves with the allocator."""
        torch = self.torch
        before = self.memory().allocated
        x = torch.ones(1, 16, 16, 16, device=self.name)
        torch.nn.functional.conv2d(x, torch.ones(16, 16, 3, 3, device=self.name))
        (x.reshape(-1, 16) @ x.reshape(16, -1)).sum()
        self.synchronize()
        del x
        return max(0, self.memory().allocated - before)


def settings(torch: Any) -> str:
    """Return other settings that decide which kernels run, such as cuDNN's search."""
    cudnn = torch.backends.cudnn
    said = [f"cudnn.benchmark {'on' if cudnn.benchmark else 'off'}"]
    if torch.are_deterministic_algorithms_enabled() or cudnn.deterministic:
        said.append("deterministic")
    said += [f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ]
    return ", ".join(said)
