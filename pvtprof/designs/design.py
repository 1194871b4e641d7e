"""A design as data: a network with its attention."""

from __future__ import annotations

from dataclasses import dataclass

from pvtprof.designs.part import MODEL, Part, attention_of
from pvtprof.designs.spec import ModelSpec


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
