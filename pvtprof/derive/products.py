"""Products of sizes that occur only together get a name: n1 = h1 w1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pvtprof.derive.piece import Piece
from pvtprof.derive.polynomial import Monomial, Polynomial
from pvtprof.derive.show import latex, polynomial_text


@dataclass(frozen=True)
class Products:
    """Names for products of sizes of a piece that every term has with the same power."""

    piece: Piece

    @cached_property
    def named(self) -> dict[str, tuple[str, ...]]:
        """The names, and the sizes that each multiplies."""
        piece = self.piece
        monomials = {monomial for cost in piece.costs for monomial in cost.terms}
        powers: dict[str, dict[Monomial, int]] = {}
        for monomial in monomials:
            for name, power in monomial:
                powers.setdefault(name, {})[monomial] = power
        groups: dict[frozenset[tuple[Monomial, int]], list[str]] = {}
        for name in (*piece.domain.free, *(name for name, _ in piece.used)):
            if name in powers and name != "b":
                groups.setdefault(frozenset(powers[name].items()), []).append(name)
        found: dict[str, tuple[str, ...]] = {}
        taken = {*powers, *piece.domain.names}
        for group in groups.values():
            if len(group) > 1:
                digits = group[0].lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
                name = next(n for n in (f"{k}{digits}" for k in "nmxyz") if n not in taken)
                found[name] = tuple(group)
                taken.add(name)
        return found

    def __call__(self, polynomial: Polynomial) -> Polynomial:
        """Return the polynomial with the names put in."""
        return Polynomial({self._put(m): c for m, c in polynomial.terms.items()})

    def _put(self, monomial: Monomial) -> Monomial:
        powers = dict(monomial)
        for name, factors in self.named.items():
            together = {powers.get(factor, 0) for factor in factors}
            if len(together) == 1 and (power := together.pop()):
                for factor in factors:
                    del powers[factor]
                powers[name] = power
        return tuple(sorted(powers.items()))

    def text(self, polynomial: Polynomial) -> str:
        """Return the product as text."""
        return polynomial_text(self(polynomial))

    def latex(self, polynomial: Polynomial) -> str:
        """Return the product as LaTeX."""
        return latex(self(polynomial))
