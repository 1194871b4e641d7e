"""The one seam to a device, ``Cpu`` or ``Cuda``: its neighbours ``cuda``, ``nvml`` and ``asked``
belong to it, and nothing else calls torch.cuda or NVML.

It imports nothing of pvtprof but its neighbours, for the worker loads it beside itself while it
times another version of pvtprof.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cuda import Cuda

Call = Callable[[], object]


class DeviceError(RuntimeError):
    """A device that cannot be used; the message is one line."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on a device now.

    ``requested`` is what tensors and workspaces asked for, ``allocated`` the same in the blocks of
    the allocator, ``reserved`` all that the allocator took from the driver. ``free`` is what the
    driver still has. ``taken`` is the rest: CUDA's context, and what other programs hold.
    """

    requested: int
    allocated: int
    reserved: int
    free: int
    taken: int


class Cpu:
    """The processor: a call has ended when it returns, and there is nothing to hold or to flush."""

    name, is_cuda = "cpu", False

    def start(self) -> None:
        """Nothing."""

    def now(self) -> float:
        """Return seconds by the clock that timeit takes."""
        return time.perf_counter()

    def synchronize(self) -> None:
        """Nothing."""

    def event(self) -> Any:
        """Return the time."""
        return time.perf_counter()

    def has_passed(self, event: Any) -> bool:
        """Return always: a processor runs what it launches."""
        return True

    def seconds(self, begin: Any, end: Any) -> float:
        """Return seconds between two times."""
        between: float = end - begin
        return between

    def hold(self, seconds: float) -> None:
        """Nothing."""

    def flush(self) -> None:
        """Nothing."""

    def graph(self, call: Call) -> Call:
        """Return the call itself."""
        return call

    def let_go(self) -> None:
        """Nothing."""

    def state(self) -> dict[str, float]:
        """Return nothing."""
        return {}


def of(name: str) -> Cpu | Cuda:
    """Return the device that torch calls so: "cpu", or "cuda:N"."""
    if not name.startswith("cuda"):
        return Cpu()
    from .cuda import Cuda

    return Cuda(name)


def set_tf32(allowed: bool) -> None:
    """Let products and convolutions of float32 run in TF32, or neither of them."""
    backends: Any = importlib.import_module("torch").backends
    if hasattr(backends.cuda.matmul, "fp32_precision"):  # torch 2.9: it refuses a mix of both ways
        kind = "tf32" if allowed else "ieee"
        backends.cuda.matmul.fp32_precision = kind
        backends.cudnn.conv.fp32_precision = kind
        backends.cudnn.rnn.fp32_precision = kind
    else:
        backends.cuda.matmul.allow_tf32 = allowed
        backends.cudnn.allow_tf32 = allowed


def flash_allowed() -> bool:
    """Return whether nobody has switched off flash attention's kernel."""
    return bool(importlib.import_module("torch").backends.cuda.flash_sdp_enabled())


def failure(error: BaseException) -> str:
    """Return the kind of a failure: "memory", "dead" (the CUDA context is lost), or "other"."""
    torch: Any = importlib.import_module("torch")
    said = str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "memory"
    if not isinstance(error, RuntimeError):
        return "other"
    if any(
        text in said
        for text in (
            "can't allocate memory",
            "CUDA error: out of memory",
            "CUBLAS_STATUS_ALLOC_FAILED",
            "CUDNN_STATUS_ALLOC_FAILED",
        )
    ):
        return "memory"
    lost = getattr(torch, "AcceleratorError", ())
    return "dead" if isinstance(error, lost) or "CUDA error" in said else "other"


def one_line(error: BaseException) -> str:
    """Return the first line of what an error says."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
