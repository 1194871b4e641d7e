"""What is asked and assumed of the sizes of one pass."""

from __future__ import annotations

import math
from collections.abc import Callable

from pvtprof.derive.known import Known
from pvtprof.derive.polynomial import Number, Polynomial
from pvtprof.derive.quotients import Computed, Definition, Guard, Rounded, is_linear, shared_factor


class Sizes(Known):
    """The sizes of one pass and everything that is known of them.

    A question about sizes is answered by algebra where that decides it; else by the hints, and the
    answer is kept as a guard. Every number that comes out of the pass is a polynomial in these
    sizes, right wherever all guards hold.
    """

    def __init__(self) -> None:
        super().__init__()
        self.guards: list[Guard] = []
        self._known: dict[tuple[Polynomial, str], bool] = {}

    def known(self, polynomial: Polynomial, relation: str) -> bool | None:
        """Return whether ``polynomial relation 0`` follows from what is known; None if open."""
        polynomial, relation, negated = self._normal(polynomial, relation)
        answer = self._decided(polynomial, relation)
        return answer if answer is None else answer is not negated

    def ask(self, polynomial: Polynomial, relation: str, where: Callable[[], str] = str) -> bool:
        """Return whether ``polynomial relation 0`` holds; if open, add a guard by the hints."""
        polynomial, relation, negated = self._normal(polynomial, relation)
        answer = self._decided(polynomial, relation)
        if answer is None:
            answer = Guard(polynomial, relation).holds(self.hints)
            self._assume(polynomial, relation, answer, where())
        return answer is not negated

    def fix(self, polynomial: Polynomial, where: Callable[[], str] = str) -> int:
        """Return the value in this pass, and the guard that it always has this value."""
        value = self.hint(polynomial)
        self.ask(polynomial - value, "==", where)
        return value

    def _normal(self, polynomial: Polynomial, relation: str) -> tuple[Polynomial, str, bool]:
        """Return the question as ``== 0`` or ``>= 0`` in small numbers, and if it is turned."""
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
        """Return the polynomial without the shared sizes that are never 0."""
        shared = shared_factor(list(polynomial.terms))
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
    """Return slope and rest if the polynomial is linear in a size with a number as slope."""
    parts = polynomial.split(name) if name in polynomial.names else None
    slope = parts[0].constant if parts else None
    return (slope, parts[1]) if parts and slope is not None else None


def _single(polynomial: Polynomial) -> str:
    """Return the one size in which the polynomial is linear; "" where it is another."""
    sizes = [monomial for monomial in polynomial.terms if monomial]
    return sizes[0][0][0] if len(sizes) == 1 and is_linear(sizes[0]) else ""


def _indivisible(polynomial: Polynomial) -> bool:
    """Return whether no whole sizes make it 0, as ``2 h - 1`` is never 0."""
    offset = polynomial.terms.get((), 0)
    return bool(offset) and int(offset) % (polynomial - offset).content != 0


__all__ = ["Computed", "Definition", "Guard", "Rounded", "Sizes"]
