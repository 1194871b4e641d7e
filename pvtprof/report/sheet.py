"""A table of a page, as text, and the parts of the page's charts that every table shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from pvtprof.run.row import Row


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a row: its name, its text with its unit, and its number for the ratio to mha.

    ``text`` is "-" where the row does not have it; ``exact`` has every digit, where there are more.
    """

    name: str
    text: Callable[[Row], str]
    number: Callable[[Row], float | None] = lambda row: None
    exact: Callable[[Row], str] | None = None


@dataclass(frozen=True)
class Sheet:
    """A table of texts: its caption, its header and its lines."""

    caption: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    @cached_property
    def right(self) -> tuple[bool, ...]:
        """For each column, whether it holds numbers alone and so stands to the right."""
        return tuple(
            all(not cell or cell == "-" or cell.lstrip("-")[:1].isdigit() for cell in column)
            for column in zip(*self.lines, strict=True)
        )


def place_of(row: Row) -> tuple[str, str]:
    """Return the first two cells of a row's line: its part and its design."""
    return row.part.name, row.design.name
