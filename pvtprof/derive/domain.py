"""Where a closed form is proven: its guards, and the same in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from pvtprof.derive.compiled import FUNCTIONS, definition_lines, python, test_of
from pvtprof.derive.polynomial import Polynomial
from pvtprof.derive.quotients import Definition, Guard, Rounded
from pvtprof.derive.show import polynomial_text
from pvtprof.derive.words import TABLE, Table, in_words, merged

#: Points at which a guard is tried before the words leave it out; evaluation never does.
SAMPLED = 4000
Tables: TypeAlias = Mapping[str, Table]


@dataclass(frozen=True)
class Domain:
    """The sizes at which a piece is proven.

    ``free`` are its sizes, each at least 2 (torch treats 0 and 1 apart); ``given`` are sizes that
    were numbers in the pass. ``guards`` are what the pass relied on; ``said`` are the same, in the
    sizes of the costs.
    """

    free: tuple[str, ...]
    given: Mapping[str, int]
    definitions: tuple[tuple[str, Definition], ...]
    guards: tuple[Guard, ...]
    said: tuple[Guard, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All sizes, as the user named them."""
        return (*self.free, *self.given)

    @cached_property
    def _made_of(self) -> dict[str, frozenset[str]]:
        found = {name: frozenset({name}) for name in self.free}
        for name, made in self.definitions:
            found[name] = frozenset().union(*(found[n] for n in made.names))
        return found

    def sizes_of(self, guard: Guard) -> frozenset[str]:
        """Return the free sizes that a guard is about."""
        return frozenset().union(*(self._made_of[n] for n in guard.polynomial.names))

    @cached_property
    def tables(self) -> Tables:
        """For each size alone: whether its guards hold at 0, 1, 2, ..."""
        values = np.arange(TABLE + 1)
        return {
            name: np.broadcast_to(np.asarray(test(values)) & (values >= 2), values.shape)
            for name, test in self._tests.items()
        }

    @cached_property
    def _joint(self) -> Callable[..., Any] | None:
        joint = [g for g in self.guards if len(self.sizes_of(g)) > 1]
        return self._test(joint, self.free) if joint else None

    def _test(self, guards: Iterable[Guard], arguments: tuple[str, ...]) -> Callable[..., Any]:
        guards = tuple(guards)
        needed = set().union(*(g.polynomial.names for g in guards))
        lines = definition_lines(self.definitions, needed)
        return test_of(arguments, lines, map(python_guard, guards))

    def holds(self, sizes: Mapping[str, int]) -> bool:
        """Return whether a point is in the domain."""
        for name, value in self.given.items():
            if sizes[name] != value:
                return False
        for name, table in self.tables.items():
            value = sizes[name]
            if value <= TABLE:
                if value < 0 or not table[value]:
                    return False
            elif not self._tests[name](value):
                return False
        joint = self._joint
        return joint is None or bool(joint(*(sizes[n] for n in self.free)))

    @cached_property
    def _tests(self) -> dict[str, Callable[..., Any]]:
        return {
            name: self._test([g for g in self.guards if self.sizes_of(g) == {name}], (name,))
            for name in self.free
        }

    def mask(self, sizes: Mapping[str, np.ndarray[Any, np.dtype[Any]]]) -> Table:
        """Return whether points are in the domain, for arrays of sizes of one shape."""
        shape = next(iter(sizes.values())).shape
        found = np.ones(shape, dtype=bool)
        for name, value in self.given.items():
            found &= sizes[name] == value
        for name, table in self.tables.items():
            values = sizes[name]
            inside = table[np.clip(values, 0, TABLE)]
            if (values > TABLE).any():
                beyond = np.asarray(self._tests[name](values))
                inside = np.where(values > TABLE, beyond, inside)
            found &= inside
        joint = self._joint
        if joint is not None:
            found &= np.asarray(joint(*(sizes[n] for n in self.free)))
        return found

    def broken(self, sizes: Mapping[str, int]) -> str:
        """Return the first reason why a point is outside, with the line of code; "" inside."""
        for name, value in self.given.items():
            if sizes[name] != value:
                return f"{name} = {value}"
        for name in self.free:
            if sizes[name] < 2:
                return f"{name} at least 2"
        values = dict(sizes)
        for name, made in self.definitions:
            values[name] = evaluated(made, values)
        for guard in self.guards:
            if not guard.holds(values):
                where = f" ({short(guard.where)})" if guard.where else ""
                return f"{self.text(guard)}{where}"
        return ""

    def text(self, guard: Guard) -> str:
        """Return a guard as a person writes it, rounded quotients written out."""
        return guard_text(guard, dict(self.definitions))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The domain in words, a size or a relation each."""
        fixed = [f"{name} = {value}" for name, value in self.given.items()]
        alone = [f"{name} {said}" for name in self.free if (said := in_words(self.tables[name]))]
        joint = [self.text(g) for g in self.said if self._restricts(g)]
        return (*fixed, *merged(alone), *dict.fromkeys(joint))

    def _restricts(self, guard: Guard) -> bool:
        """Return whether a guard on several sizes fails anywhere where the others' tables hold."""
        if len(self.sizes_of(guard)) < 2:
            return False
        rng = np.random.default_rng(0)
        points = []
        for name in self.free:
            possible = np.flatnonzero(self.tables[name])
            points.append(rng.choice(possible, SAMPLED) if len(possible) else np.zeros(1, int))
        return not np.all(self._test([guard], self.free)(*points))

    @cached_property
    def fixed(self) -> dict[str, tuple[int, str]]:
        """Free sizes of which the guards leave one value, and the line of code that fixes it."""
        found = {}
        for name in self.free:
            possible = np.flatnonzero(self.tables[name])
            if len(possible) == 1:
                own = [g for g in self.guards if self.sizes_of(g) == {name} and g.where]
                own.sort(key=lambda guard: guard.relation != "==")
                found[name] = (int(possible[0]), own[0].where if own else "")
        return found

    @cached_property
    def tied(self) -> tuple[str, ...]:
        """Equations that several free sizes must meet together, with the line of code."""
        found = [g for g in self.said if g.relation == "==" and len(self.sizes_of(g)) > 1]
        return tuple(f"{self.text(g)} ({short(g.where)})" for g in found)

    def __str__(self) -> str:
        return "; ".join(self.words)


def evaluated(made: Definition, values: Mapping[str, int]) -> int:
    """Return the number that a named size is."""
    if isinstance(made, Rounded):
        return made.numerator.at(values) // made.divisor.at(values)
    return int(eval(made.code, dict(FUNCTIONS), dict(values)))


def python_guard(guard: Guard) -> str:
    """Return a guard as Python code."""
    scale = guard.polynomial.denominator
    return f"{python(guard.polynomial * scale)} {guard.relation} 0"


def guard_text(guard: Guard, definitions: Mapping[str, Definition]) -> str:
    """Return a guard as a person writes it: positive terms on the left, the others on the right."""
    if (multiple := _multiple(guard, definitions)) is not None:
        return multiple
    left = Polynomial({m: c for m, c in guard.polynomial.terms.items() if c > 0})
    right = left - guard.polynomial
    sign = {"==": "=", "!=": "is not", ">=": ">="}[guard.relation]
    sides = [polynomial_text(side, definitions) for side in (left, right)]
    if guard.relation == ">=" and not left.names:
        return f"{sides[1]} <= {sides[0]}"
    return f"{sides[0]} {sign} {sides[1]}"


def _multiple(guard: Guard, definitions: Mapping[str, Definition]) -> str | None:
    """ "h is a multiple of 4" for h - 4 floor(h/4) = 0."""
    if guard.relation != "==" or len(guard.polynomial.terms) != 2:
        return None
    for name in guard.polynomial.names:
        made = definitions.get(name)
        parts = guard.polynomial.split(name)
        if isinstance(made, Rounded) and parts:
            by, slope = made.divisor.constant, parts[0].constant
            if by and slope and parts[1] * by == -made.numerator * slope:
                return f"{made.numerator} is a multiple of {by}"
    return None


def short(where: str) -> str:
    """Return file name and line, without the folders."""
    return where.replace("\\", "/").rpartition("/")[2]
