"""From a trace to a piece: costs in readable sizes, by submodule, and the domain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from pvtprof.derive.domain import Domain
from pvtprof.derive.names import Names, relabelled
from pvtprof.derive.noting import Operator
from pvtprof.derive.piece import Part, Piece
from pvtprof.derive.polynomial import ZERO, Polynomial, total
from pvtprof.derive.sizes import Definition, Guard, Sizes
from pvtprof.derive.trace import Trace
from pvtprof.moment import module_at

Cost: TypeAlias = Callable[[Iterable[Polynomial]], Polynomial]


def piece_of(trace: Trace, free: Iterable[str], given: Mapping[str, int]) -> Piece:
    """Return the closed form of a trace; ``given`` are free sizes replaced by numbers."""
    free = tuple(free)
    names = Names(free, trace.sizes)

    def cost(polynomials: Iterable[Polynomial]) -> Polynomial:
        return names.costs(total(polynomials))

    operators = trace.operators
    guards = tuple(
        replace(guard, polynomial=guard.polynomial.substituted(names.raw))
        for guard in trace.sizes.guards
    )
    said = tuple(_said(guard, names) for guard in trace.sizes.guards)
    domain = Domain(free, dict(given), (), tuple(dict.fromkeys(guards)), said)
    made = Piece(
        domain,
        tuple(names.shown.definitions.items()),
        cost(o.flops for o in operators if o.flops).divided(2),
        sum(trace.params.values()),
        cost(o.read for o in operators),
        cost(o.written for o in operators),
        _peaks(trace.live, trace.sizes, cost) or ((ZERO, ""),),
        cost([trace.saved]),
        _parts(trace, cost),
        dict(Counter(o.name for o in operators if o.flops is None).most_common()),
        trace.remarks,
    )
    return _renamed(made, _labels(made))


def _said(guard: Guard, names: Names) -> Guard:
    """Return a guard in the sizes of the costs, in small whole numbers."""
    polynomial = guard.polynomial.substituted(names.neat)
    polynomial = polynomial * polynomial.denominator
    if polynomial and guard.relation == ">=":
        offset = int(polynomial.terms.get((), 0))
        common = (polynomial - offset).content or 1
        polynomial = (polynomial - offset).divided(common) + offset // common
    return replace(guard, polynomial=polynomial)


def _renamed(made: Piece, label: Mapping[str, str]) -> Piece:
    """Return the piece with other names for its quotients."""

    def new(polynomial: Polynomial) -> Polynomial:
        return polynomial.renamed(lambda name: label.get(name, name))

    definitions = tuple((label[name], relabelled(d, label)) for name, d in made.definitions)
    guards = tuple(replace(g, polynomial=new(g.polynomial)) for g in made.domain.guards)
    said = tuple(replace(g, polynomial=new(g.polynomial)) for g in made.domain.said)
    return replace(
        made,
        domain=replace(made.domain, definitions=definitions, guards=guards, said=said),
        definitions=definitions,
        macs=new(made.macs),
        read_bytes=new(made.read_bytes),
        written_bytes=new(made.written_bytes),
        peaks=tuple((new(live), at) for live, at in made.peaks),
        saved_bytes=new(made.saved_bytes),
        parts=tuple(
            replace(
                part,
                macs=new(part.macs),
                read_bytes=new(part.read_bytes),
                written_bytes=new(part.written_bytes),
                peaks=tuple(map(new, part.peaks)),
            )
            for part in made.parts
        ),
    )


def _parts(trace: Trace, cost: Cost) -> tuple[Part, ...]:
    by_module: dict[str, list[Operator]] = defaultdict(list)
    for name in (*trace.calls, *trace.params):
        by_module.setdefault(name, [])
    for operator in trace.operators:
        by_module[operator.module].append(operator)
    moments: dict[str, list[tuple[Polynomial, str]]] = defaultdict(list)
    for live, at in trace.live:
        moments[module_at(at)].append((live, at))
    found = [
        Part(
            name,
            trace.calls.get(name, 0),
            cost(o.flops for o in operators if o.flops).divided(2),
            trace.params.get(name, 0),
            cost(o.read for o in operators),
            cost(o.written for o in operators),
            tuple(live for live, _ in _peaks(moments[name], trace.sizes, cost)),
        )
        for name, operators in by_module.items()
    ]
    return tuple(part for part in found if part.macs or part.params or part.written_bytes)


def _peaks(
    moments: Iterable[tuple[Polynomial, str]], sizes: Sizes, cost: Cost
) -> tuple[tuple[Polynomial, str], ...]:
    """Return the live bytes that can be the peak at some size, equal ones once."""
    distinct: dict[Polynomial, str] = {}
    for live, at in moments:
        distinct.setdefault(live, at)
    order = sorted(distinct, key=lambda live: -sizes.hint(live))
    kept: list[Polynomial] = []
    for live in order:
        if not any(_never_exceeds(live, other, sizes) for other in kept):
            kept.append(live)
    found = {cost([live]): distinct[live] for live in kept}
    return tuple(found.items())


def _never_exceeds(live: Polynomial, other: Polynomial, sizes: Sizes) -> bool:
    gap = sizes.resolved(other - live)
    if all(factor > 0 for factor in gap.terms.values()):
        return True
    low = sizes.lowest(gap)
    return low is not None and low >= 0


def _labels(made: Piece) -> dict[str, str]:
    """Return names for quotients: h1, w1 for similar ones of h and w; q1 for those of several."""
    definitions = dict(made.definitions)
    used = dict(made.used)
    label: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for name in (*used, *(n for n in definitions if n not in used)):
        bases = _bases(name, definitions)
        letter = next(iter(bases)) if len(bases) == 1 else "q"
        alike = str(relabelled(definitions[name], _numbered(label, letter)))
        number = numbers.setdefault(alike if len(bases) == 1 else name, len(numbers) + 1)
        label[name] = f"{letter}{number}"
    return label


def _numbered(label: Mapping[str, str], letter: str) -> dict[str, str]:
    """Return sizes of one letter as "_" and a number, so that similar ones are equal texts."""
    return {letter: "_"} | {n: "_" + new[len(letter) :] for n, new in label.items()}


def _bases(name: str, definitions: Mapping[str, Definition]) -> frozenset[str]:
    """Return the free sizes of which a size is made."""
    if name not in definitions:
        return frozenset({name})
    parts = (_bases(inner, definitions) for inner in definitions[name].names)
    return frozenset().union(*parts)
