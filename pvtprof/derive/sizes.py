"""Sizes met in one pass: free ones, rounded quotients of others, and what was assumed of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from pvtprof.derive.polynomial import Monomial, Number, Polynomial, whole


@dataclass(frozen=True, slots=True)
class Rounded:
    """A size that is ``floor(numerator / divisor)``."""

    numerator: Polynomial
    divisor: Polynomial

    @property
    def names(self) -> frozenset[str]:
        """The sizes that it is made of."""
        return self.numerator.names | self.divisor.names


@dataclass(frozen=True, slots=True)
class Computed:
    """A size that code of the module computes in floating point: a Python expression."""

    code: str
    names: frozenset[str]


Definition: TypeAlias = Rounded | Computed


@dataclass(frozen=True, slots=True)
class Guard:
    """What the pass relied on: ``polynomial relation 0``, and the line of code that asked."""

    polynomial: Polynomial
    relation: str  # "==", "!=" or ">="
    where: str = ""

    def holds(self, values: Mapping[str, int]) -> bool:
        """Whether it is true at these sizes."""
        value = self.polynomial.at(values)
        return {"==": value == 0, "!=": value != 0, ">=": value >= 0}[self.relation]


class Sizes:
    """The sizes of one pass and everything that is known of them.

    ``hints`` are the numbers at which the pass runs. A question about sizes is answered by algebra
    where that decides it; else by the hints, and the answer is kept as a guard. Every number that
    comes out of the pass is a polynomial in these sizes, right wherever all guards hold.
    """

    def __init__(self) -> None:
        self.hints: dict[str, int] = {}
        self.least: dict[str, int | None] = {}
        self.definitions: dict[str, Definition] = {}
        self.replaced: dict[str, Polynomial] = {}
        self.guards: list[Guard] = []
        self._known: dict[tuple[Polynomial, str], bool] = {}
        self._named: dict[Definition, str] = {}
        self._resolved: dict[Polynomial, Polynomial] = {}

    def free(self, name: str, hint: int, least: int) -> Polynomial:
        """A new free size, known to be at least ``least``."""
        self.hints[name], self.least[name] = hint, least
        return Polynomial.of(name)

    def resolved(self, polynomial: Polynomial) -> Polynomial:
        """The polynomial with everything put in that guards have fixed."""
        if not self.replaced or polynomial.names.isdisjoint(self.replaced):
            return polynomial
        if polynomial not in self._resolved:
            self._resolved[polynomial] = polynomial.substituted(self.replaced)
        return self._resolved[polynomial]

    def hint(self, polynomial: Polynomial) -> int:
        """The number that it is in this pass."""
        return polynomial.at(self.hints)

    def computed(self, code: str, names: frozenset[str], hint: int) -> Polynomial:
        """A size that floating point made, named."""
        return self._name(Computed(code, names), hint, None)

    def floor(self, numerator: Polynomial, divisor: Polynomial) -> Polynomial:
        """The quotient, rounded down, of two sizes, in a form that equal quotients share.

        >>> sizes = Sizes()
        >>> h = sizes.free("h", 448, 2)
        >>> two, four, eight = map(Polynomial.number, (2, 4, 8))
        >>> h1 = sizes.floor(h + 3, four)
        >>> sizes.floor(h1 - 1, two) + 1 == sizes.floor(h + 7, eight)
        True
        """
        numerator, divisor = self.resolved(numerator), self.resolved(divisor)
        number = divisor.constant
        if number is None or number <= 0:
            return self._floor_of_sizes(numerator, divisor)
        return self._floor(numerator, Fraction(number))

    def _floor(self, numerator: Polynomial, by: Fraction) -> Polynomial:
        scale = math.lcm(numerator.denominator, by.denominator)
        numerator, divisor = numerator * scale, int(by * scale)
        outside: dict[Monomial, Number] = {}
        inside: dict[Monomial, Number] = {}
        for monomial, factor in numerator.terms.items():
            rest = int(factor) % divisor
            if monomial and 2 * rest > divisor:
                rest -= divisor  # the smaller of both remainders: -h rather than 6 h over 7
            outside[monomial], inside[monomial] = (int(factor) - rest) // divisor, rest
        return Polynomial(outside) + self._proper(Polynomial(inside), divisor)

    def _proper(self, numerator: Polynomial, divisor: int) -> Polynomial:
        """The floor of a quotient whose coefficients are smaller than the divisor."""
        offset = int(numerator.terms.get((), 0))
        sizes = numerator - offset
        if not sizes:
            return Polynomial({})
        common = math.gcd(sizes.content, divisor)
        if common > 1:
            return self._floor(
                sizes.divided(common) + offset // common, Fraction(divisor // common)
            )
        if sizes.leading[1] < 0:
            return -self._floor(-sizes + (divisor - 1 - offset), Fraction(divisor))
        inner = self.definitions.get(_only(sizes))
        if (
            isinstance(inner, Rounded)
            and (by := inner.divisor.constant)
            and not inner.names & self.replaced.keys()
        ):
            return self._floor(inner.numerator + offset * by, Fraction(by) * divisor)
        low = self.lowest(sizes + offset)
        least = None if low is None else math.floor(low / divisor)
        made = Rounded(sizes + offset, Polynomial.number(divisor))
        return self._name(made, self.hint(sizes + offset) // divisor, least)

    def _floor_of_sizes(self, numerator: Polynomial, divisor: Polynomial) -> Polynomial:
        if not numerator:
            return numerator
        numerator, divisor = self._reduced(numerator, divisor)
        if (number := divisor.constant) is not None and number > 0:
            return self._floor(numerator, Fraction(number))
        if self._below(numerator, divisor):
            return Polynomial({})
        if (times := self._times(numerator, divisor)) is not None:
            return self._floor_of_sizes(numerator - divisor * times, divisor) + times
        exact = numerator.over(divisor)
        if exact is not None and exact.denominator == 1:
            return exact
        low, under = self.lowest(numerator), self.lowest(divisor)
        least = 0 if low is not None and low >= 0 and under is not None and under > 0 else None
        hint = self.hint(numerator) // self.hint(divisor)
        return self._name(Rounded(numerator, divisor), hint, least)

    def _reduced(self, numerator: Polynomial, divisor: Polynomial) -> tuple[Polynomial, Polynomial]:
        """Both without the sizes and the number that all of their terms share."""
        shared = _shared([*numerator.terms, *divisor.terms])
        factor = Polynomial({shared: 1})
        numerator = numerator.over(factor) or numerator
        divisor = divisor.over(factor) or divisor
        scale = math.lcm(numerator.denominator, divisor.denominator)
        numerator, divisor = numerator * scale, divisor * scale
        common = math.gcd(numerator.content, divisor.content)
        return numerator.divided(common), divisor.divided(common)

    def _times(self, numerator: Polynomial, divisor: Polynomial) -> int | None:
        """How often the divisor's leading term goes into the numerator's, if a whole number."""
        (top, up), (lead, down) = numerator.leading, divisor.leading
        return int(up // down) or None if top == lead else None

    def _below(self, numerator: Polynomial, divisor: Polynomial) -> bool:
        """Whether the quotient is known to lie from 0 to below 1."""
        low, gap = self.lowest(numerator), self.lowest(divisor - numerator)
        return low is not None and low >= 0 and gap is not None and gap > 0

    def _name(self, made: Definition, hint: int, least: int | None) -> Polynomial:
        name = self._named.get(made)
        if name is None:
            name = self._named[made] = f"s{len(self.hints)}"
            self.hints[name], self.least[name], self.definitions[name] = hint, least, made
        return self.resolved(Polynomial.of(name))

    def lowest(self, polynomial: Polynomial) -> Fraction | None:
        """A number that the polynomial never goes below; None where algebra finds none."""
        shifted = polynomial
        lows = {name: self.least[name] for name in polynomial.names}
        if all(low is not None for low in lows.values()):
            shifted = polynomial.substituted(
                {name: Polynomial.of(name) + low for name, low in lows.items() if low}
            )
            if all(factor > 0 for monomial, factor in shifted.terms.items() if monomial):
                return Fraction(shifted.terms.get((), 0))
        return self._lowest_unrounded(polynomial)

    def _lowest_unrounded(self, polynomial: Polynomial) -> Fraction | None:
        """The same with the latest rounded quotient replaced by what it lies above or below."""
        for name in reversed(self.definitions):
            made = self.definitions[name]
            if name not in polynomial.names or not isinstance(made, Rounded):
                continue
            by, parts = made.divisor.constant, polynomial.split(name)
            if by is None or parts is None:
                return None
            if name in self.resolved(made.numerator).names:
                continue
            slope, rest = parts
            signs = {factor > 0 for factor in slope.terms.values()}
            if len(signs) > 1 or any((self.least[n] or -1) < 0 for n in slope.names):
                return None
            above = made.numerator - (int(by) - 1) if signs == {True} else made.numerator
            return self.lowest(slope * self.resolved(above).divided(by) + rest)
        return None

    def known(self, polynomial: Polynomial, relation: str) -> bool | None:
        """Whether ``polynomial relation 0`` follows from what is known; None where it is open."""
        polynomial, relation, negated = self._normal(polynomial, relation)
        answer = self._decided(polynomial, relation)
        return answer if answer is None else answer is not negated

    def ask(self, polynomial: Polynomial, relation: str, where: Callable[[], str] = str) -> bool:
        """Whether ``polynomial relation 0`` holds; where it is open, the hints say so: a guard."""
        polynomial, relation, negated = self._normal(polynomial, relation)
        answer = self._decided(polynomial, relation)
        if answer is None:
            answer = Guard(polynomial, relation).holds(self.hints)
            self._assume(polynomial, relation, answer, where())
        return answer is not negated

    def fix(self, polynomial: Polynomial, where: Callable[[], str] = str) -> int:
        """The number that it is in this pass, and the guard that it is always this number."""
        value = self.hint(polynomial)
        self.ask(polynomial - value, "==", where)
        return value

    def _normal(self, polynomial: Polynomial, relation: str) -> tuple[Polynomial, str, bool]:
        """The question as ``== 0`` or ``>= 0`` in whole, small numbers; whether it is turned."""
        polynomial = self.resolved(polynomial)
        polynomial = polynomial * polynomial.denominator
        turned = relation in ("!=", "<")
        if relation in (">", "<="):  # p <= 0 is not p > 0, which is p - 1 >= 0
            polynomial, relation, turned = polynomial - 1, ">=", relation == "<="
        relation = {"!=": "==", "<": ">="}.get(relation, relation)
        if (
            polynomial
            and (common := polynomial.content) > 1
            and (relation == "==" or not polynomial.terms.get(()))
        ):
            polynomial = polynomial.divided(common)
        if relation == "==" and polynomial:
            polynomial = self._without_factors(polynomial)
            if polynomial.leading[1] < 0:
                polynomial = -polynomial
        return polynomial, relation, turned

    def _without_factors(self, polynomial: Polynomial) -> Polynomial:
        """The polynomial without the sizes that all of its terms share and that are never 0."""
        shared = _shared(list(polynomial.terms))
        factor = tuple((n, p) for n, p in shared if (self.least[n] or 0) > 0)
        return polynomial.over(Polynomial({factor: 1})) or polynomial if factor else polynomial

    def _decided(self, polynomial: Polynomial, relation: str) -> bool | None:
        number = polynomial.constant
        if number is not None:
            return number == 0 if relation == "==" else number >= 0
        if (polynomial, relation) in self._known:
            return self._known[polynomial, relation]
        answer = self._by_bounds(polynomial, relation)
        if answer is not None:
            self._known[polynomial, relation] = answer
        return answer

    def _by_bounds(self, polynomial: Polynomial, relation: str) -> bool | None:
        if relation == "==" and _indivisible(polynomial):
            return False
        low, high = self.lowest(polynomial), self.lowest(-polynomial)
        if relation == "==":
            apart = (low is not None and low > 0) or (high is not None and high > 0)
            return False if apart else None
        if low is not None and low > -1:  # a whole number above -1
            return True
        return False if high is not None and high > 0 else None

    def _assume(self, polynomial: Polynomial, relation: str, answer: bool, where: str) -> None:
        self._known[polynomial, relation] = answer
        if relation == "==":
            self.guards.append(Guard(polynomial, "==" if answer else "!=", where))
            if answer:
                self._replace(polynomial)
            else:
                self._exclude(polynomial)
            return
        kept = polynomial if answer else -polynomial - 1
        self.guards.append(Guard(kept, ">=", where))
        self._known[kept, ">="] = True
        self._raise_to(kept)

    def _replace(self, polynomial: Polynomial) -> None:
        """Use ``polynomial == 0`` to express a size by others: the latest, in whole numbers."""
        found = [(n, parts) for n in reversed(self.hints) if (parts := _solvable(polynomial, n))]
        found.sort(key=lambda item: abs(item[1][0]) != 1)
        if not found:
            return
        name, (slope, rest) = found[0]
        value = {name: (-rest).divided(slope)}
        self.replaced = {n: p.substituted(value) for n, p in self.replaced.items()} | value
        self._resolved.clear()
        least = self.least[name]
        if least is not None:
            self._raise_to(value[name] - least)

    def _raise_to(self, polynomial: Polynomial) -> None:
        """Use ``a x + c >= 0`` for the least value of x."""
        name = _single(polynomial)
        if name and (slope := polynomial.terms[((name, 1),)]) > 0:
            least = -(int(polynomial.terms.get((), 0)) // int(slope))
            known = self.least[name]
            self.least[name] = least if known is None else max(known, least)

    def _exclude(self, polynomial: Polynomial) -> None:
        """Use ``polynomial != 0`` where 0 is the least or the largest that it can be."""
        low, high = self.lowest(polynomial), self.lowest(-polynomial)
        for bound, other, sign in ((low, high, 1), (high, low, -1)):
            if bound is not None and math.ceil(bound) == 0:
                if other is not None and math.ceil(other) == -1:
                    self._replace(polynomial - sign)
                else:
                    self._raise_to(polynomial * sign - 1)


def _solvable(polynomial: Polynomial, name: str) -> tuple[Number, Polynomial] | None:
    """Slope and rest where the polynomial is linear in a size, with a number for its slope."""
    parts = polynomial.split(name) if name in polynomial.names else None
    slope = parts[0].constant if parts else None
    return (slope, parts[1]) if parts and slope is not None else None


def _shared(monomials: list[Monomial]) -> Monomial:
    """The largest product that divides all of them."""
    shared = dict(monomials[0])
    for monomial in monomials:
        powers = dict(monomial)
        shared = {n: min(p, powers.get(n, 0)) for n, p in shared.items()}
    return tuple((n, p) for n, p in sorted(shared.items()) if p)


def _only(polynomial: Polynomial) -> str:
    """The size that the polynomial is; "" where it is another."""
    (monomial, factor), *more = polynomial.terms.items()
    return monomial[0][0] if not more and factor == 1 and _linear(monomial) else ""


def _single(polynomial: Polynomial) -> str:
    """The one size in which the polynomial is linear; "" where it is another."""
    sizes = [monomial for monomial in polynomial.terms if monomial]
    return sizes[0][0][0] if len(sizes) == 1 and _linear(sizes[0]) else ""


def _linear(monomial: Monomial) -> bool:
    return len(monomial) == 1 and monomial[0][1] == 1


def _indivisible(polynomial: Polynomial) -> bool:
    """Whether no whole sizes make it 0, as ``2 h - 1`` is never 0."""
    offset = polynomial.terms.get((), 0)
    return bool(offset) and int(offset) % (polynomial - offset).content != 0


__all__ = ["Computed", "Definition", "Guard", "Rounded", "Sizes", "whole"]
