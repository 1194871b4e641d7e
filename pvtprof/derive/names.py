"""Sizes of a pass in terms of the free sizes: true at any size, or neat where guards hold."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from pvtprof.derive.compiled import python
from pvtprof.derive.polynomial import Polynomial
from pvtprof.derive.sizes import Computed, Definition, Rounded, Sizes


class Names:
    """Puts every size of a trace in terms of the free sizes and of quotients of them.

    ``raw`` is true at any size: guards are said with it. ``neat`` is true where the guards hold,
    so that quotients that they make exact are exact: costs are said with it.
    """

    def __init__(self, free: Iterable[str], sizes: Sizes) -> None:
        self.sizes, self.shown = sizes, Sizes()
        self.raw: dict[str, Polynomial] = {}
        self.neat: dict[str, Polynomial] = {}
        self._open: set[str] = set()
        self.multiples = _multiples(sizes)
        self._bases = {
            base: (Polynomial.of(name) - offset).divided(step)
            for name, (base, offset, step) in self.multiples.items()
        }
        for name in free:
            self.shown.free(name, sizes.hints[name], max(0, sizes.least[name] or 0))
        for name in sizes.hints:
            self.raw[name] = self._raw(name)
        for name in sizes.hints:
            self._neat(name)

    def costs(self, polynomial: Polynomial) -> Polynomial:
        """Return a cost in readable sizes."""
        return self.sizes.resolved(polynomial).substituted(self.neat)

    def _raw(self, name: str) -> Polynomial:
        made = self.sizes.definitions.get(name)
        if made is None:
            return Polynomial.of(name)
        if isinstance(made, Rounded):
            return self.shown.floor(
                made.numerator.substituted(self.raw), made.divisor.substituted(self.raw)
            )
        inside = {n: self.raw[n] for n in made.names}
        names = frozenset().union(*(p.names for p in inside.values()))
        code = recoded(made.code, inside)
        return self.shown.computed(code, names, self.sizes.hints[name])

    def _neat(self, name: str) -> Polynomial:
        if name in self._open:  # defined by what it defines: true anyhow
            return self.raw[name]
        if name not in self.neat:
            self._open.add(name)
            self.neat[name] = self._made_neat(name)
            self._open.remove(name)
        return self.neat[name]

    def _made_neat(self, name: str) -> Polynomial:
        made = self.sizes.definitions.get(name)
        if name in self._bases:
            return self._bases[name]
        if made is None:
            return Polynomial.of(name)
        if name in self.sizes.replaced:
            return self._neatly(self.sizes.replaced[name])
        if not isinstance(made, Rounded):
            return self.raw[name]
        numerator, divisor = self._neatly(made.numerator), self._neatly(made.divisor)
        scale = numerator.denominator
        numerator, divisor = numerator * scale, divisor * scale
        return self.shown.floor(numerator + self._slack(numerator, divisor), divisor)

    def _neatly(self, polynomial: Polynomial) -> Polynomial:
        resolved = self.sizes.resolved(polynomial)
        return resolved.substituted({name: self._neat(name) for name in resolved.names})

    def _slack(self, numerator: Polynomial, divisor: Polynomial) -> int:
        """Return the number to add to a numerator that turns the quotient into a ceil."""
        by, (name, *more) = divisor.constant, (*numerator.names, "")
        if by is None or name not in self.multiples or any(more):
            return 0
        _, offset, step = self.multiples[name]
        step = math.gcd(step, int(by))
        rest = int(numerator.terms.get((), 0)) + offset
        return step - 1 - rest % step if numerator.terms.get(((name, 1),)) == 1 else 0


def _multiples(sizes: Sizes) -> dict[str, tuple[str, int, int]]:
    """Return the sizes that guards made multiples, as (base, offset, step)."""
    found = {}
    for name, polynomial in sizes.replaced.items():
        names = polynomial.names
        if name in sizes.definitions or len(names) != 1:
            continue
        (base,) = names
        parts = polynomial.split(base)
        slope = parts[0].constant if parts else None
        if parts and slope is not None and slope.denominator == 1 and base in sizes.definitions:
            found[name] = (base, int(parts[1].constant or 0), int(slope))
    return found


def recoded(code: str, values: Mapping[str, Polynomial]) -> str:
    """Return code of a computed size with other names in it."""

    def put(match: re.Match[str]) -> str:
        name = match[0]
        return f"({python(values[name])})" if name in values else name

    return re.sub(r"[A-Za-z_]\w*", put, code)


def relabelled(made: Definition, label: Mapping[str, str]) -> Definition:
    """Return a definition with other names in it."""
    if isinstance(made, Rounded):
        return Rounded(
            made.numerator.renamed(lambda n: label.get(n, n)),
            made.divisor.renamed(lambda n: label.get(n, n)),
        )
    code = recoded(made.code, {n: Polynomial.of(label.get(n, n)) for n in made.names})
    return Computed(code, frozenset(label.get(n, n) for n in made.names))
