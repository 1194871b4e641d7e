"""A piece of a closed form: costs in sizes with readable names, and the domain. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pvtprof.derive.domain import Domain
from pvtprof.derive.polynomial import Polynomial
from pvtprof.derive.quotients import Definition


@dataclass(frozen=True, slots=True)
class Part:
    """A submodule's own operators, those of its submodules left out; repeated blocks are one.

    ``peaks`` are the bytes that can be the most that are alive while it runs, of all tensors.
    """

    module: str
    calls: int
    macs: Polynomial
    params: int
    read_bytes: Polynomial
    written_bytes: Polynomial
    peaks: tuple[Polynomial, ...] = ()


@dataclass(frozen=True)
class Piece:
    """A closed form in its domain.

    ``definitions`` name rounded quotients, each made of what stands before it. ``peaks`` are the
    live bytes that can be the most, with the operator: the peak is the largest of them.
    """

    domain: Domain
    definitions: tuple[tuple[str, Definition], ...]
    macs: Polynomial
    params: int
    read_bytes: Polynomial
    written_bytes: Polynomial
    peaks: tuple[tuple[Polynomial, str], ...]
    saved_bytes: Polynomial
    parts: tuple[Part, ...]
    uncounted: Mapping[str, int]
    remarks: tuple[str, ...]

    @property
    def costs(self) -> tuple[Polynomial, ...]:
        """MACs, bytes read, written and saved, and every live bytes that can be the peak."""
        peaks = (live for live, _ in self.peaks)
        return (self.macs, self.read_bytes, self.written_bytes, self.saved_bytes, *peaks)

    @cached_property
    def used(self) -> tuple[tuple[str, Definition], ...]:
        """The definitions on which the costs depend."""
        needed = set().union(*(cost.names for cost in self.costs))
        for name, made in reversed(self.definitions):
            if name in needed:
                needed |= made.names
        return tuple((name, made) for name, made in self.definitions if name in needed)
