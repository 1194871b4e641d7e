"""A part of a design that has its own row: the attention of one stage, or the whole model."""

from __future__ import annotations

from dataclasses import dataclass


def repeated(module: str) -> str:
    """Return the name of a submodule without the indices of repeated blocks.

    >>> repeated("block1.0.attn.q")
    'block1.attn.q'
    """
    return ".".join(part for part in module.split(".") if not part.isdigit())


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a design, by name: "stage 1" (one attention module of it), or "model".

    ``stage`` is the number of the stage, counted from 1; None for the whole model.
    """

    name: str
    stage: int | None = None

    @property
    def kind(self) -> str:
        """ "attention" for a module of a stage, else "model"."""
        return "model" if self.stage is None else "attention"

    def __str__(self) -> str:
        return self.name


#: The whole network.
MODEL = Part("model")


def attention_of(stage: int) -> Part:
    """Return the part for one attention module of ``stage`` (from 1)."""
    return Part(f"stage {stage}", stage)
