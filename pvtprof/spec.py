"""What is compared: the eleven published models as one table of data, and the workload.

Facts: the official code, https://github.com/whai362/PVT (``classification/pvt.py`` and
``pvt_v2.py``); papers arXiv:2102.12122 (PVT) and arXiv:2106.13797 (PVT v2).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import index

from pvtprof.errors import SpecError

#: The three attention designs, in the order in which every table shows them.
VARIANTS = ("mha", "sra_conv", "sra_pool")
ATTENTIONS = ("eager", "sdpa")
DTYPES = {"float32": 4, "float64": 8, "bfloat16": 2, "float16": 2}
MODES = ("inference", "training")
#: What a kernel waits for.
BOUNDS = ("compute", "bandwidth", "overhead")
#: Bytes of vectors of AVX2 and AVX-512: what is left of a row after whole ones is dear, element by
#: element in a softmax of short rows and in fused attention.
VECTORS = (32, 64)
DEFAULT_MODEL = "pvt_v2_b2"
DEFAULT_POOL_SIZE = 7
DEFAULT_BUDGET_S = 30.0
CALIBRATE_BUDGET_S = 20.0
CHECK_BUDGET_S = 8.0  # for each row of `pvtprof check`
MAX_SIDE = 16384
MAX_BATCH = 4096
#: Patch embedding (kernel, stride, padding) of stage 1 and of stages 2 to 4, by PVT version.
PATCHES = {1: ((4, 4, 0), (2, 2, 0)), 2: ((7, 4, 3), (3, 2, 1))}
IN_CHANNELS = 3
V1_SMALLEST = 32  # the product of v1's strides: one token in stage 4


def positive(what: str, value: int, most: int | None = None) -> int:
    """``value`` itself where it is a whole number of 1 or more (and at most ``most``)."""
    limit = f"from 1 to {most}" if most else "of 1 or more"
    refusal = SpecError(f"{what} is {value!r}; use a whole number {limit}")
    try:
        whole = index(value)
    except TypeError:
        raise refusal from None
    if isinstance(value, bool) or whole < 1 or whole > (most or whole):
        raise refusal
    return whole


def image_size(img: int | Sequence[int]) -> tuple[int, int]:
    """(height, width) in pixels, from a side or from both.

    >>> image_size(224), image_size((800, 1333))
    ((224, 224), (800, 1333))
    """
    if isinstance(img, Sequence) and not isinstance(img, str):
        if len(img) != 2:
            raise SpecError(f"image size is {img!r}; use a side, or (height, width), in pixels")
        height, width = img
        return (
            positive("image height", height, MAX_SIDE),
            positive("image width", width, MAX_SIDE),
        )
    return image_size((img, img))


def one_of(what: str, value: str, allowed: Sequence[str]) -> str:
    """``value`` itself where it is one of ``allowed``; else an error that offers the nearest."""
    if value not in allowed:
        near = difflib.get_close_matches(str(value), allowed, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise SpecError(f"unknown {what} {value!r}; {hint}use one of {', '.join(allowed)}")
    return value


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One stage: ``depth`` blocks of width ``dim`` with one attention design."""

    dim: int
    depth: int
    num_heads: int
    mlp_ratio: int
    sr_ratio: int
    variant: str = "sra_conv"

    def __post_init__(self) -> None:
        for name in ("dim", "depth", "num_heads", "mlp_ratio", "sr_ratio"):
            positive(name, getattr(self, name))
        one_of("attention variant", self.variant, VARIANTS)
        if self.dim % self.num_heads:
            divisors = ", ".join(str(h) for h in range(1, self.dim + 1) if self.dim % h == 0)
            raise SpecError(
                f"dim {self.dim} is not divisible by num_heads {self.num_heads}; "
                f"use one of {divisors}"
            )

    @property
    def runs_as(self) -> str:
        """The design that really runs: a strided convolution with R = 1 is plain attention."""
        return "mha" if self.variant == "sra_conv" and self.sr_ratio == 1 else self.variant


def check_reduction(where: str, sr_ratio: int, height: int, width: int) -> None:
    """Raise where a strided convolution of R x R does not fit into the token grid.

    >>> check_reduction("stage 4", 8, 7, 7)
    Traceback (most recent call last):
    ...
    pvtprof.errors.SpecError: stage 4: R 8 is larger than its 7x7 token grid; use 1 to 7
    """
    if sr_ratio > min(height, width):
        raise SpecError(
            f"{where}: R {sr_ratio} is larger than its {height}x{width} token grid; "
            f"use 1 to {min(height, width)}"
        )


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One network: four stages and what surrounds them.

    ``version`` is 1 or 2 (PVT or PVT v2). ``mlp_relu`` is the ReLU that PVT v2 "li" puts before
    the depthwise convolution: a property of that published model, not of pooling attention.
    ``built`` is the (height, width) in pixels for which v1's position embeddings are stored.
    """

    name: str
    version: int
    stages: tuple[StageSpec, ...]
    mlp_relu: bool = False
    pool_size: int = DEFAULT_POOL_SIZE
    num_classes: int = 1000
    built: tuple[int, int] = (224, 224)

    def __post_init__(self) -> None:
        if len(self.stages) != 4:
            raise SpecError(f"{self.name} has {len(self.stages)} stages; PVT has 4")
        positive("pool size", self.pool_size, MAX_SIDE)
        positive("num_classes", self.num_classes)
        for side in self.built:
            positive("image side", side, MAX_SIDE)
        if self.version == 1 and min(self.built) < V1_SMALLEST:
            raise SpecError(
                f"image {self.built[0]}x{self.built[1]} is too small for the position embeddings "
                f"of {self.name}; use at least {V1_SMALLEST} pixels a side"
            )
        last = self.stages[3]
        if self.class_token and last.runs_as != "mha":
            raise SpecError(
                f"stage 4 of {self.name} has a class token, which no spatial reduction can carry "
                f"(asked for {last.variant} with R {last.sr_ratio}); "
                "use R 1 there, as the paper does"
            )

    @property
    def class_token(self) -> bool:
        """PVT v1 adds a class token in stage 4, which therefore sees H·W + 1 tokens."""
        return self.version == 1

    def patch(self, stage: int) -> tuple[int, int, int]:
        """(kernel, stride, padding) of the patch embedding of ``stage`` (1 to 4)."""
        first, later = PATCHES[self.version]
        return first if stage == 1 else later

    def with_attention(
        self, variant: str | Sequence[str] | None = None, sr_ratios: Sequence[int] | None = None
    ) -> ModelSpec:
        """The same network with another attention in every stage (or, given four, in each).

        One ``variant`` for the whole network leaves v1's stage 4 plain where the variant pools:
        its class token has no place in a grid. Naming ``sra_pool`` for that stage is an error.
        """
        variants = self._variants(variant)
        ratios = (
            [stage.sr_ratio for stage in self.stages]
            if sr_ratios is None
            else checked_ratios(sr_ratios)
        )
        stages = tuple(
            replace(stage, variant=name, sr_ratio=ratio)
            for stage, name, ratio in zip(self.stages, variants, ratios, strict=True)
        )
        return replace(self, stages=stages)

    def _variants(self, variant: str | Sequence[str] | None) -> Sequence[str]:
        if variant is None:
            return [stage.variant for stage in self.stages]
        if not isinstance(variant, str):
            if len(variant) != 4:
                raise SpecError(
                    f"got {len(variant)} attention variants; use one, or 4, one a stage"
                )
            return variant
        one_of("attention variant", variant, VARIANTS)
        last = "mha" if self.class_token and variant == "sra_pool" else variant
        return [variant] * 3 + [last]


def checked_ratios(ratios: Sequence[int]) -> tuple[int, ...]:
    """Four reduction ratios, each a whole number of 1 or more."""
    if not isinstance(ratios, Sequence) or isinstance(ratios, str):
        raise SpecError(f"R is {ratios!r}; use 4 whole numbers, one a stage, such as (8, 4, 2, 1)")
    if len(ratios) != 4:
        raise SpecError(f"R has {len(ratios)} values; use 4, one a stage, such as 8,4,2,1")
    return tuple(positive(f"R of stage {i}", ratio) for i, ratio in enumerate(ratios, 1))


_V1_DIMS = (64, 128, 320, 512)
_HEADS = (1, 2, 5, 8)
_RATIOS = (8, 4, 2, 1)

#: name: (version, dims, depths, mlp ratios, attention variant). Heads and R are the same in all.
_PUBLISHED = {
    "pvt_tiny": (1, _V1_DIMS, (2, 2, 2, 2), (8, 8, 4, 4), "sra_conv"),
    "pvt_small": (1, _V1_DIMS, (3, 4, 6, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_medium": (1, _V1_DIMS, (3, 4, 18, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_large": (1, _V1_DIMS, (3, 8, 27, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b0": (2, (32, 64, 160, 256), (2, 2, 2, 2), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b1": (2, _V1_DIMS, (2, 2, 2, 2), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b2": (2, _V1_DIMS, (3, 4, 6, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b3": (2, _V1_DIMS, (3, 4, 18, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b4": (2, _V1_DIMS, (3, 8, 27, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b5": (2, _V1_DIMS, (3, 6, 40, 3), (4, 4, 4, 4), "sra_conv"),
    "pvt_v2_b2_li": (2, _V1_DIMS, (3, 4, 6, 3), (8, 8, 4, 4), "sra_pool"),
}


def _published(name: str) -> ModelSpec:
    version, dims, depths, mlp_ratios, variant = _PUBLISHED[name]
    columns = zip(dims, depths, _HEADS, mlp_ratios, _RATIOS, strict=True)
    stages = tuple(StageSpec(*column, variant) for column in columns)
    return ModelSpec(name, version, stages, mlp_relu=variant == "sra_pool")


#: The eleven published models.
MODELS = {name: _published(name) for name in _PUBLISHED}


def model_spec(name: str) -> ModelSpec:
    """The published model of that name.

    >>> model_spec("pvt_v2_b9")
    Traceback (most recent call last):
    ...
    pvtprof.errors.SpecError: unknown model 'pvt_v2_b9'; did you mean pvt_v2_b5 or pvt_v2_b4 or \
pvt_v2_b3? use one of pvt_tiny, pvt_small, pvt_medium, pvt_large, pvt_v2_b0, pvt_v2_b1, \
pvt_v2_b2, pvt_v2_b3, pvt_v2_b4, pvt_v2_b5, pvt_v2_b2_li
    """
    return MODELS[one_of("model", name, tuple(MODELS))]


@dataclass(frozen=True, slots=True)
class Workload:
    """What runs: one published model on one input, and how.

    ``height`` and ``width`` in pixels. ``device`` is what torch calls it; "none" for formulas
    alone. ``sr_ratios`` are those that ``sra_conv`` uses, ``pool_size`` is that of ``sra_pool``.
    ``mode`` "training" is a forward pass and its backward, for peak memory and latency; MACs and
    moved bytes are those of the forward pass in both modes.
    """

    model: str
    height: int
    width: int
    sr_ratios: tuple[int, ...]
    batch: int = 1
    dtype: str = "float32"
    device: str = "none"
    attention: str = "eager"
    mode: str = "inference"
    pool_size: int = DEFAULT_POOL_SIZE

    def __post_init__(self) -> None:
        model_spec(self.model)
        positive("image height", self.height, MAX_SIDE)
        positive("image width", self.width, MAX_SIDE)
        positive("batch", self.batch, MAX_BATCH)
        positive("pool size", self.pool_size, MAX_SIDE)
        checked_ratios(self.sr_ratios)
        one_of("dtype", self.dtype, tuple(DTYPES))
        one_of("attention", self.attention, ATTENTIONS)
        one_of("mode", self.mode, MODES)
        self.spec("sra_conv")

    def spec(self, variant: str) -> ModelSpec:
        """The workload's model with ``variant`` in every stage, at the workload's R and pool."""
        pooled = replace(model_spec(self.model), pool_size=self.pool_size)
        return pooled.with_attention(variant, self.sr_ratios)


def workload(
    model: str = DEFAULT_MODEL,
    img: int | tuple[int, int] = 224,
    sr_ratios: Sequence[int] | None = None,
    *,
    batch: int = 1,
    dtype: str = "float32",
    attention: str = "eager",
    mode: str = "inference",
    pool_size: int = DEFAULT_POOL_SIZE,
) -> Workload:
    """The workload that these words ask for; ``sr_ratios`` None means the model's own."""
    height, width = image_size(img)
    own = tuple(stage.sr_ratio for stage in model_spec(model).stages)
    return Workload(
        model, height, width, own if sr_ratios is None else checked_ratios(sr_ratios),
        positive("batch", batch, MAX_BATCH), dtype, "none", attention, mode,
        positive("pool size", pool_size, MAX_SIDE),
    )  # fmt: skip


def repeated(module: str) -> str:
    """The name of a submodule without the indices of repeated blocks.

    >>> repeated("block1.0.attn.q")
    'block1.attn.q'
    """
    return ".".join(part for part in module.split(".") if not part.isdigit())
