"""A pretended torch.cuda and NVML: tensors stay on the CPU, the rest keeps torch's own rules.

What fails, and when, stands in the environment variable PRETENDED_GPU, a JSON object: see _WAYS.
"""

from __future__ import annotations

import json
import os
import sys
import time
import types
import weakref
from contextlib import contextmanager
from typing import Any

from tests.simulated.stream import Stream

#: Every scripted way, and how a card behaves that does none of it.
_WAYS = {
    "count": 1,  # GPUs
    "old_driver": False,  # listed, but does not start
    "starts": True,
    "dead_at": 0,  # this operator on the GPU ends in an illegal memory access
    "memory": 80 * 2**30,  # bytes that tensors may take
    "nvml": True,
    "nvml_fails_at": 0,  # this reading fails
    "nvml_unsupported": [],  # what it does not know of, by the beginning of its name
    "mig": False,
    "name": "Pretended H100",
    "busy": 0,  # bytes that others hold
    "synchronises": False,  # every operator waits
    "no_graph": False,  # a capture fails
    "throttled": 0,
    "kernel_s": 4e-6,
    "tensors_say_so": False,  # what is on the GPU says that it is
}
HZ = 1.5e9
CONTEXT = 500 * 2**20
GIB = 2**30


class Card:
    """The state of the pretended GPU in one process."""

    def __init__(self, torch: Any, ways: dict[str, Any]) -> None:
        unknown = set(ways) - set(_WAYS)
        assert not unknown, unknown
        self.torch, self.ways = torch, _WAYS | ways
        self.stream = Stream(time.perf_counter, time.sleep)
        self.touched_by: int | None = None  # the process that first used CUDA
        self.current = 0
        self.now = self.peak = self.operators = self.readings = 0
        self.requested = self.requested_peak = 0
        self.known: Any = weakref.WeakSet()
        self.energy = 0.0
        self.inside = 0

    def touch(self) -> None:
        """CUDA is used: not in a fork of a process that has used it."""
        if self.touched_by not in (None, os.getpid()):
            raise RuntimeError(
                "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, "
                "you must use the 'spawn' start method"
            )
        if self.ways["old_driver"]:
            raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040).")
        if not self.ways["starts"]:
            raise RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable")
        self.touched_by = os.getpid()

    def index(self, device: Any, needs_index: bool = False) -> int:
        name = str(device)
        if ":" not in name and needs_index:
            raise ValueError(f"Expected a torch.device with a specified index, but got: {name}")
        number = int(name.partition(":")[2] or self.current)
        if number >= self.ways["count"]:
            raise RuntimeError("CUDA error: invalid device ordinal")
        return number

    def take(self, size: int) -> None:
        """Allocate; the message is torch's."""
        blocks = -(-size // 512) * 512
        if self.now + blocks > self.ways["memory"]:
            raise self.torch.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate {blocks / 2**20:.2f} MiB."
            )
        self.now += blocks
        self.peak = max(self.peak, self.now)
        self.requested += size
        self.requested_peak = max(self.requested_peak, self.requested)

    def follow(self, tensor: Any) -> None:
        storage = tensor.untyped_storage()
        if getattr(storage, "_pretended", False):
            return
        size = storage.nbytes()
        self.take(size)
        storage._pretended = True
        self.keep(storage, size)

    def keep(self, storage: Any, size: int) -> None:
        def release() -> None:
            self.now -= -(-size // 512) * 512
            self.requested -= size

        weakref.finalize(storage, release)

    def ran(self, seconds: float | None = None) -> None:
        """One operator on the GPU."""
        self.operators += 1
        if self.ways["dead_at"] and self.operators >= self.ways["dead_at"]:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        self.stream.launch(self.ways["kernel_s"] if seconds is None else seconds)
        self.energy += 1
        if self.ways["synchronises"]:
            self.stream.synchronize()


def install(torch: Any) -> None:
    """Put the card in torch, which is the real one, built for CPUs."""
    card = Card(torch, json.loads(os.environ["PRETENDED_GPU"]))
    torch.__version__ = torch.version.__version__ = "2.13.0+cu130"
    torch.version.cuda = "13.0"
    _cuda(torch, card)
    _tensors(torch, card)
    if card.ways["nvml"]:
        sys.modules["pynvml"] = _nvml(card)
    else:
        sys.modules["pynvml"] = None  # type: ignore[assignment] # as an import that fails


def _cuda(torch: Any, card: Card) -> None:
    class Event:
        def __init__(self, enable_timing: bool = False) -> None:
            card.touch()
            self.at: float | None = None

        def record(self) -> None:
            self.at = card.stream.mark()

        def query(self) -> bool:
            return self.at is None or time.perf_counter() >= self.at

        def elapsed_time(self, end: Any) -> float:
            if self.at is None or end.at is None:
                raise RuntimeError("Both events must be recorded before calculating elapsed time.")
            assert end.query(), "an event was read before the stream came to it"
            return 1e3 * (end.at - self.at)

    class CUDAGraph:
        kernels = 0

        def replay(self) -> None:
            card.ran(self.kernels * card.ways["kernel_s"])

    @contextmanager
    def graph(which: CUDAGraph) -> Any:
        if card.ways["no_graph"]:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        before = card.operators
        yield
        which.kernels = card.operators - before

    @contextmanager
    def stream(which: Any) -> Any:
        yield

    def set_device(device: Any) -> None:
        card.touch()
        card.current = card.index(device, needs_index=not isinstance(device, int))

    def synchronize(device: Any = None) -> None:
        card.touch()
        if device is not None:
            card.index(device)
        card.stream.synchronize()

    def properties(device: Any = None) -> Any:
        card.touch()
        number = card.index(device)
        name = card.ways["name"] + (" MIG 1g.10gb" if card.ways["mig"] else "")
        return types.SimpleNamespace(
            name=name,
            major=9,
            minor=0,
            multi_processor_count=132,
            total_memory=80 * GIB,
            uuid=f"0000-{number}",
        )

    def device_count() -> int:
        if card.ways["mig"] or not card.ways["nvml"]:
            card.touched_by = os.getpid()  # counted by the driver itself: forks are spoilt
        return int(card.ways["count"])

    def memory_stats(device: Any = None) -> dict[str, int]:
        card.touch()
        blocks = {"current": card.now, "peak": card.peak}
        requested = {"current": card.requested, "peak": card.requested_peak}
        return {
            f"{what}_bytes.all.{which}": value
            for what, its in (
                ("requested", requested),
                ("allocated", blocks),
                ("reserved", blocks),
            )
            for which, value in its.items()
        }

    def mem_get_info(device: Any = None) -> tuple[int, int]:
        card.touch()
        return 80 * GIB - CONTEXT - card.ways["busy"] - card.now, 80 * GIB

    def reset_peak(device: Any = None) -> None:
        card.peak, card.requested_peak = card.now, card.requested

    for name, value in {
        "Event": Event,
        "CUDAGraph": CUDAGraph,
        "graph": graph,
        "stream": stream,
        "Stream": lambda: types.SimpleNamespace(wait_stream=lambda other: None),
        "current_stream": lambda: types.SimpleNamespace(wait_stream=lambda other: None),
        "set_device": set_device,
        "synchronize": synchronize,
        "get_device_properties": properties,
        "device_count": device_count,
        "is_available": lambda: device_count() > 0,
        "memory_stats": memory_stats,
        "mem_get_info": mem_get_info,
        "reset_peak_memory_stats": reset_peak,
        "empty_cache": lambda: None,
        "_sleep": lambda n: card.stream.launch(n / HZ),
        "is_initialized": lambda: card.touched_by is not None,
    }.items():
        setattr(torch.cuda, name, value)
    torch.accelerator.is_available = lambda: device_count() > 0
    torch.accelerator.synchronize = synchronize


def _tensors(torch: Any, card: Card) -> None:
    """What is moved to the GPU stays, and is marked; a module that was moved runs in a watch."""
    from torch.utils._device import _device_constructors
    from torch.utils._python_dispatch import (
        TorchDispatchMode,
        _len_torch_dispatch_stack,
        _pop_mode,
        _push_mode,
    )
    from torch.utils._pytree import tree_leaves

    to, module_to, empty = torch.Tensor.to, torch.nn.Module.to, torch.empty
    ones = torch.ones

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, kinds: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            result = func(*args, **(kwargs or {}))
            card.ran()
            for leaf in tree_leaves(result):
                if isinstance(leaf, torch.Tensor) and not _is_view(func):
                    card.follow(leaf)
            return result

    def _is_view(func: Any) -> bool:
        return any(r.alias_info is not None for r in func._schema.returns)

    def is_gpu(where: Any) -> bool:
        return isinstance(where, str | torch.device) and str(where).startswith("cuda")

    def moved(tensor: Any, where: Any) -> Any:
        card.touch()
        tensor = tensor.clone() if tensor.is_leaf else tensor
        tensor._pretended = f"cuda:{card.index(where)}"
        card.follow(tensor)
        return tensor

    def tensor_to(self: Any, *args: Any, **options: Any) -> Any:
        if args and is_gpu(args[0]):
            return moved(self, args[0])
        return to(self, *args, **options)

    def to_gpu(self: Any, *args: Any, **options: Any) -> Any:
        if args and is_gpu(args[0]):
            card.touch()
            card.index(args[0])
            for parameter in self.parameters():
                card.follow(parameter)
            self.register_forward_pre_hook(enter)
            self.register_forward_hook(leave, always_call=True)
            return self
        return module_to(self, *args, **options)

    def beneath(change: Any) -> None:
        """Change the stack of modes at its bottom, where kernels are."""
        others = [_pop_mode() for _ in range(_len_torch_dispatch_stack())]
        others = change(others[::-1])
        for mode in others:
            _push_mode(mode)

    def enter(*_: Any) -> None:
        if torch.jit.is_tracing():
            return
        card.inside += 1
        if card.inside == 1:
            beneath(lambda modes: [Watch(), *modes])

    def leave(*_: Any) -> None:
        if torch.jit.is_tracing():
            return
        card.inside -= 1
        if card.inside == 0:
            beneath(lambda modes: [mode for mode in modes if not isinstance(mode, Watch)])

    def made(make: Any) -> Any:
        def make_there(*args: Any, device: Any = None, **options: Any) -> Any:
            if not is_gpu(device):
                return make(*args, device=device, **options)
            if options.get("dtype") is torch.int8:  # the cache's flush: nobody reads it
                card.touch()
                card.ran(0.0)
                return make(1, **options)
            return moved(make(*args, **options), device)

        return make_there

    _device_constructors()  # looks the real ones up once
    torch.Tensor.to, torch.nn.Module.to = tensor_to, to_gpu
    torch.empty, torch.ones = made(empty), made(ones)
    if not card.ways["tensors_say_so"]:
        return  # fake tensors need the real property
    real = torch._C.TensorBase.device.__get__
    torch.Tensor.is_cuda = property(lambda self: hasattr(self, "_pretended"))
    torch.Tensor.device = property(
        lambda self: (
            torch.device(self.__dict__["_pretended"])
            if "_pretended" in self.__dict__
            else real(self)
        )
    )


def _nvml(card: Card) -> Any:
    class NVMLError(Exception):
        pass

    def said(name: str, value: Any) -> Any:
        def ask(*asked: Any) -> Any:
            card.readings += 1
            fails = card.ways["nvml_fails_at"]
            unknown = any(name.startswith(one) for one in card.ways["nvml_unsupported"])
            if unknown or (fails and card.readings >= fails):
                raise NVMLError(f"{name} is not supported")
            return value(*asked) if callable(value) else value

        return ask

    def handle(uuid: str) -> str:
        kind = "MIG" if card.ways["mig"] else "GPU"
        if not uuid.startswith(kind):
            raise NVMLError("Not Found")
        return uuid

    module: Any = types.ModuleType("pynvml")
    module.NVMLError, module.NVML_CLOCK_SM, module.NVML_TEMPERATURE_GPU = NVMLError, 1, 0
    for name, value in {
        "nvmlInit": None,
        "nvmlDeviceGetHandleByUUID": handle,
        "nvmlDeviceGetClockInfo": 1980,
        "nvmlDeviceGetTemperature": 61,
        "nvmlDeviceGetCurrentClocksThrottleReasons": card.ways["throttled"],
        "nvmlDeviceGetViolationStatus": lambda gpu, policy: types.SimpleNamespace(
            violationTime=card.operators * (1000 if card.ways["throttled"] else 0)
        ),
        "nvmlDeviceGetTotalEnergyConsumption": lambda gpu: int(card.energy),
        "nvmlSystemGetDriverVersion": "580.65.06",
    }.items():
        setattr(module, name, said(name, value))
    return module
