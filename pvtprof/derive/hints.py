"""Sizes to pass at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from pvtprof.errors import SpecError

#: A batch at which nothing else is likely to be as large by chance.
BATCH = 5


def candidates(
    sizes: Mapping[str, int],
) -> Iterator[tuple[dict[str, int], tuple[str, ...]]]:
    """Yield sizes to pass at, those first of which a form is most likely to hold widely.

    Sides that share the example's powers of two but no other factor with it and differ from each
    other; then multiples of the example's; then its own; last its own with every side a number.

    >>> next(candidates({"b": 1, "h": 224, "w": 224}))
    ({'b': 5, 'h': 416, 'w': 544}, ())
    """
    sides = [name for name in sizes if name != "b"]
    batch = {"b": BATCH} if "b" in sizes else {}
    order = list(sizes)
    for grown in (1.7, 0.8):
        found, last = dict(batch), 0.0
        for name in sides:
            power = math.gcd(sizes[name], 32)
            last = max(last * 1.25, grown * sizes[name] / power)
            last = _prime_from(math.ceil(last))
            found[name] = int(last) * power
        yield {name: found[name] for name in order}, ()
    multiples = {name: sizes[name] * (2 + i) for i, name in enumerate(sides)} if sides else {}
    if sides == ["n"]:
        multiples = {"n": 4 * sizes["n"]}
    if sides:
        own = {name: (dict(sizes) | batch)[name] for name in order}
        yield {name: (batch | multiples)[name] for name in order}, ()
        yield own, ()
        if batch:
            yield own, tuple(sides)


def _prime_from(number: int) -> int:
    number = max(number, 3)
    while any(number % d == 0 for d in range(2, math.isqrt(number) + 1)):
        number += 1
    return number


def points_of(
    sizes: Mapping[str, int], ranges: Mapping[str, tuple[int, int]]
) -> Iterator[dict[str, int]]:
    """Yield points of a range; sides of which nothing is said go with one that began as large."""
    if unknown := ranges.keys() - sizes.keys():
        raise SpecError(f"no size {sorted(unknown)[0]!r} is free; there are {', '.join(sizes)}")
    first = next(iter(ranges))
    low, high = ranges[first]
    for step in range(high - low + 1):
        point = dict(sizes)
        for name in sizes:
            if name in ranges:
                start, end = ranges[name]
                point[name] = start + round(step * (end - start) / max(1, high - low))
            elif name != "b" and sizes[name] == sizes[first]:
                point[name] = low + step
        yield point
