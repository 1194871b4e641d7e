"""Modules as people bring them: any nesting, branches on data, torch's fused kernels."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

N, C = 256, 32
Built = tuple[nn.Module, Any]


def tokens() -> Tensor:
    return torch.randn(1, N, C)


class Attention(nn.Module):
    """Plain attention with one head: MACs by ``macs``."""

    def __init__(self, dim: int = C) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        mixed: Tensor = self.out((q @ k.transpose(-2, -1)).softmax(-1) @ v)
        return mixed


def macs(n: int = N, c: int = C) -> int:
    return 4 * n * c * c + 2 * n * n * c


class Wrapped(nn.Module):
    """Attention whose inputs and outputs are what ``between`` makes of them."""

    def __init__(self, between: Callable[..., Any]) -> None:
        super().__init__()
        self.attn: nn.Module = Attention()
        self.between = between

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.between(self.attn, *args, **kwargs)


class Maps(NamedTuple):
    """Outputs by name."""

    first: Tensor
    rest: list[Tensor]


def whole_numbers_in() -> Built:
    return Wrapped(lambda attn, x, h, w: attn(x.reshape(1, h * w, C))), (tokens(), 16, 16)


def by_name() -> Built:
    return Wrapped(lambda attn, *, x, scale: attn(x) * scale), {"x": tokens(), "scale": 2.0}


def nested_in() -> Built:
    return Wrapped(lambda attn, both: attn(both["x"][0] + both["x"][1])), (
        {"x": [tokens(), tokens()]},
    )


def list_out() -> Built:
    return Wrapped(lambda attn, x: [x, attn(x)]), tokens()


def dict_out() -> Built:
    return Wrapped(lambda attn, x: {"out": attn(x), "aux": None}), tokens()


def named_out() -> Built:
    return Wrapped(lambda attn, x: Maps(attn(x), [x.mean(1)])), tokens()


def no_tensor_out() -> Built:
    return Wrapped(lambda attn, x: {"n": 3}), tokens()


class Branching(nn.Module):
    """How many tokens are left depends on the data."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = Attention()

    def forward(self, x: Tensor) -> Tensor:
        kept = x[:, x[0, :, 0].topk(N // 4).indices]
        if x.mean().item() > 1e9:
            return x
        return self.attn(kept)  # type: ignore[no-any-return]


def branching() -> Built:
    return Branching(), tokens()


class DropPath(nn.Module):
    """A random tensor, made on the processor wherever the input is."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = Attention()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attn(x) * (torch.rand(x.shape[0], 1, 1) > 0.1)  # type: ignore[no-any-return]


def drop_path() -> Built:
    return DropPath().train(), tokens()


def fused() -> Built:
    """torch takes its fast path here, which fvcore does not know."""
    module = Wrapped(lambda attn, x: attn(x, x, x, need_weights=False)[0])
    module.attn = nn.MultiheadAttention(C, 2, batch_first=True)
    return module.eval(), tokens()


class Normed(nn.Module):
    """Buffers that a forward pass in training mode changes."""

    def __init__(self) -> None:
        super().__init__()
        self.attn, self.norm, self.drop = Attention(), nn.BatchNorm1d(N), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.norm(self.attn(x)))  # type: ignore[no-any-return]


class _Never(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        while True:
            with suppress(Exception):  # not the alarm
                time.sleep(60)


def never_returns() -> Built:
    return _Never(), tokens()


def factory_never_returns() -> Built:
    time.sleep(3600)
    return _Never(), tokens()


class _Deaf(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        while True:
            with suppress(BaseException):  # the alarm too, as a kernel that never returns
                time.sleep(60)


def never_heeds() -> Built:
    return _Deaf(), tokens()
