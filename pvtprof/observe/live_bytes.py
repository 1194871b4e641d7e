"""Live tensor bytes as a witness: it follows every storage that an operator returns."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.module_tracker import ModuleTracker
from torch.utils.weak import WeakIdKeyDictionary

from pvtprof.records import Peak
from pvtprof.spec import repeated


class LiveBytes(TorchDispatchMode):
    """Keeps the running sum of the bytes of live storages, and the operator at which it peaks.

    What exists before (input, parameters) does not count. It reads sizes only, so it watches real
    and fake tensors alike. Watch under ``no_grad``, not ``inference_mode``: there composite
    operators are not decomposed and the copies that they make escape.
    """

    def __init__(self, already: Any = (), tracker: ModuleTracker | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch has no types there
        self.live = self.peak = 0
        self.at = ""
        self.tracker = tracker
        self._known = WeakIdKeyDictionary()  # UntypedStorage compares by content, not by identity
        for leaf in tree_leaves(already):
            if isinstance(leaf, Tensor):
                self._known[leaf.untyped_storage()] = True

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._follow(leaf.untyped_storage())
        if self.live > self.peak:
            name = str(func.overloadpacket).removeprefix("aten.")
            self.peak, self.at = self.live, f"{self._module()} {name}".strip()
        return result

    def _module(self) -> str:
        """The innermost submodule that is running, dotted, the indices of blocks left out."""
        innermost = max(self.tracker.parents, key=len) if self.tracker else ""
        return repeated(innermost.partition(".")[2])

    def _follow(self, storage: torch.UntypedStorage) -> None:
        if storage in self._known:
            return
        size = storage.nbytes()
        self._known[storage] = True
        self.live += size
        weakref.finalize(storage, self._release, size)

    def _release(self, size: int) -> None:
        self.live -= size


def fake_saved(build: Callable[[], tuple[nn.Module, tuple[Any, ...]]]) -> int:
    """Bytes that a training forward pass leaves alive beside its output, on fake CPU tensors."""
    with FakeTensorMode():
        module, inputs = build()
        with LiveBytes([*module.parameters(), *inputs]) as watch:
            output = module(*inputs)
        return int(watch.live - output.untyped_storage().nbytes())


def fake_peak(build: Callable[[], tuple[nn.Module, tuple[Any, ...]]]) -> Peak:
    """Peak of one forward pass on fake CPU tensors: exact at any size, nothing is allocated."""
    with FakeTensorMode(), torch.no_grad():
        module, inputs = build()
        module.requires_grad_(False)  # else the tracker stumbles over views of parameters
        with (
            ModuleTracker() as tracker,
            LiveBytes([*module.parameters(), *inputs], tracker) as watch,
        ):
            module(*inputs)
    return Peak(watch.peak, watch.at)
