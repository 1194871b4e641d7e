"""From image size to token grids to index sizes. No other module derives sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pvtprof.designs.spec import ModelSpec, StageSpec, check_reduction
from pvtprof.designs.variants import VARIANTS
from pvtprof.errors import SpecError

#: Index letter -> size; see :data:`INDICES` for what each letter means.
Sizes: TypeAlias = Mapping[str, int]

#: Every index letter that an operator may use.
INDICES = {
    "b": "batch",
    "n": "query tokens",
    "m": "key tokens",
    "s": "grid positions (query tokens without a class token)",
    "u": "stored position embeddings",
    "w": "stored position embeddings of the grid (without that of a class token)",
    "c": "in-channels",
    "e": "out-channels",
    "h": "heads",
    "d": "head dim",
    "i": "kernel height of the reduction",
    "j": "kernel width of the reduction",
    "x": "kernel height of the depthwise convolution",
    "y": "kernel width of the depthwise convolution",
    "k": "kernel height of the patch embedding",
    "l": "kernel width of the patch embedding",
    "p": "input positions of the patch embedding",
    "g": "input channels of the patch embedding",
    "f": "hidden channels of the MLP",
    "t": "key and value",
    "z": "classes",
    "r": "proposals of one image",
    "N": "query tokens as the papers' script takes them",
    "M": "key tokens as the papers' script takes them",
}


#: How a network's stages are counted in words.
COUNTS = (
    "",
    "one stage",
    "two stages",
    "three stages",
    "four stages",
    "five stages",
    "six stages",
)


def conv_out(extent: int, kernel: int, stride: int, padding: int = 0) -> int:
    """Return the output length of a convolution along one axis, as ``torch.nn.Conv2d`` has it.

    >>> conv_out(224, kernel=7, stride=4, padding=3)
    56
    """
    return (extent + 2 * padding - kernel) // stride + 1


def token_grids(spec: ModelSpec, height: int, width: int) -> tuple[tuple[int, int], ...]:
    """Return the token grid (height, width) of each stage, for an image in pixels.

    >>> from pvtprof.designs.published import model_spec
    >>> token_grids(model_spec("pvt_v2_b2"), 800, 1333)
    ((200, 334), (100, 167), (50, 84), (25, 42))
    """
    grids = []
    grid = (height, width)
    for stage in range(1, spec.last + 1):
        patch = spec.patch(stage)
        grid = (conv_out(grid[0], *patch), conv_out(grid[1], *patch))
        if min(grid) < 1:
            raise SpecError(
                f"image {height}x{width} is too small for the {COUNTS[spec.last]} of {spec.name}: "
                f"nothing is left in stage {stage}; "
                f"use at least {smallest_side(spec)} pixels a side"
            )
        grids.append(grid)
    return tuple(grids)


def smallest_side(spec: ModelSpec) -> int:
    """Return the fewest pixels along one side that leave a token in every stage.

    >>> from pvtprof.designs.published import model_spec
    >>> smallest_side(model_spec("pvt_tiny")), smallest_side(model_spec("pvt_v2_b2"))
    (32, 1)
    """
    side = 1
    for stage in range(spec.last, 0, -1):
        kernel, stride, padding = spec.patch(stage)
        side = max(1, (side - 1) * stride + kernel - 2 * padding)
    return side


def attention_sizes(
    stage: StageSpec, batch: int, grid: tuple[int, int], pool_size: int, extra_tokens: int = 0
) -> dict[str, int]:
    """Return the index sizes of one attention module over a ``grid`` of tokens.

    "a", the rows of the grid, is no operator's index: what kernels take depends on it.
    """
    height, width = grid
    rule = VARIANTS[stage.runs_as]
    kernel = stage.sr_ratio if rule.has_ratio else 1
    if rule.has_ratio:
        check_reduction("attention", kernel, height, width)
        keys = conv_out(height, kernel, kernel) * conv_out(width, kernel, kernel)
    else:
        keys = pool_size**2 if rule.pools else height * width + extra_tokens
    return {
        "b": batch,
        "n": height * width + extra_tokens,
        "m": keys,
        "a": height,
        "c": stage.dim,
        "e": stage.dim,
        "h": stage.num_heads,
        "d": stage.dim // stage.num_heads,
        "i": kernel,
        "j": kernel,
        "t": 2,
    }


def model_sizes(spec: ModelSpec, batch: int, image: tuple[int, int]) -> tuple[Sizes, ...]:
    """Return the index sizes of each stage, for images of (height, width) pixels."""
    grids = token_grids(spec, *image)
    stored = token_grids(spec, *spec.built) if spec.version == 1 else grids
    before = (image, *grids)
    channels = (spec.in_chans, *(stage.dim for stage in spec.stages))
    sizes = []
    shrunk = 1
    for number, stage in enumerate(spec.stages, 1):
        grid, built = grids[number - 1], stored[number - 1]
        if VARIANTS[stage.runs_as].has_ratio:
            check_reduction(f"stage {number}", stage.sr_ratio, *grid)
        extra = 1 if spec.class_token and number == spec.last else 0
        kernel, stride, _ = spec.patch(number)
        shrunk *= stride
        sizes.append(
            {
                **attention_sizes(stage, batch, grid, spec.pool_size, extra),
                **_paper_tokens(stage, (image[0] // shrunk, image[1] // shrunk), spec.pool_size),
                "s": grid[0] * grid[1],
                "w": built[0] * built[1],
                "u": built[0] * built[1] + (spec.version == 1 and number == spec.last),
                "f": stage.dim * stage.mlp_ratio,
                "x": 3,
                "y": 3,
                "p": before[number - 1][0] * before[number - 1][1],
                "g": channels[number - 1],
                "k": kernel,
                "l": kernel,
                "z": spec.num_classes,
            }
        )
    return tuple(sizes)


def _paper_tokens(stage: StageSpec, grid: tuple[int, int], pool_size: int) -> dict[str, int]:
    """Return the number of tokens as the official ``get_flops.py`` has it.

    Its ``grid`` is H // 4 x W // 4, H // 8 x W // 8, ..., whatever the padding adds.
    """
    height, width = grid
    rule = VARIANTS[stage.runs_as]
    ratio = stage.sr_ratio if rule.has_ratio else 1
    keys = pool_size**2 if rule.pools else (height // ratio) * (width // ratio)
    return {"N": height * width, "M": keys}
