"""The three attention designs as torch modules: ``mha``, ``sra_conv`` and ``sra_pool``.

Parameter names and shapes are those of the official code, https://github.com/whai362/PVT. Every
step that costs something is a submodule of its own, so that a counter that reports by module
reports by operator; the steps without parameters leave no trace in a checkpoint.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from pvtprof.designs.spec import StageSpec, check_reduction


class Scores(nn.Module):
    """Scaled scores: (B, h, N, d) and (B, h, M, d) to (B, h, N, M)."""

    def __init__(self, head_dim: int) -> None:
        super().__init__()
        self.scale = head_dim**-0.5

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        """Return ``q k^T / sqrt(d)``."""
        scores: Tensor = (q @ k.transpose(-2, -1)) * self.scale
        return scores


class Mix(nn.Module):
    """The values, mixed by the weights: (B, h, N, M) and (B, h, M, d) to (B, h, N, d)."""

    def forward(self, weights: Tensor, v: Tensor) -> Tensor:
        """Return ``weights v``."""
        return weights @ v


class FusedAttention(nn.Module):
    """Scores, softmax and mix in one kernel: ``scaled_dot_product_attention``."""

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
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        if self.reduction == "sra_conv":
            self.sr = nn.Conv2d(dim, dim, kernel_size=self.sr_ratio, stride=self.sr_ratio)
        elif self.reduction == "sra_pool":
            self.pool = nn.AdaptiveAvgPool2d(pool_size)
            self.sr = nn.Conv2d(dim, dim, kernel_size=1)
            self.act = nn.GELU()
        if self.reduction != "mha":
            self.norm = nn.LayerNorm(dim)
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
        """The tokens that become keys and values: (B, M, C)."""
        if self.reduction == "mha":
            return x
        B, _, C = x.shape
        grid = x.permute(0, 2, 1).reshape(B, C, H, W)
        if self.reduction == "sra_pool":
            reduced = self.sr(self.pool(grid))
        else:
            check_reduction("attention", self.sr_ratio, H, W)
            reduced = self.sr(grid)
        reduced = self.norm(reduced.reshape(B, C, -1).permute(0, 2, 1))
        if self.reduction == "sra_pool":
            reduced = self.act(reduced)
        keys: Tensor = reduced
        return keys
