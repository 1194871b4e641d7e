"""Polynomials in named sizes, with exact rational coefficients. No torch, no sympy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

#: A product of sizes: (name, power), in the order of the names; () is the number 1.
Monomial: TypeAlias = tuple[tuple[str, int], ...]
#: A whole number wherever it can be one.
Number: TypeAlias = int | Fraction


@lru_cache(1 << 16)
def times(left: Monomial, right: Monomial) -> Monomial:
    """Return the product of two monomials.

    >>> times((("h", 1),), (("b", 1), ("h", 1)))
    (('b', 1), ('h', 2))
    """
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) + power
    return tuple(sorted((name, power) for name, power in powers.items() if power))


def whole(number: Number) -> Number:
    """Return the same number, as an int where it is whole."""
    return int(number) if number.denominator == 1 else number


class Polynomial:
    """A sum of monomials with coefficients; it does not change.

    >>> h, w = Polynomial.of("h"), Polynomial.of("w")
    >>> (h + 1) * (h + 1) - h * h - 1 == 2 * h
    True
    >>> str(2 * h * w - h + 3)
    '2 h w - h + 3'
    """

    __slots__ = ("_hash", "_names", "terms")

    def __init__(self, terms: Mapping[Monomial, Number]) -> None:
        self.terms: dict[Monomial, Number] = {m: whole(c) for m, c in terms.items() if c}
        self._hash: int | None = None
        self._names: frozenset[str] | None = None

    @classmethod
    def of(cls, name: str) -> Polynomial:
        """Return the polynomial that is one size."""
        return cls({((name, 1),): 1})

    @classmethod
    def number(cls, value: Number) -> Polynomial:
        """Return the polynomial that is one number."""
        return cls({(): value})

    def __add__(self, other: Polynomial | Number) -> Polynomial:
        found = dict(self.terms)
        for monomial, factor in _as(other).terms.items():
            found[monomial] = found.get(monomial, 0) + factor
        return Polynomial(found)

    def __neg__(self) -> Polynomial:
        return Polynomial({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Polynomial | Number) -> Polynomial:
        return self + -_as(other)

    def __mul__(self, other: Polynomial | Number) -> Polynomial:
        found: dict[Monomial, Number] = {}
        for monomial, factor in self.terms.items():
            for by, scale in _as(other).terms.items():
                product = times(monomial, by)
                found[product] = found.get(product, 0) + factor * scale
        return Polynomial(found)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Number) -> Polynomial:
        return -self + other

    def __pow__(self, power: int) -> Polynomial:
        result = ONE
        for _ in range(power):
            result = result * self
        return result

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int | Fraction):
            other = Polynomial.number(other)
        return isinstance(other, Polynomial) and self.terms == other.terms

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def constant(self) -> Number | None:
        """The number that it is; None where it depends on a size."""
        if not self.terms:
            return 0
        return self.terms.get(()) if len(self.terms) == 1 else None

    @property
    def names(self) -> frozenset[str]:
        """The sizes that it depends on."""
        if self._names is None:
            self._names = frozenset(name for monomial in self.terms for name, _ in monomial)
        return self._names

    @property
    def denominator(self) -> int:
        """The smallest factor that makes every coefficient whole."""
        return math.lcm(*(c.denominator for c in self.terms.values()))

    @property
    def content(self) -> int:
        """The greatest common divisor of the coefficients, which must be whole."""
        return math.gcd(*(int(c) for c in self.terms.values()))

    def divided(self, by: Number) -> Polynomial:
        """Return the polynomial divided by a number."""
        return Polynomial({m: Fraction(c) / by for m, c in self.terms.items()})

    def substituted(self, values: Mapping[str, Polynomial]) -> Polynomial:
        """Return the polynomial with some sizes replaced by polynomials.

        >>> h = Polynomial.of("h")
        >>> str((h * h).substituted({"h": h + 1}))
        'h^2 + 2 h + 1'
        """
        if self.names.isdisjoint(values):
            return self
        result: Polynomial = ZERO
        for monomial, factor in self.terms.items():
            kept = tuple(part for part in monomial if part[0] not in values)
            product = Polynomial({kept: factor})
            for name, power in monomial:
                if name in values:
                    product = product * values[name] ** power
            result = result + product
        return result

    def renamed(self, name: Callable[[str], str]) -> Polynomial:
        """Return the polynomial with other names for its sizes."""
        return Polynomial(
            {tuple(sorted((name(n), p) for n, p in m)): c for m, c in self.terms.items()}
        )

    def split(self, name: str) -> tuple[Polynomial, Polynomial] | None:
        """Return coefficient and rest with respect to a size; None where its power is above 1."""
        slope: dict[Monomial, Number] = {}
        rest: dict[Monomial, Number] = {}
        for monomial, factor in self.terms.items():
            power = dict(monomial).get(name, 0)
            if power > 1:
                return None
            if power:
                slope[tuple(part for part in monomial if part[0] != name)] = factor
            else:
                rest[monomial] = factor
        return Polynomial(slope), Polynomial(rest)

    def over(self, divisor: Polynomial) -> Polynomial | None:
        """Return the exact quotient; None where there is none.

        >>> h, w = Polynomial.of("h"), Polynomial.of("w")
        >>> str((h * h * w + h * w).over(h + 1)), (h * w + 1).over(h)
        ('h w', None)
        """
        lead, factor = divisor.leading
        rest, quotient = self, ZERO
        while rest:
            top, scale = rest.leading
            part = _quotient(top, lead)
            if part is None:
                return None
            step = Polynomial({part: Fraction(scale) / factor})
            quotient, rest = quotient + step, rest - step * divisor
        return quotient

    @property
    def leading(self) -> tuple[Monomial, Number]:
        """The first term in the order of degree, then of names."""
        monomial = max(self.terms, key=_order)
        return monomial, self.terms[monomial]

    def sorted_terms(self) -> list[tuple[Monomial, Number]]:
        """Return the terms, highest degree first."""
        return sorted(self.terms.items(), key=lambda term: _order(term[0]), reverse=True)

    def at(self, values: Mapping[str, int]) -> int:
        """Return the whole number that it is at some sizes."""
        total: Number = 0
        for monomial, factor in self.terms.items():
            product: Number = factor
            for name, power in monomial:
                product *= values[name] ** power
            total += product
        result = whole(total)
        if not isinstance(result, int):
            raise ArithmeticError(f"{self} is {result} at {dict(values)}")
        return result

    def __str__(self) -> str:
        return joined(self, " ", lambda name, power: name if power == 1 else f"{name}^{power}")

    def __repr__(self) -> str:
        return f"Polynomial({self})"


def joined(polynomial: Polynomial, sign: str, factor: Callable[[str, int], str]) -> str:
    """Return a polynomial as text; ``sign`` joins factors, ``factor`` writes a power of a size."""
    text = ""
    for monomial, scale in polynomial.sorted_terms():
        size = abs(scale)
        symbols = [factor(name, power) for name, power in monomial]
        numbers = [str(size)] if size != 1 or not symbols else []
        term = sign.join([*numbers, *symbols])
        text += (" - " if scale < 0 else " + ") + term if text else ("-" * (scale < 0)) + term
    return text or "0"


def total(polynomials: Iterable[Polynomial]) -> Polynomial:
    """Return the sum of polynomials."""
    found: dict[Monomial, Number] = {}
    for polynomial in polynomials:
        for monomial, factor in polynomial.terms.items():
            found[monomial] = found.get(monomial, 0) + factor
    return Polynomial(found)


def _as(value: Polynomial | Number) -> Polynomial:
    return value if isinstance(value, Polynomial) else Polynomial({(): value})


def _order(monomial: Monomial) -> tuple[int, tuple[tuple[str, int], ...]]:
    """Return degree, then lexicographic: a monomial order, so that division ends."""
    return sum(power for _, power in monomial), _lexicographic(monomial)


@lru_cache(1 << 14)
def _lexicographic(monomial: Monomial) -> tuple[tuple[str, int], ...]:
    return tuple((_reversed(name), power) for name, power in monomial)


def _reversed(name: str) -> str:
    """Return a text that sorts the other way round, so that earlier names lead."""
    return "".join(chr(0x10FFFF - ord(letter)) for letter in name) + "\U0010ffff"


def _quotient(top: Monomial, lead: Monomial) -> Monomial | None:
    powers = dict(top)
    for name, power in lead:
        powers[name] = powers.get(name, 0) - power
        if powers[name] < 0:
            return None
    return tuple(sorted((name, power) for name, power in powers.items() if power))


ZERO = Polynomial({})
ONE = Polynomial.number(1)
