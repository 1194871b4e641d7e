"""Sizes met in one pass: free ones, rounded quotients of others, and their bounds."""

from __future__ import annotations

import math
from fractions import Fraction

from pvtprof.derive.polynomial import Monomial, Number, Polynomial
from pvtprof.derive.quotients import (
    Computed,
    Definition,
    Rounded,
    only_name,
    shared_factor,
)


class Known:
    """The sizes of one pass, rounded quotients of them, and bounds that algebra gives.

    ``hints`` are the numbers at which the pass runs, ``least`` are lower bounds, and ``replaced``
    are sizes that guards express by others.
    """

    def __init__(self) -> None:
        self.hints: dict[str, int] = {}
        self.least: dict[str, int | None] = {}
        self.definitions: dict[str, Definition] = {}
        self.replaced: dict[str, Polynomial] = {}
        self._named: dict[Definition, str] = {}
        self._resolved: dict[Polynomial, Polynomial] = {}

    def free(self, name: str, hint: int, least: int) -> Polynomial:
        """Return a new free size, known to be at least ``least``."""
        self.hints[name], self.least[name] = hint, least
        return Polynomial.of(name)

    def resolved(self, polynomial: Polynomial) -> Polynomial:
        """Return the polynomial with everything put in that guards have fixed."""
        if not self.replaced or polynomial.names.isdisjoint(self.replaced):
            return polynomial
        if polynomial not in self._resolved:
            self._resolved[polynomial] = polynomial.substituted(self.replaced)
        return self._resolved[polynomial]

    def hint(self, polynomial: Polynomial) -> int:
        """Return the number that it is in this pass."""
        return polynomial.at(self.hints)

    def computed(self, code: str, names: frozenset[str], hint: int) -> Polynomial:
        """Return a size that floating point made, named."""
        return self._name(Computed(code, names), hint, None)

    def floor(self, numerator: Polynomial, divisor: Polynomial) -> Polynomial:
        """Return the quotient, rounded down, of two sizes, in a form that equal quotients share.

        >>> sizes = Known()
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
        """Return the floor of a quotient whose coefficients are smaller than the divisor."""
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
        inner = self.definitions.get(only_name(sizes))
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
        """Return both without the sizes and the number that all of their terms share."""
        shared = shared_factor([*numerator.terms, *divisor.terms])
        factor = Polynomial({shared: 1})
        numerator = numerator.over(factor) or numerator
        divisor = divisor.over(factor) or divisor
        scale = math.lcm(numerator.denominator, divisor.denominator)
        numerator, divisor = numerator * scale, divisor * scale
        common = math.gcd(numerator.content, divisor.content)
        return numerator.divided(common), divisor.divided(common)

    def _times(self, numerator: Polynomial, divisor: Polynomial) -> int | None:
        """Return the quotient of the leading terms if it is a whole number."""
        (top, up), (lead, down) = numerator.leading, divisor.leading
        return int(up // down) or None if top == lead else None

    def _below(self, numerator: Polynomial, divisor: Polynomial) -> bool:
        """Return whether the quotient is known to lie from 0 to below 1."""
        low, gap = self.lowest(numerator), self.lowest(divisor - numerator)
        return low is not None and low >= 0 and gap is not None and gap > 0

    def _name(self, made: Definition, hint: int, least: int | None) -> Polynomial:
        name = self._named.get(made)
        if name is None:
            name = self._named[made] = f"s{len(self.hints)}"
            self.hints[name], self.least[name], self.definitions[name] = hint, least, made
        return self.resolved(Polynomial.of(name))

    def lowest(self, polynomial: Polynomial) -> Fraction | None:
        """Return a number that the polynomial never goes below; None where algebra finds none."""
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
        """Return the lower bound with the latest rounded quotient replaced by its own bound."""
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
