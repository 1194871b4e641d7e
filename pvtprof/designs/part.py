"""A part of a design that has its own row: the attention of one stage, or the whole model."""

from __future__ import annotations

from dataclasses import dataclass

from pvtprof.designs.spec import VARIANTS


def repeated(module: str) -> str:
    """The name of a submodule without the indices of repeated blocks.

    >>> repeated("block1.0.attn.q")
    'block1.attn.q'
    """
    return ".".join(part for part in module.split(".") if not part.isdigit())


@dataclass(frozen=True, slots=True)
class Scope:
    """Which row: one attention module of a stage (1 to 4), or the whole model (stage None)."""

    stage: int | None
    variant: str

    @property
    def kind(self) -> str:
        """ "attention" or "model"."""
        return "model" if self.stage is None else "attention"

    def __str__(self) -> str:
        return f"{'model' if self.stage is None else f'stage {self.stage}'} {self.variant}"


#: Where figures are taken, in the order of every table: stages 1 to 4, and the whole model.
PLACES = (1, 2, 3, 4, None)
#: The rows of every run, in their order.
SCOPES = tuple(Scope(stage, variant) for stage in PLACES for variant in VARIANTS)
