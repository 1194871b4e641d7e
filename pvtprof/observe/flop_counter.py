"""torch's own counter as a witness: ``torch.utils.flop_counter``, on ``meta`` tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import (
    FlopCounterMode,
    flop_registry,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

from pvtprof.observe.modules import own_counts
from pvtprof.observe.witness import Count

aten = torch.ops.aten


def _fused(q: Any, k: Any, v: Any, *args: Any, out_val: Any = None, **kwargs: Any) -> Any:
    """Return FLOPs of attention in one kernel."""
    return sdpa_flop_count(q.shape, k.shape, v.shape)


def _fused_backward(
    gradient: Any, q: Any, k: Any, v: Any, *args: Any, out_val: Any = None, **kwargs: Any
) -> Any:
    """Return FLOPs of its backward, without those that compute the scores again."""
    again = sdpa_flop_count(q.shape, k.shape, k.shape)
    whole = sdpa_backward_flop_count(gradient.shape, q.shape, k.shape, v.shape)
    return whole - again // 2


#: Formulas that torch's counter lacks: it takes these kernels apart on meta, and skips them on CPU.
FUSED: dict[Any, Any] = {
    aten._scaled_dot_product_flash_attention_for_cpu: _fused,
    aten._scaled_dot_product_flash_attention_for_cpu_backward: _fused_backward,
}
for _formula in FUSED.values():
    _formula._get_raw = True  # torch's counter: called with tensors, not with shapes
#: The formula of FLOPs of each of torch's operators that has any: of tensors, with ``out_val``.
FORMULAS: dict[Any, Any] = {**flop_registry, **FUSED}


def with_fused() -> FlopCounterMode:
    """Return torch's counter that counts fused attention on a CPU too."""
    return FlopCounterMode(display=False, custom_mapping=FUSED)


class _Skipped(TorchDispatchMode):
    """Counts the calls that torch's counter has no formula for; views move nothing, so not them."""

    def __init__(self, counter: FlopCounterMode) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch has no types there
        self.known = counter.flop_registry
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func.overloadpacket not in self.known and not func.is_view:
            self.calls[str(func.overloadpacket).replace(".", "::")] += 1
        return func(*args, **(kwargs or {}))


def count(module: nn.Module, inputs: tuple[Tensor, ...]) -> Count:
    """Return what torch counts in one forward pass, in FLOPs (2 per MAC).

    Both are to be on ``meta``, where nothing is allocated at any size, and where fused attention is
    decomposed and counted (on CPU tensors it is 0: see ``count_real``).
    """
    module.requires_grad_(False)  # else torch's module tracker stumbles over views
    counter = FlopCounterMode(display=False)
    skipped = _Skipped(counter)
    # The counter is the inner mode and sees a call first: under torch.inference_mode() it takes
    # ``linear`` apart into what it counts, so that only what runs counts as skipped.
    with torch.no_grad(), skipped, counter:
        module(*(x.detach() for x in inputs))
    return counted(counter, type(module).__name__, skipped.calls)


def counted(counter: FlopCounterMode, root: str, skipped: Mapping[str, int] = {}) -> Count:
    """Return what a counter has counted; ``root`` is the class of the outermost module."""
    return Count(
        counted=counter.get_total_flops(),
        by_module=own_counts(_totals(counter, root)),
        skipped=dict(sorted(skipped.items())),
    )


def count_real(module: nn.Module, inputs: tuple[Tensor, ...]) -> Count:
    """Return the count on real tensors, for modules that branch on data."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            return count(module, inputs)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _totals(counter: FlopCounterMode, root: str) -> dict[str, int]:
    """Return the counts by dotted submodule, without the class of the outermost module."""
    return {
        name.removeprefix(root).removeprefix("."): sum(by_operator.values())
        for name, by_operator in counter.get_flop_counts().items()
        if name != "Global"
    }
