"""PVT v2: Wang et al. 2022, arXiv:2106.13797; official ``classification/pvt_v2.py``."""

from __future__ import annotations

from torch import Tensor, nn

from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.models.pvt import BLOCK_EPS, Block, as_map, patch_embed, run_block


class DepthwiseConv(nn.Module):
    """A depthwise 3x3 convolution over the token grid: (B, N, C) to (B, N, C)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, kernel_size=3, padding=1, groups=dim)

    def forward(self, x: Tensor, H: int, W: int) -> Tensor:
        """Convolve each channel over the grid."""
        B, _, C = x.shape
        x = self.dwconv(x.transpose(1, 2).view(B, C, H, W))
        return x.flatten(2).transpose(1, 2)


class ConvMlp(nn.Module):
    """The MLP with a depthwise convolution before the GELU: (B, N, C) to (B, N, C)."""

    def __init__(self, dim: int, hidden: int, relu: bool) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.relu = nn.ReLU() if relu else None
        self.dwconv = DepthwiseConv(hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor, H: int, W: int) -> Tensor:
        """Transform the tokens of an H x W grid."""
        x = self.fc1(x)
        if self.relu is not None:
            x = self.relu(x)
        x = self.dwconv(x, H, W)
        x = self.act(x)
        out: Tensor = self.fc2(x)
        return out


class PyramidVisionTransformerV2(nn.Module):
    """PVT v2: images (B, in_chans, H, W) to logits (B, num_classes), or to the maps of all stages.

    As a detector's backbone it has no head (official ``detection/pvt_v2.py``).
    """

    def __init__(self, spec: ModelSpec, attention: str = "eager") -> None:
        super().__init__()
        self.last = spec.last
        self.checkpoint = False
        for number, stage in enumerate(spec.stages, 1):
            blocks = [
                Block(
                    stage,
                    ConvMlp(stage.dim, stage.dim * stage.mlp_ratio, spec.mlp_relu),
                    attention,
                    spec.pool_size,
                )
                for _ in range(stage.depth)
            ]
            setattr(self, f"patch_embed{number}", patch_embed(spec, number))
            setattr(self, f"block{number}", nn.ModuleList(blocks))
            setattr(self, f"norm{number}", nn.LayerNorm(stage.dim, eps=BLOCK_EPS))
        self.gives_maps = spec.task != CLASSIFY
        if self.gives_maps:
            return
        self.head = nn.Linear(spec.stages[-1].dim, spec.num_classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the logits (B, num_classes), or the maps of all stages."""
        if self.gives_maps:
            return self.forward_maps(x)
        logits: Tensor = self.head(self.forward_features(x))
        return logits

    def forward_features(self, x: Tensor) -> Tensor:
        """Return what the head reads, the mean over the tokens (B, C)."""
        for number in range(1, self.last + 1):
            x, H, W = getattr(self, f"patch_embed{number}")(x)
            for block in getattr(self, f"block{number}"):
                x = run_block(block, x, H, W, self.checkpoint)
            x = getattr(self, f"norm{number}")(x)
            if number < self.last:
                x = as_map(x, H, W)
        return x.mean(dim=1)

    def forward_maps(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the map (B, C, H, W) of every stage."""
        maps = []
        for number in range(1, self.last + 1):
            x, H, W = getattr(self, f"patch_embed{number}")(x)
            for block in getattr(self, f"block{number}"):
                x = run_block(block, x, H, W, self.checkpoint)
            x = getattr(self, f"norm{number}")(x)
            x = as_map(x, H, W)
            maps.append(x)
        return tuple(maps)
