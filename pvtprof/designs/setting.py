"""What a design runs on, and how: image, batch, dtype, attention implementation, mode, device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pvtprof.designs.checks import MAX_BATCH, MAX_SIDE, image_size, one_of, positive
from pvtprof.designs.published import DEFAULT_MODEL, model_spec
from pvtprof.designs.spec import DEFAULT_POOL_SIZE, ModelSpec, checked_ratios

ATTENTIONS = ("eager", "sdpa")
DTYPES = {"float32": 4, "float64": 8, "bfloat16": 2, "float16": 2}
MODES = ("inference", "training")
DEFAULT_BUDGET_S = 30.0
CALIBRATE_BUDGET_S = 20.0
CHECK_BUDGET_S = 8.0  # for each row of `pvtprof check`


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
