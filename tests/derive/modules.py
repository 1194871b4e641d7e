"""Modules that people bring: factories that return (module, example input)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Window(nn.Module):
    """Attention in windows of side x side tokens, padded where the grid is no multiple."""

    def __init__(self, dim: int = 32, heads: int = 4, side: int = 7) -> None:
        super().__init__()
        self.heads, self.side = heads, side
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        s = self.side
        x = F.pad(x, (0, -w % s, 0, -h % s))
        rows, columns = x.shape[2] // s, x.shape[3] // s
        x = x.view(b, c, rows, s, columns, s).permute(0, 2, 4, 3, 5, 1).reshape(-1, s * s, c)
        q, k, v = self.qkv(x).view(-1, s * s, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        x = (q @ k.transpose(-2, -1)).softmax(-1) @ v
        x = self.proj(x.transpose(1, 2).reshape(-1, s * s, c))
        x = x.view(b, rows, columns, s, s, c).permute(0, 5, 1, 3, 2, 4)
        return x.reshape(b, c, rows * s, columns * s)[:, :, :h, :w]


def window() -> tuple[nn.Module, Tensor]:
    return Window(), torch.zeros(1, 32, 56, 56)


class Neighbours(nn.Module):
    """Attention of each position to its 3 x 3 neighbours, by unfold."""

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        near = F.unfold(x, 3, padding=1).view(b, c, 9, h * w).permute(0, 3, 2, 1)
        query = x.flatten(2).transpose(1, 2).unsqueeze(2)
        scores = (query @ near.transpose(-2, -1)).softmax(-1)
        return (scores @ near).squeeze(2).transpose(1, 2).reshape(b, c, h, w)


def neighbours() -> tuple[nn.Module, Tensor]:
    return Neighbours(), torch.zeros(1, 32, 28, 28)


class Inference(nn.Module):
    """A module that runs under inference_mode, where composite operators are not taken apart."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(16, 48)

    def forward(self, x: Tensor) -> Tensor:
        with torch.inference_mode():
            return torch.matmul(self.inner(x), torch.ones(48, 8))


def inference() -> tuple[nn.Module, Tensor]:
    return Inference(), torch.zeros(1, 10, 16)


@dataclass
class Output:
    first: Tensor
    second: tuple[Tensor, ...]


class Nested(nn.Module):
    """Two inputs by keyword, one of them a mask, and an output of several layers."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, q: Tensor, k: Tensor, mask: Tensor) -> dict[str, Any]:
        scores = (self.q(q) @ self.k(k).transpose(-2, -1)).masked_fill(mask, 0)
        return {"out": Output(scores, (scores @ k,)), "k": [k]}


def nested() -> tuple[nn.Module, dict[str, Tensor]]:
    return Nested(), {
        "q": torch.zeros(1, 6, 8),
        "k": torch.zeros(1, 4, 8),
        "mask": torch.zeros(1, 6, 4, dtype=torch.bool),
    }


class Grid(nn.Module):
    """Tokens with the sides of their grid as numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 2, 2)

    def forward(self, x: Tensor, H: int, W: int) -> Tensor:  # noqa: N803 # as in PVT
        return self.conv(x.transpose(1, 2).reshape(x.shape[0], 8, H, W))


def grid() -> tuple[nn.Module, tuple[Any, ...]]:
    return Grid(), (torch.zeros(1, 64, 8), 8, 8)


class Branch(nn.Module):
    """A forward that asks for the content of a tensor."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def branch() -> tuple[nn.Module, Tensor]:
    return Branch(), torch.zeros(1, 4, 8)


class Fixed(nn.Module):
    """A learned position for each of 16 tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.zeros(1, 16, 8))
        self.fc = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x + self.position)


def fixed() -> tuple[nn.Module, Tensor]:
    return Fixed(), torch.zeros(1, 16, 8)


class Half(nn.Module):
    """As many pieces as a side has remainders: rows are dropped where there is one too many."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] % 2 == 1:
            x = x[:, :, 1:]
        return self.conv(x)


def half() -> tuple[nn.Module, Tensor]:
    return Half(), torch.zeros(1, 4, 8, 8)


class Dropped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.drop = nn.Linear(8, 8), nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.fc(x))


def dropped() -> tuple[nn.Module, Tensor]:
    return Dropped().train(), torch.zeros(1, 16, 8)


def encoder() -> tuple[nn.Module, Tensor]:
    layer = nn.TransformerEncoderLayer(256, 8, 512, batch_first=True).eval()
    return layer, torch.zeros(2, 100, 256)


def attention() -> tuple[nn.Module, tuple[Tensor, ...]]:
    x = torch.zeros(1, 300, 448)
    return nn.MultiheadAttention(448, 4, batch_first=True).eval(), (x, x, x)


def raises() -> tuple[nn.Module, Tensor]:
    raise KeyError("no such thing")


def three() -> tuple[int, int, int]:
    return 1, 2, 3
