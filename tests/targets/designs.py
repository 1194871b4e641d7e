"""Attention and what may be done to it; each factory returns (module, example input)."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

from pvtprof.designs.spec import StageSpec
from pvtprof.models.build import build_attention

GRID = (8, 8)
Built = tuple[nn.Module, Tensor]


def attention(sr_ratio: int = 2, variant: str = "sra_conv") -> Built:
    module = build_attention(StageSpec(32, 1, 2, 1, sr_ratio, variant), GRID)
    return module, torch.randn(2, 64, 32)


def other_r() -> Built:
    return attention(sr_ratio=4)


def extra_linear() -> Built:
    module, x = attention()
    return nn.Sequential(module, nn.Linear(32, 32)), x


def lost_bias() -> Built:
    module, x = attention()
    module.attn.proj.bias = None
    return module, x


class _KeepsScores(nn.Module):
    """Scores, of which one more copy stays alive: the clone that softmax does not read."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.kept: Tensor | None = None

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        scores: Tensor = self.inner(q, k)
        self.kept = scores.detach().clone()
        return scores


def keeps_scores() -> Built:
    module, x = attention()
    module.attn.scores = _KeepsScores(module.attn.scores)
    return module, x


class _Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x)


def skipped_operator() -> Built:
    module, x = attention()
    return nn.Sequential(module, _Doubled()), x


def raises() -> Built:
    raise ValueError("no such checkpoint")


def no_module() -> int:
    return 3


def no_input() -> tuple[nn.Module, int]:
    return nn.Linear(2, 2), 4


def wrong_shape() -> Built:
    return nn.Linear(3, 3), torch.randn(2, 2)


def not_finite() -> Built:
    module = nn.Linear(2, 2)
    nn.init.constant_(module.weight, float("nan"))
    return module, torch.randn(2, 2)


def repeated(times: float) -> Built:
    """The rows of an MLP, so many times over: proportionally more work, really done."""
    rows = round(2048 * times)
    return nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64)), torch.randn(rows, 64)


def work() -> Built:
    return repeated(float(os.environ.get("PVTPROF_TEST_WORK", "1")))


def no_params() -> tuple[nn.Module, Tensor]:
    """Nothing to learn."""
    return nn.Softmax(-1), torch.randn(4, 8)


class _Largest(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).argmax(-1)


def whole_numbers() -> tuple[nn.Module, Tensor]:
    """An output that nothing can learn from."""
    return _Largest(8, 8), torch.randn(4, 8)
