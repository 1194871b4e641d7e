"""A part of a design that has its own row: the attention of a stage, a submodule, or the whole."""

from __future__ import annotations

from dataclasses import dataclass


def repeated(module: str) -> str:
    """Return the name of a submodule without the indices of repeated blocks.

    >>> repeated("block1.0.attn.q")
    'block1.attn.q'
    """
    return ".".join(part for part in module.split(".") if not part.isdigit())


def path_to(module: str, depth: int) -> str:
    """The name of the submodule at a depth that a submodule lies in.

    >>> path_to("encoder.layer.attention.self", 2), path_to("head", 2)
    ('encoder.layer', 'head')
    """
    return ".".join(module.split(".")[:depth])


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a design, by name: "stage 1" (one attention module of it), or "model".

    ``stage`` is the number of the stage, counted from 1; None for the whole model. ``module`` is
    the path of a submodule of a user's own module, the indices of repeated blocks left out; "" for
    what no submodule runs.
    """

    name: str
    stage: int | None = None
    module: str | None = None

    @property
    def kind(self) -> str:
        """ "attention" for a module of a stage, "module" for a submodule, else "model"."""
        if self.module is not None:
            return "module"
        return "model" if self.stage is None else "attention"

    def __str__(self) -> str:
        return self.name


#: What no submodule of a module runs.
ITSELF = "(itself)"
#: The whole network.
MODEL = Part("model")


def attention_of(stage: int) -> Part:
    """Return the part for one attention module of ``stage`` (from 1)."""
    return Part(f"stage {stage}", stage)


def submodule(path: str) -> Part:
    """A submodule of a user's own module.

    >>> submodule("encoder.layer").name, submodule("").name
    ('encoder.layer', '(itself)')
    """
    name = {"": ITSELF, MODEL.name: f"{MODEL.name} (submodule)"}.get(path, path)
    return Part(name, module=path)


def own_part(name: str) -> Part:
    """A part of a user's own module by the name of its row.

    >>> own_part("model") == MODEL, own_part("(itself)").module, own_part("head").module
    (True, '', 'head')
    """
    if name == MODEL.name:
        return MODEL
    return submodule("" if name == ITSELF else name.removesuffix(" (submodule)"))
