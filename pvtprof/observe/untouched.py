"""A module under test is afterwards as it was: gradients, buffers, flags, and random numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def attributes_kept(module: nn.Module) -> Iterator[None]:
    """Put back what a module and its submodules have as attributes, a cache in a dictionary too."""
    before = [
        (kept, copy.copy(kept))
        for inner in module.modules()
        for kept in (inner.__dict__, *inner.__dict__.values())
        if isinstance(kept, dict | list | set)
    ]
    try:
        yield
    finally:
        for kept, content in before:
            kept.clear()
            if isinstance(kept, list):
                kept.extend(content)
            else:
                kept.update(content)


@contextmanager
def untouched(module: nn.Module, inputs: Sequence[Any]) -> Iterator[None]:
    """Let a module be watched without gradients, and put back all that a user can see of it."""
    leaves = [*module.parameters(), *(x for x in inputs if isinstance(x, Tensor) and x.is_leaf)]
    flags = [leaf.requires_grad for leaf in leaves]
    gradients = [leaf.grad for leaf in leaves]
    buffers = [(buffer, buffer.detach().clone()) for buffer in module.buffers()]
    modes = [(inner, inner.training) for inner in module.modules()]
    with torch.random.fork_rng(devices=[]), attributes_kept(module):
        try:
            for leaf in leaves:
                leaf.grad = None
            yield
        finally:
            for leaf, flag, gradient in zip(leaves, flags, gradients, strict=True):
                leaf.requires_grad_(flag)
                leaf.grad = gradient
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)
            for inner, mode in modes:
                with suppress(AttributeError):  # of a scripted module
                    inner.training = mode
