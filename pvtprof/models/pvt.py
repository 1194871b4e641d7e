"""PVT v1: Wang et al. 2021, arXiv:2102.12122; official ``classification/pvt.py``."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.models.attention import Attention

BLOCK_EPS = 1e-6  # of the norms in blocks and the last norm; elsewhere torch's default, 1e-5


class Mlp(nn.Module):
    """Two linear layers with a GELU between: (B, N, C) to (B, N, C)."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor, H: int, W: int) -> Tensor:
        """Transform each token by itself; the grid H x W is not used."""
        out: Tensor = self.fc2(self.act(self.fc1(x)))
        return out


class Block(nn.Module):
    """One transformer block, pre-norm: (B, N, C) to (B, N, C)."""

    def __init__(self, stage: StageSpec, mlp: nn.Module, attention: str, pool_size: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(stage.dim, eps=BLOCK_EPS)
        self.attn = Attention(stage, attention, pool_size)
        self.norm2 = nn.LayerNorm(stage.dim, eps=BLOCK_EPS)
        self.mlp = mlp

    def forward(self, x: Tensor, H: int, W: int) -> Tensor:
        """Attention, then MLP, each added to its input."""
        x = x + self.attn(self.norm1(x), H, W)
        out: Tensor = x + self.mlp(self.norm2(x), H, W)
        return out


class PatchEmbed(nn.Module):
    """Image or feature map (B, C, H, W) to tokens (B, N, C') and their grid."""

    def __init__(self, in_channels: int, dim: int, patch: tuple[int, int, int]) -> None:
        super().__init__()
        kernel, stride, padding = patch
        self.proj = nn.Conv2d(in_channels, dim, kernel, stride, padding)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> tuple[Tensor, int, int]:
        """Return the tokens, the grid's height and its width."""
        x = self.proj(x)
        H, W = x.shape[-2:]
        return self.norm(x.flatten(2).transpose(1, 2)), H, W


def patch_embed(spec: ModelSpec, number: int) -> PatchEmbed:
    """Return the patch embedding of stage ``number`` (from 1)."""
    in_channels = spec.in_chans if number == 1 else spec.stages[number - 2].dim
    return PatchEmbed(in_channels, spec.stages[number - 1].dim, spec.patch(number))


def as_map(x: Tensor, H: int, W: int) -> Tensor:
    """Return tokens (B, H·W, C) as a feature map (B, C, H, W)."""
    return x.reshape(x.shape[0], H, W, -1).permute(0, 3, 1, 2).contiguous()


class Interpolate(nn.Module):
    """A stored position embedding (1, h·w, C), resized to another grid: (1, H·W, C)."""

    def __init__(self, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid

    def forward(self, embedding: Tensor, H: int, W: int) -> Tensor:
        """Resize bilinearly, as the official code does."""
        stored = embedding.reshape(1, *self.grid, -1).permute(0, 3, 1, 2)
        resized = F.interpolate(stored, size=(H, W), mode="bilinear")
        return resized.reshape(1, -1, H * W).permute(0, 2, 1)


def run_block(block: nn.Module, x: Tensor, H: int, W: int, recompute: bool) -> Tensor:
    """Return the tokens after a block; with ``recompute``, backward runs the block once more."""
    out: Tensor = checkpoint(block, x, H, W, use_reentrant=False) if recompute else block(x, H, W)
    return out


class PyramidVisionTransformer(nn.Module):
    """PVT v1: images (B, in_chans, H, W) to logits (B, num_classes), or to the maps of all stages.

    Right at every image size. The official code compares the *number* of tokens with stage 1's
    built number to decide whether to resize a position embedding: it crashes at 448x448, 896x896
    and 224x896, and misplaces the embedding at 112x448. Here grids are compared, in stage 1 alone;
    later stages always resize, as the official code does at all other sizes.

    As a detector's backbone it has neither class token, last norm nor head (official
    ``detection/pvt.py``); the embedding of the last stage keeps its entry for the class token, so
    that checkpoints load, and leaves it out.
    """

    def __init__(self, spec: ModelSpec, attention: str = "eager") -> None:
        super().__init__()
        self.last = spec.last
        self.checkpoint = False
        H, W = spec.built
        for number, stage in enumerate(spec.stages, 1):
            _, stride, _ = spec.patch(number)
            H, W = H // stride, W // stride
            stored = H * W + (1 if number == spec.last else 0)
            blocks = [
                Block(stage, Mlp(stage.dim, stage.dim * stage.mlp_ratio), attention, spec.pool_size)
                for _ in range(stage.depth)
            ]
            setattr(self, f"patch_embed{number}", patch_embed(spec, number))
            setattr(self, f"pos_embed{number}", nn.Parameter(torch.zeros(1, stored, stage.dim)))
            setattr(self, f"interpolate{number}", Interpolate((H, W)))
            setattr(self, f"block{number}", nn.ModuleList(blocks))
        self.gives_maps = not spec.class_token
        if self.gives_maps:
            return
        dim = spec.stages[-1].dim
        self.norm = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.head = nn.Linear(dim, spec.num_classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the logits (B, num_classes), or the maps of all stages."""
        if self.gives_maps:
            return self.forward_maps(x)
        logits: Tensor = self.head(self.forward_features(x))
        return logits

    def forward_features(self, x: Tensor) -> Tensor:
        """Return what the head reads, the class token (B, C)."""
        for number in range(1, self.last + 1):
            x, H, W = getattr(self, f"patch_embed{number}")(x)
            if number == self.last:
                x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1)
            x = x + self.position(number, H, W)
            for block in getattr(self, f"block{number}"):
                x = run_block(block, x, H, W, self.checkpoint)
            if number < self.last:
                x = as_map(x, H, W)
        x = self.norm(x)
        return x[:, 0]

    def forward_maps(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the map (B, C, H, W) of every stage."""
        maps = []
        for number in range(1, self.last + 1):
            x, H, W = getattr(self, f"patch_embed{number}")(x)
            x = x + self.position(number, H, W)
            for block in getattr(self, f"block{number}"):
                x = run_block(block, x, H, W, self.checkpoint)
            x = as_map(x, H, W)
            maps.append(x)
        return tuple(maps)

    def position(self, number: int, H: int, W: int) -> Tensor:
        """Return the position embedding of stage ``number`` for an H x W grid: (1, N, C)."""
        embedding: Tensor = getattr(self, f"pos_embed{number}")
        interpolate = getattr(self, f"interpolate{number}")
        if self.gives_maps and number == self.last:
            embedding = embedding[:, 1:]
        if number == 1 and interpolate.grid == (H, W):
            return embedding
        if self.gives_maps or number < self.last:
            resized: Tensor = interpolate(embedding, H, W)
            return resized
        return torch.cat((embedding[:, :1], interpolate(embedding[:, 1:], H, W)), dim=1)
