"""A pretended torch.cuda and NVML: tensors stay on the CPU, the rest keeps torch's own rules.

What fails, and when, stands in the environment variable PRETENDED_GPU, a JSON object: see _WAYS.
"""

from __future__ import annotations

import json
import os
import sys
import time
import weakref
from typing import Any

from tests.pretended import nvidia_ml, tensors, torch_cuda
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
    "second_name": "",  # of every GPU but the first, where they are not alike
    "busy": 0,  # bytes that others hold
    "synchronises": False,  # every operator waits
    "no_graph": False,  # a capture fails
    "throttled": 0,
    "kernel_s": 4e-6,
    "log": "",  # a file that is told which scripts use CUDA
}
BLOCK = 512  # bytes: the allocator's blocks are whole multiples


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
        self.energy = 0.0
        self.is_capturing = False

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
        if self.ways["log"] and self.touched_by is None:
            with open(self.ways["log"], "a", encoding="utf-8") as log:
                log.write(os.path.basename(sys.argv[0]) + "\n")
        self.touched_by = os.getpid()

    @property
    def count(self) -> int:
        """How many GPUs are seen."""
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES") == ""
        return 0 if hidden else int(self.ways["count"])

    def index(self, device: Any, needs_index: bool = False) -> int:
        """The number of a device by its name; "cuda" is the current one where that is allowed."""
        name = str(device)
        if ":" not in name and needs_index:
            raise ValueError(f"Expected a torch.device with a specified index, but got: {name}")
        number = int(name.partition(":")[2] or self.current)
        if number >= self.count:
            raise RuntimeError("CUDA error: invalid device ordinal")
        return number

    def name(self, number: int) -> str:
        """What a GPU is called."""
        name = self.ways["second_name"] if number and self.ways["second_name"] else ""
        return (name or str(self.ways["name"])) + (" MIG 1g.10gb" if self.ways["mig"] else "")

    def take(self, size: int) -> None:
        """Allocate; the message is torch's."""
        self.check_room(size)
        self.now += _blocks(size)
        self.peak = max(self.peak, self.now)
        self.requested += size
        self.requested_peak = max(self.requested_peak, self.requested)

    def check_room(self, size: int) -> None:
        """Raise torch's error where so many bytes are not free."""
        if self.now + _blocks(size) > self.ways["memory"]:
            raise self.torch.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate {_blocks(size) / 2**20:.2f} MiB."
            )

    def follow(self, tensor: Any) -> None:
        """A tensor is on the GPU: its storage takes room there for as long as it lives."""
        storage = tensor.untyped_storage()
        if getattr(storage, "_pretended", False):
            return
        size = storage.nbytes()
        self.take(size)
        storage._pretended = True

        def release() -> None:
            self.now -= _blocks(size)
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
            self.synchronize()

    def synchronize(self) -> None:
        """Wait for the stream; not while it is captured."""
        self.touch()
        if self.is_capturing:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        self.stream.synchronize()


def _blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def install(torch: Any) -> None:
    """Put the card in torch, which is the real one, built for CPUs."""
    card = Card(torch, json.loads(os.environ["PRETENDED_GPU"]))
    torch.__version__ = torch.version.__version__ = "2.13.0+cu130"
    torch.version.cuda = "13.0"
    torch_cuda.put(torch, card)
    tensors.put(torch, card)
    module = nvidia_ml.module(card) if card.ways["nvml"] else None
    sys.modules["pynvml"] = module  # type: ignore[assignment] # None is an import that fails
