"""Counts by submodule: from totals that include the submodules within to counts of each alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pvtprof.designs.part import repeated


def own_counts(totals: Mapping[str, int]) -> dict[str, int]:
    """Return counts without those of submodules, repeated blocks added up, zeros left out.

    ``totals`` are by dotted name; "" is the module itself.

    >>> own_counts({"": 9, "block1.0.q": 4, "block1.1.q": 4})
    {'': 1, 'block1.q': 8}
    """
    own: Counter[str] = Counter()
    for name, total in totals.items():
        own[repeated(name)] += total
        parent = name
        while parent:
            parent = parent.rpartition(".")[0]
            if parent in totals:  # a list of modules is never called, so some counters omit it
                own[repeated(parent)] -= total
                break
    return {name: count for name, count in own.items() if count}
