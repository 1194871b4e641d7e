"""Sums of products of index sizes, so that a formula gives its figures at many sizes at once.

The formulas of ``analytic`` are run once on these in place of numbers, and what comes out is
evaluated for each grid: with and without the batch, which everything else is independent of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

#: A product of sizes by the names of their indices, sorted.
Product: TypeAlias = tuple[str, ...]
BATCH = "b"
#: How often a repeated block runs; no index of an operator.
DEPTH = "depth"
#: An amount at some sizes but for the batch: so much for each image, and so much beside.
Evaluated: TypeAlias = tuple[int, int]


class Amount:
    """A sum of products of sizes; ``hint`` is its value at one place, for comparisons.

    >>> n, e = Amount.size("n", 49), Amount.size("e", 64)
    >>> (2 * n * e + n).terms, (n * e // e).terms, n > 1
    ({('e', 'n'): 2, ('n',): 1}, {('n',): 1}, True)
    """

    __slots__ = ("hint", "terms")
    __hash__ = None  # type: ignore[assignment] # equality is that of the hints

    def __init__(self, terms: Mapping[Product, int], hint: int) -> None:
        self.terms = terms
        self.hint = hint

    @classmethod
    def size(cls, name: str, hint: int) -> Amount:
        """Return the size of one index."""
        return cls({(name,): 1}, hint)

    @classmethod
    def of(cls, value: Amount | int) -> Amount:
        """Return a number as an amount too."""
        return value if isinstance(value, Amount) else cls({(): value} if value else {}, value)

    def __add__(self, other: Amount | int) -> Amount:
        if not isinstance(other, Amount):
            if not other:
                return self
            other = Amount.of(other)
        terms = dict(self.terms)
        for names, factor in other.terms.items():
            terms[names] = terms.get(names, 0) + factor
        return Amount(terms, self.hint + other.hint)

    def __mul__(self, other: Amount | int) -> Amount:
        if isinstance(other, int):
            terms = {names: factor * other for names, factor in self.terms.items()}
            return Amount(terms if other else {}, self.hint * other)
        if not isinstance(other, Amount):
            return NotImplemented
        terms = {}
        for mine, factor in self.terms.items():
            for theirs, by in other.terms.items():
                names = tuple(sorted(mine + theirs))
                terms[names] = terms.get(names, 0) + factor * by
        return Amount(terms, self.hint * other.hint)

    def __floordiv__(self, other: Amount) -> Amount:
        """Return the amount divided by one size, which must be in every product."""
        ((name,),) = other.terms
        terms = {}
        for names, factor in self.terms.items():
            at = names.index(name)
            terms[names[:at] + names[at + 1 :]] = factor
        return Amount(terms, self.hint // other.hint)

    __radd__, __rmul__ = __add__, __mul__

    def __eq__(self, other: object) -> bool:
        return self.hint == (other.hint if isinstance(other, Amount) else other)

    def __gt__(self, other: int) -> bool:
        return self.hint > other

    def covers(self, other: Amount) -> bool:
        """Return whether it is at least as much as another at all sizes."""
        return all(self.terms.get(names, 0) >= factor for names, factor in other.terms.items())


def largest(amounts: Iterable[Amount]) -> list[Amount]:
    """Return the amounts that no other one covers: the largest at any sizes is one of them.

    >>> n, e = Amount.size("n", 49), Amount.size("e", 64)
    >>> [one.terms for one in largest([n, 2 * n, e])]
    [{('n',): 2}, {('e',): 1}]
    """
    kept: list[Amount] = []
    for one in amounts:
        if not any(other.covers(one) for other in kept):
            kept = [other for other in kept if not one.covers(other)]
            kept.append(one)
    return kept


class Program:
    """Several amounts that are evaluated together, every product of sizes once.

    It is written out as a function of Python, which is several times as fast as a loop over
    products. Its text is made of numbers and names of indices alone.
    """

    def __init__(self, amounts: Sequence[Amount | int]) -> None:
        self.products: dict[Product, str] = {}
        sums = ", ".join(self._pair(Amount.of(amount)) for amount in amounts)
        lines = [
            f"    {name} = {' * '.join(f'sizes[{size!r}]' for size in sizes) or '1'}"
            for sizes, name in self.products.items()
        ]
        text = "\n".join(["def at(sizes):", *lines, f"    return [{sums}]"])
        scope: dict[str, Callable[[Mapping[str, int]], list[Evaluated]]] = {}
        exec(compile(text, "<amounts>", "exec"), scope)
        self.at = scope["at"]

    def _pair(self, amount: Amount) -> str:
        """Return the sums of an amount as the text of an ``Evaluated``."""
        each, beside = ["0"], ["0"]
        for names, factor in amount.terms.items():
            rest = tuple(name for name in names if name != BATCH)
            if len(names) - len(rest) > 1:
                raise ValueError(f"{names} has the batch more than once")
            name = self.products.setdefault(rest, f"p{len(self.products)}")
            (each if len(rest) < len(names) else beside).append(f"{factor} * {name}")
        return f"({' + '.join(each)}, {' + '.join(beside)})"
