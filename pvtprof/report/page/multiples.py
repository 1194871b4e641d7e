"""Several settings beside each other in one section: a small frame for each, as it ran.

The page has them once; its script moves them to the comparison that is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pvtprof.report.page.several import MOST, Panel
from pvtprof.report.sections.answer_section import Section as Answer
from pvtprof.report.sections.clock import Clock
from pvtprof.report.sections.clock_shares import COMMON, Place
from pvtprof.report.sections.growth import Growth
from pvtprof.report.sections.growth_pictures import Picture


class Compared(Protocol):
    """What is read of a comparison of a page."""

    @property
    def name(self) -> str:
        """What tells it from the others."""

    @property
    def anchor(self) -> str:
        """Where a link to it leads."""

    @property
    def answer(self) -> Answer:
        """Its first section."""

    @property
    def clock(self) -> Clock:
        """Its times against its MACs."""

    @property
    def growth(self) -> Growth | None:
        """Its figures by image size; None where it has none."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer of one setting: its bars, and what to take."""

    panel: Panel
    advice: str


@dataclass(frozen=True, slots=True)
class Clocked:
    """MACs against time of one setting; ``places`` is empty where it has no time."""

    name: str
    anchor: str
    clock: Clock
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Grown:
    """One quantity by image size, a picture a setting (its name, where it is on the page)."""

    quantity: str
    pictures: tuple[tuple[str, str, Picture], ...]


@dataclass(frozen=True, slots=True)
class Multiples:
    """The frames of the sections answer, clock and growth; a section without any is empty."""

    answer: tuple[Answered, ...]
    clock: tuple[Clocked, ...]
    growth: tuple[Grown, ...]


def multiples(blocks: Sequence[Compared], panels: Sequence[Panel]) -> Multiples:
    """Return the frames of the comparisons of a page, of eight at most."""
    shown = blocks[:MOST]
    return Multiples(
        tuple(
            Answered(panel, block.answer.answer.advice)
            for block, panel in zip(shown, panels, strict=True)
        ),
        _clocked(shown),
        _grown([block for block in shown if block.growth]),
    )


def _clocked(blocks: Sequence[Compared]) -> tuple[Clocked, ...]:
    """Return the frames with one scale for all of them, as long as that can be read."""
    ends = [place.most for block in blocks for place in block.clock.places]
    if not ends:
        return ()
    common = max(ends)
    return tuple(
        Clocked(
            block.name,
            block.anchor,
            block.clock,
            tuple(
                replace(place, most=common if common <= COMMON else place.most)
                for place in block.clock.places
            ),
        )
        for block in blocks
    )


def _grown(blocks: Sequence[Compared]) -> tuple[Grown, ...]:
    """Return the pictures by quantity, of those that any of the comparisons has."""
    found: dict[str, list[tuple[str, str, Picture]]] = {}
    for block in blocks:
        for picture in block.growth.pictures if block.growth else ():
            found.setdefault(picture.heading, []).append((block.name, block.anchor, picture))
    return tuple(Grown(quantity, tuple(pictures)) for quantity, pictures in found.items())
