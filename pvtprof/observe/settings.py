"""Torch as a pass over a user's module needs it, and what such a module returns."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from pvtprof.observe.nesting import tensors
from pvtprof.observe.untouched import attributes_kept


@contextmanager
def settings(module: nn.Module) -> Iterator[None]:
    """Yield torch as a pass needs it, and the module afterwards as it was.

    The fast path that hides operators of attention is off, torch's log of kernels without a
    symbolic rule is silent (the error says it), and what the module's forward keeps is taken back.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    log = logging.getLogger("torch._subclasses.fake_tensor")
    level = log.level
    torch.backends.mha.set_fastpath_enabled(False)
    log.setLevel(logging.CRITICAL + 1)
    try:
        with attributes_kept(module):
            yield
    finally:
        log.setLevel(level)
        torch.backends.mha.set_fastpath_enabled(fast)


def empty_state(module: nn.Module, learns: bool = True) -> dict[str, Tensor]:
    """Return parameters and buffers without content, of the same layout, on the default device."""
    made = {}
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        like = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
        made[name] = like.requires_grad_(tensor.requires_grad and learns)
    return made


def tensors_of(output: Any) -> list[Tensor]:
    """Return every tensor of an output of any nesting, each once."""
    return list({id(tensor): tensor for tensor in tensors(output)}.values())


def storages_of(output: Any) -> list[Any]:
    """Return the storages of the tensors of an output, each once."""
    return list({id(s): s for s in (t.untyped_storage() for t in tensors_of(output))}.values())
