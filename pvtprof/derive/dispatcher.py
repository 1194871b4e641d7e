"""Python versions of torch's operators, without those that stand in for a derivative."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch._C import DispatchKey
from torch._decomp.decompositions import upsample_compute_output_size
from torch._dispatch.python import enable_python_dispatcher
from torch._prims_common import suggest_memory_format

Versions: TypeAlias = dict[Any, Callable[..., Any]]
#: The keys under which a Python version is taken before autograd sees the operator.
ABOVE = (DispatchKey.Autograd, DispatchKey.CompositeImplicitAutograd)


@contextmanager
def python_versions() -> Iterator[None]:
    """Take operators apart in Python, but none that autograd knows a derivative of.

    torch's own Python versions take such operators apart too (``upsample_bicubic2d``, which resizes
    position embeddings, into dozens): autograd then saves what is made in between, which the kernel
    that runs never makes. Those versions are set aside here and put back at the end.
    """
    with ExitStack() as stack:
        for overload, versions in _with_derivative().items():
            stack.enter_context(_replaced(overload, versions))
        stack.enter_context(enable_python_dispatcher())
        yield


@contextmanager
def _replaced(overload: Any, versions: Versions) -> Iterator[None]:
    """Other Python versions of an operator for a while."""
    kept = dict(overload.py_kernels)
    below = {key: version for key, version in kept.items() if key not in ABOVE}
    _set(overload, below | versions)
    try:
        yield
    finally:
        _set(overload, kept)


def _set(overload: Any, versions: Versions) -> None:
    overload.py_kernels.clear()
    overload.py_kernels.update(versions)
    overload._dispatch_cache.clear()


@cache
def _with_derivative() -> dict[Any, Versions]:
    """Operators that autograd derives itself, and of resizing those before and behind them.

    Dropout is made of others: its Python version copies where torch's own returns its input.
    """
    found: dict[Any, Versions] = {}
    for name in dir(torch.ops.aten):
        packet = getattr(torch.ops.aten, name)
        for kind in packet.overloads() if hasattr(packet, "overloads") else ():
            overload = getattr(packet, kind)
            if DispatchKey.Autograd not in overload.py_kernels:
                continue
            if packet is torch.ops.aten.dropout or not _is_composite(overload):
                found[overload] = {}
            elif kind == "vec":
                found[overload] = dict.fromkeys(ABOVE, partial(_resized, packet.default))
                backward = getattr(torch.ops.aten, f"{name}_backward").default
                shape = partial(_gradient, "linear" in name)
                found[backward] = {DispatchKey.Meta: shape} | backward.py_kernels
    return found


def _is_composite(overload: Any) -> bool:
    key = "CompositeImplicitAutograd"
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(overload.name(), key))


def _resized(operator: Any, x: Tensor, output_size: Any, *others: Any) -> Any:
    """What torch's ``vec`` overloads do: find the size and call the operator itself."""
    *corners, factors = others
    size = upsample_compute_output_size(x.shape, output_size, factors)
    return operator(x, size, *corners, *(factors or [None] * len(size)))


def _gradient(keeps: bool, gradient: Tensor, _: Any, input_size: Any, *others: Any) -> Tensor:
    """What the kernels behind resizing return: of linear ones it ``keeps`` the layout in memory."""
    layout = suggest_memory_format(gradient) if keeps else torch.contiguous_format
    return gradient.new_empty(input_size).contiguous(memory_format=layout)
