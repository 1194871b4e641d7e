"""The three attention designs as torch modules: ``mha``, ``sra_conv`` and ``sra_pool``.

Parameter names and shapes are those of the official code, https://github.com/whai362/PVT. Every
step that costs something is a submodule of its own, so that a counter that reports by module
reports by operator; the steps without parameters leave no trace in a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from pvtprof.designs.spec import StageSpec, check_reduction


class Scores(nn.Module):
    """Scaled scores of queries and keys: (B, h, N, d) and (B, h, M, d) to (B, h, N, M)."""

    def __init__(self, head_dim: int) -> None:
        super().__init__()
        self.scale = head_dim**-0.5

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        """Return ``q k^T / sqrt(d)``."""
        scores: Tensor = (q @ k.transpose(-2, -1)) * self.scale
        return scores


class Mix(nn.Module):
    """The weighted sum of the values: (B, h, N, M) and (B, h, M, d) to (B, h, N, d)."""

    def forward(self, weights: Tensor, v: Tensor) -> Tensor:
        """Return ``weights v``."""
        return weights @ v


class FusedAttention(nn.Module):
    """Scores, softmax and mix in one kernel, by ``scaled_dot_product_attention``."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return (B, h, N, d); the scores are not stored where the backend fuses."""
        return F.scaled_dot_product_attention(q, k, v)


class Attention(nn.Module):
    """One attention module over a grid of tokens: (B, N, C) to (B, N, C).

    N is H·W, or H·W + 1 with a class token (plain attention only). ``attention`` is "eager"
    (written out) or "sdpa" (fused). Raises SpecError where R exceeds the token grid.
    Source: arXiv:2102.12122, section 3.3; arXiv:2106.13797, section 3.1.
    """

    def __init__(self, stage: StageSpec, attention: str = "eager", pool_size: int = 7) -> None:
        super().__init__()
        dim = stage.dim
        self.num_heads = stage.num_heads
        self.reduction = stage.runs_as
        self.sr_ratio = stage.sr_ratio
        self.q = nn.Linear(dim, dim, bias=stage.qkv_bias)
        self.kv = nn.Linear(dim, 2 * dim, bias=stage.qkv_bias)
        for name, module in REDUCTIONS[self.reduction].modules(stage, pool_size).items():
            self.add_module(name, module)
        self.fused = attention == "sdpa"
        if self.fused:
            self.sdpa = FusedAttention()
        else:
            self.scores = Scores(dim // stage.num_heads)
            self.softmax = nn.Softmax(dim=-1)
            self.mix = Mix()
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, H: int, W: int) -> Tensor:
        """Attend from every token of ``x`` (B, N, C) to the keys of its H x W grid.

        Locals are bound as in the official code, so that the same tensors are alive together.
        """
        B, N, C = x.shape
        q = self.q(x).reshape(B, N, self.num_heads, -1).permute(0, 2, 1, 3)
        keys = self.reduced(x, H, W)
        kv = self.kv(keys).reshape(B, -1, 2, self.num_heads, C // self.num_heads)
        k, v = kv.permute(2, 0, 3, 1, 4)
        if self.fused:
            mixed = self.sdpa(q, k, v)
        else:
            weights = self.softmax(self.scores(q, k))
            mixed = self.mix(weights, v)
        mixed = mixed.transpose(1, 2).reshape(B, N, C)
        out: Tensor = self.proj(mixed)
        return out

    def reduced(self, x: Tensor, H: int, W: int) -> Tensor:
        """Return the tokens that become keys and values: (B, M, C)."""
        return REDUCTIONS[self.reduction].reduce(self, x, H, W)


@dataclass(frozen=True)
class Reduction:
    """How a variant makes its keys: the submodules it adds, and what it does with the tokens.

    ``modules`` are of a stage and a pool size, by the official names. ``reduce`` takes the tokens
    (B, N, C) of an H x W grid to the tokens that become keys and values, (B, M, C).
    """

    modules: Callable[[StageSpec, int], dict[str, nn.Module]]
    reduce: Callable[[Any, Tensor, int, int], Tensor]


def _all_tokens(attention: Any, x: Tensor, H: int, W: int) -> Tensor:
    return x


def _convolved(attention: Any, x: Tensor, H: int, W: int) -> Tensor:
    check_reduction("attention", attention.sr_ratio, H, W)
    B, _, C = x.shape
    grid = x.permute(0, 2, 1).reshape(B, C, H, W)
    reduced = attention.sr(grid)
    reduced = attention.norm(reduced.reshape(B, C, -1).permute(0, 2, 1))
    keys: Tensor = reduced
    return keys


def _pooled(attention: Any, x: Tensor, H: int, W: int) -> Tensor:
    B, _, C = x.shape
    grid = x.permute(0, 2, 1).reshape(B, C, H, W)
    reduced = attention.sr(attention.pool(grid))
    reduced = attention.norm(reduced.reshape(B, C, -1).permute(0, 2, 1))
    keys: Tensor = attention.act(reduced)
    return keys


def _convolution(stage: StageSpec, pool_size: int) -> dict[str, nn.Module]:
    R = stage.sr_ratio
    return {
        "sr": nn.Conv2d(stage.dim, stage.dim, kernel_size=R, stride=R),
        "norm": nn.LayerNorm(stage.dim),
    }


def _pooling(stage: StageSpec, pool_size: int) -> dict[str, nn.Module]:
    return {
        "pool": nn.AdaptiveAvgPool2d(pool_size),
        "sr": nn.Conv2d(stage.dim, stage.dim, kernel_size=1),
        "act": nn.GELU(),
        "norm": nn.LayerNorm(stage.dim),
    }


#: The reduction of every variant by its name: see ``designs.variants``.
REDUCTIONS: Mapping[str, Reduction] = {
    "mha": Reduction(lambda stage, pool_size: {}, _all_tokens),
    "sra_conv": Reduction(_convolution, _convolved),
    "sra_pool": Reduction(_pooling, _pooled),
}
