"""A design: what is compared, as data."""

from __future__ import annotations

from dataclasses import dataclass

from pvtprof.designs.part import MODEL, Part, attention_of
from pvtprof.designs.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class PvtDesign:
    """A PVT network with its attention: what one column of a table is about.

    ``name`` is what tables call it, such as "sra_conv"; ``spec`` is all that builds it.
    """

    name: str
    spec: ModelSpec

    @property
    def model(self) -> str:
        """The name of the network, such as "pvt_v2_b2": designs of one model share a table."""
        return self.spec.name

    @property
    def parts(self) -> tuple[Part, ...]:
        """What has a row of its own: one attention module of each stage, then the whole model."""
        stages = range(1, len(self.spec.stages) + 1)
        return (*map(attention_of, stages), MODEL)
