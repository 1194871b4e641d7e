"""One model in one setting, with its designs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from pvtprof.designs import chosen
from pvtprof.designs.checks import MAX_BATCH, MAX_SIDE, image_size, positive
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.named import Model, given_as, network
from pvtprof.designs.published import NAMEABLE
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec, checked_ratios
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.designs.training import Training
from pvtprof.designs.words import DEFAULT_MODEL, DEFAULT_POOL_SIZE, DEFAULT_PROPOSALS

#: The words that make a workload: what `workload` takes.
WORDS = (
    *("model", "img", "sr_ratios", "batch", "dtype", "attention", "mode", "pool_size"),
    *("changes", "designs", "task", "proposals"),
    *("optimizer", "amp", "checkpoint"),
)


@dataclass(frozen=True, slots=True)
class Workload:
    """One network on one input, and how it runs.

    ``sr_ratios`` are those that ``sra_conv`` uses, ``pool_size`` is that of ``sra_pool``; ``task``
    and ``proposals`` are those of a ``ModelSpec``, the other fields those of a ``Setting``.
    ``given`` is what names the model: a name or the path of a design file ("": it was given as a
    value). ``changes`` are the settings on top of it, which ``model`` has already; ``chosen`` are
    the designs in place of the usual three. All are as the command line has them.
    """

    model: ModelSpec
    height: int
    width: int
    sr_ratios: tuple[int, ...]
    batch: int = 1
    dtype: str = "float32"
    device: str = "none"
    attention: str = "eager"
    mode: str = "inference"
    pool_size: int = DEFAULT_POOL_SIZE
    task: str = CLASSIFY
    proposals: int = DEFAULT_PROPOSALS
    given: str = ""
    changes: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    optimizer: str = "none"
    amp: str = "off"
    checkpoint: bool = False

    def __post_init__(self) -> None:
        positive("pool size", self.pool_size, MAX_SIDE)
        checked_ratios(self.sr_ratios, self.model.last)
        self.setting  # noqa: B018 # raises where it cannot be
        self.designs  # noqa: B018 # raises where one cannot be

    def again(self) -> Workload:
        """Return the workload with its design file read again, where it has one.

        R and the pool size follow the file where they were the file's.
        """
        if not self.given or self.given in NAMEABLE:
            return self
        spec, was = network(self.given, self.changes), self.model
        ratios = spec.sr_ratios if self.sr_ratios == was.sr_ratios else self.sr_ratios
        pool_size = spec.pool_size if self.pool_size == was.pool_size else self.pool_size
        return replace(self, model=spec, sr_ratios=ratios, pool_size=pool_size)

    @property
    def name(self) -> str:
        """The name of the network, such as "pvt_v2_b2"."""
        return self.model.name

    @property
    def setting(self) -> Setting:
        """The setting of all designs."""
        shared = {field.name for field in fields(Setting)} & {field.name for field in fields(self)}
        return Setting(**{name: getattr(self, name) for name in shared})

    @property
    def _pooled(self) -> ModelSpec:
        used = self.model.used_for(self.task, self.proposals)
        return replace(used, pool_size=self.pool_size)

    def spec(self, variant: str) -> ModelSpec:
        """Return the model with ``variant`` in every stage, with the workload's R and pool size."""
        return self._pooled.with_attention(variant, self.sr_ratios)

    def design(self, variant: str) -> PvtDesign:
        """Return the design with ``variant`` in every stage."""
        return PvtDesign(variant, self.spec(variant))

    @property
    def designs(self) -> tuple[PvtDesign, ...]:
        """The designs, in the order of the tables: those chosen, or one a variant.

        Beside those the model's own, where its stages differ.
        """
        if self.chosen:
            return chosen.chosen(self._pooled, self.sr_ratios, self.chosen)
        return chosen.usual(self._pooled, self.sr_ratios)


def workload(
    model: Model = DEFAULT_MODEL,
    img: int | tuple[int, int] = 224,
    sr_ratios: Sequence[int] | None = None,
    *,
    batch: int = 1,
    dtype: str = "float32",
    attention: str = "eager",
    mode: str = "inference",
    pool_size: int | None = None,
    changes: Sequence[str] = (),
    designs: chosen.Given = (),
    task: str | None = None,
    proposals: int | None = None,
    optimizer: str = "none",
    amp: str = "off",
    checkpoint: bool = False,
) -> Workload:
    """Return the workload of these options; what is None is the model's own.

    ``changes`` are settings on top of the model, such as "depths=3,4,18,3".
    """
    height, width = image_size(img)
    spec = network(model, changes)
    return Workload(
        spec,
        height,
        width,
        spec.sr_ratios if sr_ratios is None else checked_ratios(sr_ratios, spec.last),
        batch=positive("batch", batch, MAX_BATCH),
        dtype=dtype,
        attention=attention,
        mode=mode,
        pool_size=spec.pool_size if pool_size is None else pool_size,
        given=given_as(model),
        changes=tuple(changes),
        chosen=chosen.words_of(designs),
        task=spec.task if task is None else task,
        proposals=spec.proposals if proposals is None else proposals,
        optimizer=optimizer,
        amp=amp,
        checkpoint=checkpoint,
    )


def workload_to_fit(model: Model, img: int | tuple[int, int], **words: Any) -> Workload:
    """Return the workload of ``fit``, which answers in inference and in training.

    How a network is trained needs the mode in which it is.
    """
    trained = Training(*(words[name] for name in ("optimizer", "amp", "checkpoint")))
    return workload(model, img, mode="inference" if trained.is_plain else "training", **words)
