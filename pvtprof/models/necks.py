"""The feature pyramid network over a backbone: Lin et al. 2017, arXiv:1612.03144.

Names of submodules and parameters are those of mmdetection 2.8.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from pvtprof.designs.tasks import WIDTH, Neck


class ConvLayer(nn.Module):
    """A convolution that keeps the grid; with a norm (and then no bias) and a ReLU if asked."""

    def __init__(
        self, channels: tuple[int, int], kernel: int, norm: bool = False, relu: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(*channels, kernel, padding=kernel // 2, bias=not norm)
        self.bn = nn.BatchNorm2d(channels[1]) if norm else None
        self.activate = nn.ReLU(inplace=True) if relu else None

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C', H, W) for (B, C, H, W)."""
        x = self.conv(x)
        if self.bn is not None:
            x = self.bn(x)
        if self.activate is not None:
            x = self.activate(x)
        return x


class Halving(nn.Module):
    """A 3x3 convolution with stride 2, under the name that ``ConvLayer`` gives it."""

    def __init__(self, channels: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(*channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C', ceil(H / 2), ceil(W / 2))."""
        out: Tensor = self.conv(x)
        return out


class FPN(nn.Module):
    """Maps of the stages to maps of 256 channels, each with what lies above added to it."""

    def __init__(self, dims: Sequence[int], neck: Neck) -> None:
        super().__init__()
        read = dims[neck.start - 1 :]
        self.start = neck.start
        self.pooled = neck.extra if neck.by == "pool" else 0
        self.lateral_convs = nn.ModuleList(ConvLayer((dim, WIDTH), 1) for dim in read)
        self.fpn_convs = nn.ModuleList(ConvLayer((WIDTH, WIDTH), 3) for _ in read)
        if neck.by == "conv":
            self.fpn_convs.extend(
                Halving((WIDTH if number else read[-1], WIDTH)) for number in range(neck.extra)
            )

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the pyramid, largest map first; maps beyond the last stage come last."""
        laterals = [
            lateral(maps[i]) for i, lateral in enumerate(self.lateral_convs, self.start - 1)
        ]
        for i in range(len(laterals) - 1, 0, -1):
            grid = laterals[i - 1].shape[2:]
            laterals[i - 1] = laterals[i - 1] + F.interpolate(laterals[i], size=grid)
        outs = [self.fpn_convs[i](x) for i, x in enumerate(laterals)]
        for i in range(len(outs), len(self.fpn_convs)):
            outs.append(self.fpn_convs[i](maps[-1] if i == len(laterals) else outs[-1]))
        for _ in range(self.pooled):
            outs.append(F.max_pool2d(outs[-1], 1, stride=2))
        return tuple(outs)
