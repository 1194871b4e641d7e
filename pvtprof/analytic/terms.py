"""Operators at their places in a network: how large each is, how often it runs, whether at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pvtprof.analytic.cost import Convention, Cost, cost
from pvtprof.analytic.geometry import Sizes
from pvtprof.analytic.ops import Op


@dataclass(frozen=True, slots=True)
class Term:
    """One operator at its place in a network: its index sizes, and how often it runs."""

    op: Op
    sizes: Sizes
    times: int = 1

    @property
    def cost(self) -> Cost:
        """The cost of all runs of this operator together."""
        return self.times * cost(self.op, self.sizes)

    def count(self, convention: Convention) -> int:
        """Return the count of all runs together in a convention."""
        return self.times * convention.count(self.op, self.sizes)


def total(terms: Iterable[Term]) -> Cost:
    """Return the cost of all operators together."""
    return sum((term.cost for term in terms), Cost())


def running(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Return the operators that run at their sizes, with references to skipped copies resolved."""
    spared: dict[str, str] = {}
    kept: list[Term] = []
    for term in terms:
        op = term.op
        if not spared.keys().isdisjoint(op.of):
            op = replace(op, of=tuple(spared.get(name, name) for name in op.of))
        if op.when and not op.runs(term.sizes):
            spared[op.name] = op.of[0]
            if op.until is not None:
                _hold(kept, op.of[0], op.until)
        else:
            kept.append(term if op is term.op else replace(term, op=op))
    return tuple(kept)


def _hold(terms: list[Term], name: str, until: str) -> None:
    """Let a result live as long as the copy of it that was spared."""
    for i, term in enumerate(terms):
        if term.op.name == name:
            terms[i] = replace(term, op=replace(term.op, until=until))
