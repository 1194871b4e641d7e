"""Rounded quotients of sizes, and guards: what stands in a derived form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pvtprof.derive.polynomial import Monomial, Polynomial


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
        """Return whether it is true at these sizes."""
        value = self.polynomial.at(values)
        return {"==": value == 0, "!=": value != 0, ">=": value >= 0}[self.relation]


def shared_factor(monomials: list[Monomial]) -> Monomial:
    """Return the largest product that divides all of them."""
    shared = dict(monomials[0])
    for monomial in monomials:
        powers = dict(monomial)
        shared = {n: min(p, powers.get(n, 0)) for n, p in shared.items()}
    return tuple((n, p) for n, p in sorted(shared.items()) if p)


def only_name(polynomial: Polynomial) -> str:
    """Return the size that the polynomial is; "" where it is another."""
    (monomial, factor), *more = polynomial.terms.items()
    return monomial[0][0] if not more and factor == 1 and is_linear(monomial) else ""


def is_linear(monomial: Monomial) -> bool:
    """Return whether a product is one size, to the power 1."""
    return len(monomial) == 1 and monomial[0][1] == 1
