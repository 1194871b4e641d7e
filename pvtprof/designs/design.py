"""A design as data: a network with its attention."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pvtprof.designs.part import MODEL, Part, attention_of
from pvtprof.designs.spec import ModelSpec
from pvtprof.errors import SpecError


@dataclass(frozen=True, slots=True)
class PvtDesign:
    """A PVT network with its attention: one column of a table.

    ``name`` is what tables call it, such as "sra_conv"; ``spec`` is all that builds it.
    """

    name: str
    spec: ModelSpec

    @property
    def model(self) -> str:
        """The name of the network, such as "pvt_v2_b2". Designs of one model share a table."""
        return self.spec.name

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that have a row: one attention module of each stage, then the whole model."""
        stages = range(1, len(self.spec.stages) + 1)
        return (*map(attention_of, stages), MODEL)


@dataclass(frozen=True, slots=True)
class TargetDesign:
    """A module of the user's own.

    ``target`` says where it comes from, such as "windows.py:attention"; None: it was given in
    Python, and cannot be built again from a file. ``free`` are the words that name its free sizes;
    None: they were deduced. ``shape`` is that of its first tensor input, sizes by name:
    ("b", 64, "h", "w").
    """

    name: str
    target: str | None = None
    free: str | None = None
    shape: tuple[int | str, ...] = ()

    @property
    def model(self) -> str:
        """The name of the module."""
        return self.name

    @property
    def spec(self) -> ModelSpec:
        """No module of a user's own is made of stages: raises SpecError."""
        raise SpecError(f"{self.name} is a module of your own, and no PVT network")

    def shape_at(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape of the first input at some sizes.

        >>> TargetDesign("windows", shape=("b", "h*w", 64)).shape_at({"b": 1, "h": 8, "w": 9})
        (1, 72, 64)
        """
        return tuple(
            size if isinstance(size, int) else math.prod(sizes[name] for name in size.split("*"))
            for size in self.shape
        )


Design: TypeAlias = PvtDesign | TargetDesign
