"""The closed forms of one stage at a time, from which those of whole networks are put together.

MACs, parameters and moved bytes add up over stages. Of live bytes, what a stage itself holds
depends on its own sizes alone; what is alive of other stages meanwhile (the map that it reads, the
maps that a task keeps) is the same set of results wherever the same operators run. So a ``Portion``
of the whole operator list says which results of others are alive at each operator of a stage.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pvtprof.analytic.formulas import Term, total
from pvtprof.analytic.liveness import allocating, allocations, releases
from pvtprof.analytic.ops import Op, exceeds_one
from pvtprof.analytic.terms import running
from pvtprof.sweep.amounts import BATCH, DEPTH, Amount, Evaluated, Program, largest

#: A result by its stage (from 0) and its place among the operators of that stage which allocate.
Place: TypeAlias = tuple[int, int]
#: An operator of a stage, and how often it runs.
Times: TypeAlias = tuple[Op, int]


@dataclass(frozen=True, slots=True)
class Portion:
    """What is alive at each operator of one stage that allocates.

    ``own`` are the places of the stage's own results; ``held`` is the number of one of ``others``,
    the sets of results of other stages. ``given`` are the own results that other stages hold.
    """

    own: tuple[tuple[int, ...], ...]
    held: tuple[int, ...]
    others: tuple[tuple[Place, ...], ...]
    given: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """The figures of one stage at its sizes, or of several together.

    ``moved`` is in elements, the rest in bytes: ``given`` the results that others hold, by place;
    ``peaks`` the most that the stage holds itself beside each set of others.
    """

    macs: Evaluated
    params: Evaluated
    moved: Evaluated
    given: Mapping[int, Evaluated]
    peaks: Sequence[Sequence[Evaluated]]


class Stage:
    """The operators of one stage of a layout, whatever its sizes and its depth.

    ``number`` numbers what it has in common with stages that have other sizes and another depth.
    """

    def __init__(self, ops: Sequence[Times], depth: int, number: Callable[[Hashable], int]) -> None:
        self.ops, self.depth = ops, depth
        self.number = number(tuple((op, times == depth) for op, times in ops))
        self._asked = list(dict.fromkeys(op.when for op, _ in ops if op.when))

    def runs(self, sizes: Mapping[str, int]) -> tuple[bool, ...]:
        """Return what decides which operators run at some sizes, and how they allocate."""
        return (sizes["n"] > 1, *[exceeds_one(when, sizes) for when in self._asked])


def terms_of(ops: Sequence[Times], sizes: Mapping[str, int]) -> list[Term]:
    """Return the operators of a stage at its sizes, also those that do not run."""
    return [Term(op, sizes, times) for op, times in ops]


def portions(stages: Sequence[Sequence[Term]]) -> tuple[Portion, ...]:
    """Return what is alive at each operator, stage by stage, of all operators of a network."""
    place_of = {
        term.op.name: (stage, i)
        for stage, terms in enumerate(stages)
        for i, term in enumerate(allocating(_kept(terms)))
    }
    whole = allocating(running([term for terms in stages for term in terms]))
    released = releases(whole)
    own: list[list[tuple[int, ...]]] = [[] for _ in stages]
    held: list[list[int]] = [[] for _ in stages]
    others: list[dict[tuple[Place, ...], int]] = [{} for _ in stages]
    alive: dict[str, Place] = {}
    for i, term in enumerate(whole):
        stage, _ = place_of[term.op.name]
        own[stage].append(tuple(at for where, at in alive.values() if where == stage))
        of_others = tuple(place for place in alive.values() if place[0] != stage)
        held[stage].append(others[stage].setdefault(of_others, len(others[stage])))
        alive[term.op.name] = place_of[term.op.name]
        for name in released.get(i, ()):
            del alive[name]
    held_somewhere = {place for sets in others for held_set in sets for place in held_set}
    return tuple(
        Portion(
            tuple(own[stage]),
            tuple(held[stage]),
            tuple(others[stage]),
            tuple(sorted(i for where, i in held_somewhere if where == stage)),
        )
        for stage in range(len(stages))
    )


def _kept(terms: Sequence[Term]) -> list[Term]:
    return [term for term in terms if not term.op.when or term.op.runs(term.sizes)]


class StageProgram:
    """The figures of a stage at any sizes at which the same of its operators run.

    ``terms`` are its operators at some such sizes; those that run ``depth`` times may run otherwise
    often, as ``depth`` among the sizes says.
    """

    def __init__(self, terms: Sequence[Term], dtype: str, portion: Portion, depth: int) -> None:
        symbolic = _symbolic(_kept(terms), depth)
        cost = total(symbolic)
        taken = [allocations(term, dtype) for term in allocating(symbolic)]
        sizes = [made[-1][1] if made else 0 for made in taken]
        moments: list[list[Amount]] = [[] for _ in portion.others]
        for own, held, made in zip(portion.own, portion.held, taken, strict=True):
            now = sum((Amount.of(sizes[i]) for i in own), Amount.of(0))
            for _, size, beside in made:
                now = now + size + beside
                moments[held].append(now)
        self._given = portion.given
        peaks = [largest(one) for one in moments]
        self._counts = [len(one) for one in peaks]
        self._program = Program(
            [
                *(cost.macs, cost.params, cost.reads + cost.writes),
                *(sizes[i] for i in portion.given),
                *(one for several in peaks for one in several),
            ]
        )

    def at(self, sizes: Mapping[str, int]) -> Piece:
        """Return the figures at sizes, as ``all_sizes`` names them."""
        macs, params, moved, *rest = self._program.at(sizes)
        given = dict(zip(self._given, rest, strict=False))
        places = iter(rest[len(given) :])
        peaks = [[next(places) for _ in range(count)] for count in self._counts]
        return Piece(macs, params, moved, given, peaks)


def _distinct(terms: Iterable[Term]) -> dict[int, Mapping[str, int]]:
    """Return the sizes of some operators, each once, by their identity."""
    return {id(term.sizes): term.sizes for term in terms}


def all_sizes(terms: Sequence[Term]) -> Mapping[str, int]:
    """Return all sizes of some operators by the names that ``StageProgram`` gives them."""
    distinct = _distinct(terms)
    if len(distinct) == 1:
        return terms[0].sizes
    return {
        f"{number} {name}": size
        for number, sizes in enumerate(distinct.values())
        for name, size in sizes.items()
    }


def _symbolic(terms: Sequence[Term], depth: int) -> list[Term]:
    """Return the operators with amounts as their sizes, and as their number of runs."""
    often: dict[int, Any] = {depth: Amount.size(DEPTH, depth)}
    distinct = _distinct(terms)
    amounts = {}
    for number, (key, sizes) in enumerate(distinct.items()):
        before = f"{number} " if len(distinct) > 1 else ""
        amounts[key] = {
            name: Amount.size(name if name == BATCH else before + name, size)
            for name, size in sizes.items()
        }
    return [
        Term(term.op, amounts[id(term.sizes)], often.get(term.times, term.times))  # type: ignore[arg-type]
        for term in terms
    ]


def together(pieces: Sequence[Piece], plan: Sequence[Portion]) -> Piece:
    """Return the figures of a network, of its stages and the portions of its plan."""
    peaks: list[Evaluated] = []
    for one, portion in zip(pieces, plan, strict=True):
        for own, others in zip(one.peaks, portion.others, strict=True):
            each, beside = _sum([pieces[stage].given[i] for stage, i in others])
            peaks += [(x + each, y + beside) for x, y in own]
    return Piece(
        _sum([one.macs for one in pieces]),
        _sum([one.params for one in pieces]),
        _sum([one.moved for one in pieces]),
        {},
        [_highest(peaks)],
    )


def _sum(amounts: Sequence[Evaluated]) -> Evaluated:
    return sum([each for each, _ in amounts]), sum([beside for _, beside in amounts])


def _highest(peaks: list[Evaluated]) -> list[Evaluated]:
    """Return the peaks of which none is below another one at every batch."""
    kept: list[Evaluated] = []
    for one in sorted(peaks, reverse=True):
        if not kept or one[1] > kept[-1][1]:
            kept.append(one)
    return kept
