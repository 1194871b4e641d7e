"""One published model in one setting, with its three designs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from pvtprof.designs.checks import MAX_BATCH, MAX_SIDE, image_size, positive
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.published import model_spec
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec, checked_ratios
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import DEFAULT_MODEL, DEFAULT_POOL_SIZE

#: The words that make a workload: what `workload` takes.
WORDS = (
    *("model", "img", "sr_ratios", "batch", "dtype", "attention", "mode", "pool_size"),
    *("optimizer", "amp", "checkpoint"),
)


@dataclass(frozen=True, slots=True)
class Workload:
    """One published model on one input, and how it runs.

    ``sr_ratios`` are those that ``sra_conv`` uses, ``pool_size`` is that of ``sra_pool``; the other
    fields are those of a ``Setting``.
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
    optimizer: str = "none"
    amp: str = "off"
    checkpoint: bool = False

    def __post_init__(self) -> None:
        model_spec(self.model)
        positive("pool size", self.pool_size, MAX_SIDE)
        checked_ratios(self.sr_ratios)
        self.setting  # noqa: B018 # raises where it cannot be
        self.spec("sra_conv")

    @property
    def setting(self) -> Setting:
        """The setting of all designs."""
        shared = {field.name for field in fields(Setting)} & {field.name for field in fields(self)}
        return Setting(**{name: getattr(self, name) for name in shared})

    def spec(self, variant: str) -> ModelSpec:
        """Return the model with ``variant`` in every stage, with the workload's R and pool size."""
        pooled = replace(model_spec(self.model), pool_size=self.pool_size)
        return pooled.with_attention(variant, self.sr_ratios)

    def design(self, variant: str) -> PvtDesign:
        """Return the design with ``variant`` in every stage."""
        return PvtDesign(variant, self.spec(variant))

    @property
    def designs(self) -> tuple[PvtDesign, ...]:
        """The three designs, in the order of the tables."""
        return tuple(map(self.design, VARIANTS))


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
    optimizer: str = "none",
    amp: str = "off",
    checkpoint: bool = False,
) -> Workload:
    """Return the workload of these options; ``sr_ratios`` None means the model's own."""
    height, width = image_size(img)
    spec = model_spec(model)
    return Workload(
        spec.name,
        height,
        width,
        spec.sr_ratios if sr_ratios is None else checked_ratios(sr_ratios),
        batch=positive("batch", batch, MAX_BATCH),
        dtype=dtype,
        attention=attention,
        mode=mode,
        pool_size=positive("pool size", pool_size, MAX_SIDE),
        optimizer=optimizer,
        amp=amp,
        checkpoint=checkpoint,
    )
