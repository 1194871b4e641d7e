"""A network as data: its stages, and the attention design of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pvtprof.designs.checks import MAX_SIDE, one_of, positive
from pvtprof.designs.tasks import CLASSIFY, TASKS
from pvtprof.designs.variants import PLAIN, VARIANTS
from pvtprof.designs.words import DEFAULT_POOL_SIZE, DEFAULT_PROPOSALS
from pvtprof.errors import SpecError

#: Patch embedding (kernel, stride, padding) of stage 1 and of later stages, by PVT version.
PATCHES = {1: ((4, 4, 0), (2, 2, 0)), 2: ((7, 4, 3), (3, 2, 1))}
IN_CHANNELS = 3
BUILT = (224, 224)
MOST_STAGES = 6
MOST_PROPOSALS = 100_000


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One stage: ``depth`` blocks of width ``dim`` with one attention design.

    ``qkv_bias`` says whether queries, keys and values have a bias.
    """

    dim: int
    depth: int
    num_heads: int
    mlp_ratio: int
    sr_ratio: int
    variant: str = "sra_conv"
    qkv_bias: bool = True

    def __post_init__(self) -> None:
        for name in ("dim", "depth", "num_heads", "mlp_ratio", "sr_ratio"):
            positive(name, getattr(self, name))
        one_of("attention variant", self.variant, tuple(VARIANTS))
        if self.dim % self.num_heads:
            divisors = ", ".join(str(h) for h in range(1, self.dim + 1) if self.dim % h == 0)
            raise SpecError(
                f"dim {self.dim} is not divisible by num_heads {self.num_heads}; "
                f"use one of {divisors}"
            )

    @property
    def runs_as(self) -> str:
        """The variant that really runs: a strided convolution with R = 1 is plain attention."""
        is_plain = VARIANTS[self.variant].has_ratio and self.sr_ratio == 1
        return PLAIN if is_plain else self.variant


def check_reduction(where: str, sr_ratio: int, height: int, width: int) -> None:
    """Raise SpecError if a strided convolution of R x R does not fit into the token grid.

    >>> check_reduction("stage 4", 8, 7, 7)
    Traceback (most recent call last):
    ...
    pvtprof.errors.SpecError: stage 4: R 8 is larger than the 7x7 token grid; use R 1 to 7, or a \
larger image
    """
    if sr_ratio > height or sr_ratio > width:  # not min(), which asks which is smaller
        most = min(height, width)
        allowed = f"1 to {most}" if most > 1 else "1"
        raise SpecError(
            f"{where}: R {sr_ratio} is larger than the {height}x{width} token grid; "
            f"use R {allowed}, or a larger image"
        )


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One network: one to six stages, and the settings around them.

    ``version`` is 1 or 2 (PVT or PVT v2). ``mlp_relu`` is the ReLU that PVT v2 "li" puts before
    the depthwise convolution: a property of that published model, not of pooling attention.
    ``built`` is the (height, width) in pixels for which v1's position embeddings are stored.
    ``patches`` are (kernel, stride, padding) of each stage's patch embedding; empty: the official
    ones of the version. ``task`` is what the network is the backbone of (see ``tasks``), and
    ``proposals`` are those of one image for the box head of "mask-rcnn".
    """

    name: str
    version: int
    stages: tuple[StageSpec, ...]
    mlp_relu: bool = False
    pool_size: int = DEFAULT_POOL_SIZE
    num_classes: int = 1000
    built: tuple[int, int] = BUILT
    in_chans: int = IN_CHANNELS
    patches: tuple[tuple[int, int, int], ...] = ()
    task: str = CLASSIFY
    proposals: int = DEFAULT_PROPOSALS

    def __post_init__(self) -> None:
        if not 1 <= len(self.stages) <= MOST_STAGES:
            raise SpecError(
                f"{self.name} has {len(self.stages)} stages; use 1 to {MOST_STAGES} (PVT has 4)"
            )
        if self.version not in PATCHES:
            raise SpecError(f"version is {self.version!r}; use 1 (PVT) or 2 (PVT v2)")
        if self.mlp_relu and self.version == 1:
            raise SpecError(f"{self.name} is PVT v1; only PVT v2 (linear) has a ReLU in the MLP")
        positive("pool size", self.pool_size, MAX_SIDE)
        positive("num_classes", self.num_classes)
        positive("in_chans", self.in_chans)
        positive("proposals", self.proposals, MOST_PROPOSALS)
        self._check_task()
        self._check_patches()
        for side in self.built:
            positive("image side", side, MAX_SIDE)
        smallest = math.prod(stride for _, stride, _ in map(self.patch, range(1, self.last + 1)))
        if self.version == 1 and min(self.built) < smallest:
            raise SpecError(
                f"image {self.built[0]}x{self.built[1]} is too small for the position embeddings "
                f"of {self.name}; use at least {smallest} pixels a side"
            )
        last = self.stages[-1]
        if self.class_token and last.runs_as != PLAIN:
            raise SpecError(
                f"stage {self.last} of {self.name} has a class token, so it cannot reduce its keys "
                f"({last.variant} with R {last.sr_ratio} was asked for); "
                f"use R 1 in stage {self.last}, as the paper does"
            )

    def _check_task(self) -> None:
        one_of("task", self.task, tuple(TASKS))
        neck = TASKS[self.task].neck
        if neck and neck.start > self.last:
            raise SpecError(
                f"task {self.task} reads the maps from stage {neck.start} on, and {self.name} has "
                f"{self.last}; use a network with more stages, or --task fpn"
            )

    def _check_patches(self) -> None:
        if self.patches and len(self.patches) != self.last:
            raise SpecError(
                f"{self.name} has {len(self.patches)} patch embeddings for {self.last} stages; "
                "use one per stage"
            )
        for number, (kernel, stride, padding) in enumerate(self.patches, 1):
            positive(f"patch size of stage {number}", kernel, MAX_SIDE)
            positive(f"stride of stage {number}", stride, MAX_SIDE)
            if not 0 <= 2 * padding <= kernel:
                raise SpecError(
                    f"stage {number}: padding {padding} is more than half of the patch of {kernel}"
                )
            if self.version == 1 and (stride, padding) != (kernel, 0):
                raise SpecError(
                    f"stage {number}: patches of PVT v1 do not overlap, so the stride is {kernel} "
                    f"and the padding 0, not {stride} and {padding}; use version 2 for others"
                )

    @property
    def last(self) -> int:
        """The number of the last stage."""
        return len(self.stages)

    @property
    def sr_ratios(self) -> tuple[int, ...]:
        """R of every stage."""
        return tuple(stage.sr_ratio for stage in self.stages)

    @property
    def class_token(self) -> bool:
        """Whether the last stage has a class token, and so H·W + 1 tokens.

        PVT v1 has one for classification; detectors use it without.
        """
        return self.version == 1 and self.task == CLASSIFY

    def patch(self, stage: int) -> tuple[int, int, int]:
        """Return (kernel, stride, padding) of the patch embedding of ``stage`` (from 1)."""
        if self.patches:
            return self.patches[stage - 1]
        first, later = PATCHES[self.version]
        return first if stage == 1 else later

    def used_for(self, task: str | None = None, proposals: int | None = None) -> ModelSpec:
        """Return the same network as the backbone of a task; None is what the network has."""
        return replace(
            self,
            task=self.task if task is None else task,
            proposals=self.proposals if proposals is None else proposals,
        )

    def with_attention(
        self, variant: str | Sequence[str] | None = None, sr_ratios: Sequence[int] | None = None
    ) -> ModelSpec:
        """Return the same network with another attention: one variant, or one for each stage.

        If one pooling ``variant`` is given for the whole network, the last stage of PVT v1 stays
        plain, because a class token has no place in a grid. Naming ``sra_pool`` for that stage
        alone is an error.
        """
        variants = self._variants(variant)
        ratios = self.sr_ratios if sr_ratios is None else checked_ratios(sr_ratios, self.last)
        stages = tuple(
            replace(stage, variant=name, sr_ratio=ratio)
            for stage, name, ratio in zip(self.stages, variants, ratios, strict=True)
        )
        return replace(self, stages=stages)

    def _variants(self, variant: str | Sequence[str] | None) -> Sequence[str]:
        if variant is None:
            return [stage.variant for stage in self.stages]
        if not isinstance(variant, str):
            if len(variant) != self.last:
                raise SpecError(
                    f"got {len(variant)} attention variants for the {self.last} stages of "
                    f"{self.name}; use one for all stages, or one per stage"
                )
            return variant
        one_of("attention variant", variant, tuple(VARIANTS))
        last = PLAIN if self.class_token and VARIANTS[variant].pools else variant
        return [variant] * (self.last - 1) + [last]


def checked_ratios(ratios: Sequence[int], count: int = 4) -> tuple[int, ...]:
    """Return ``count`` reduction ratios, each checked to be a whole number of 1 or more."""
    example = (*[1] * (count - 4), 8, 4, 2, 1)[-count:]
    if not isinstance(ratios, Sequence) or isinstance(ratios, str):
        raise SpecError(
            f"R is {ratios!r}; use {count} whole numbers, one per stage, such as {example}"
        )
    if len(ratios) != count:
        such = ",".join(map(str, example))
        raise SpecError(f"R has {len(ratios)} values; use {count}, one per stage, such as {such}")
    return tuple(positive(f"R of stage {i}", ratio) for i, ratio in enumerate(ratios, 1))
