"""The closed forms of one stage at a time, from which those of whole networks are put together.

MACs, parameters and moved bytes add up over stages. Of live bytes, what a stage itself holds
depends on its own sizes alone; what it holds of earlier stages (the map that it reads, the maps that
a task keeps) is the same set of results wherever the same operators run. So a ``Plan`` of the whole
operator list says which results of other stages are alive at each operator of a stage, and the peak
of each stage is computed once for many networks and settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pvtprof.analytic.formulas import Term, total
from pvtprof.analytic.liveness import allocating, allocations, releases
from pvtprof.analytic.terms import running

#: A result by its stage (from 0) and its place among the operators of that stage which allocate.
Place: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Portion:
    """What is alive at each operator of one stage that allocates.

    ``own`` are the places of the stage's own results; ``held`` names one of ``others``, the sets of
    results of other stages.
    """

    own: tuple[tuple[int, ...], ...]
    held: tuple[int, ...]
    others: tuple[tuple[Place, ...], ...]


@dataclass(slots=True)
class Piece:
    """One stage at its sizes: what it costs, in elements, and which of its operators run.

    ``sizes`` are the bytes of the result of each operator that allocates; ``peaks`` are the most
    bytes of the stage's own results beside each set of others, by the number of the plan's portion.
    ``kernels_s`` are the predicted seconds of its kernels, and their number.
    """

    macs: int
    params: int
    moved: int
    terms: tuple[Term, ...]
    taken: tuple[tuple[tuple[int, int], ...], ...]
    sizes: tuple[int, ...]
    runs: int
    peaks: dict[int, tuple[int, ...]] = field(default_factory=dict)
    kernels_s: tuple[float | None, int] | None = None

    def peaks_in(self, number: int, portion: Portion) -> tuple[int, ...]:
        """Return the most bytes of the stage's own results beside each set of others."""
        if number not in self.peaks:
            self.peaks[number] = self._peaks(portion)
        return self.peaks[number]

    def _peaks(self, portion: Portion) -> tuple[int, ...]:
        most = [0] * len(portion.others)
        sizes = self.sizes
        for own, held, taken in zip(portion.own, portion.held, self.taken, strict=True):
            now = sum([sizes[i] for i in own])
            for size, beside in taken:
                now += size + beside
                most[held] = max(most[held], now)
        return tuple(most)


def piece(terms: Sequence[Term], dtype: str) -> Piece:
    """Return a stage at its sizes, of all its operators with their number of runs."""
    kept = tuple(term for term in terms if not term.op.when or term.op.runs(term.sizes))
    runs = sum(
        1 << i for i, term in enumerate(terms) if not term.op.when or term.op.runs(term.sizes)
    )
    cost = total(kept)
    allocate = allocating(kept)
    taken = tuple(
        tuple((size, beside) for _, size, beside in allocations(term, dtype)) for term in allocate
    )
    sizes = tuple(made[-1][0] if made else 0 for made in taken)
    return Piece(cost.macs, cost.params, cost.reads + cost.writes, kept, taken, sizes, runs)


def portions(stages: Sequence[Sequence[Term]]) -> tuple[Portion, ...]:
    """Return what is alive at each operator, stage by stage, of a network's operators."""
    place_of: dict[str, Place] = {}
    for stage, terms in enumerate(stages):
        ran = [term for term in terms if not term.op.when or term.op.runs(term.sizes)]
        for i, term in enumerate(allocating(ran)):
            place_of[term.op.name] = stage, i
    whole = allocating(running([term for terms in stages for term in terms]))
    released = releases(whole)
    own: list[list[tuple[int, ...]]] = [[] for _ in stages]
    held: list[list[int]] = [[] for _ in stages]
    others: list[dict[tuple[Place, ...], int]] = [{} for _ in stages]
    alive: dict[str, Place] = {}
    for i, term in enumerate(whole):
        stage = place_of[term.op.name][0]
        own[stage].append(tuple(at for where, at in alive.values() if where == stage))
        of_others = tuple(place for place in alive.values() if place[0] != stage)
        held[stage].append(others[stage].setdefault(of_others, len(others[stage])))
        alive[term.op.name] = place_of[term.op.name]
        for name in released.get(i, ()):
            del alive[name]
    return tuple(
        Portion(tuple(own[stage]), tuple(held[stage]), tuple(others[stage]))
        for stage in range(len(stages))
    )


def peak(pieces: Sequence[Piece], numbered: Sequence[tuple[int, Portion]]) -> int:
    """Return the most live bytes of a network, of its stages and the portions of its plan."""
    most = 0
    for one, (number, portion) in zip(pieces, numbered, strict=True):
        for own, others in zip(one.peaks_in(number, portion), portion.others, strict=True):
            for stage, i in others:
                own += pieces[stage].sizes[i]
            most = max(most, own)
    return most
