"""How fast each class of kernels ran while a machine was calibrated."""

from __future__ import annotations

from collections.abc import Iterable

from pvtprof.predict.kernels import Kernel

#: Classes of kernels, by the beginnings of their families' names, for the table of rates; where two
#: fit, the later one.
CLASSES = {
    "GEMM": ("gemm",),
    "batched GEMM": ("bmm", "sdpa"),
    "convolution": ("conv",),
    "depthwise": ("conv_depthwise",),
    "norm": ("native_layer_norm",),
    "softmax": ("softmax",),
    "copies": ("clone", "cat"),
    "elementwise": ("gelu", "relu", "add", "mul", "mean", "_adaptive", "upsample"),
}


def rates(timed: Iterable[tuple[Kernel, float]]) -> dict[str, tuple[float, float]]:
    """Return FLOPs and bytes a second of every class of kernels."""
    sums = {name: [0.0, 0.0, 0.0] for name in CLASSES}
    for kernel, seconds in timed:
        name = class_of(kernel.family)
        for i, value in enumerate((2 * kernel.macs, kernel.moved_bytes, seconds)):
            sums[name][i] += value
    return {
        name: (flops / seconds, moved / seconds)
        for name, (flops, moved, seconds) in sums.items()
        if seconds
    }


def class_of(family: str) -> str:
    """Return the class to which a family of kernels belongs."""
    return next(name for name, begins in reversed(CLASSES.items()) if family.startswith(begins))
