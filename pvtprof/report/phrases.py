"""How several names and shares are put in one sentence; the page's scripts have the same rules."""

from __future__ import annotations

from collections.abc import Sequence

from pvtprof import spoken

#: So many designs are named one by one; of more, the least and the most.
FEW = 3

#: What each operator of attention does.
OPERATORS = {
    "q": "projection to queries",
    "pool": "pooling of the tokens",
    "sr": "convolution of the reduction",
    "norm": "norm of the reduced tokens",
    "act": "GELU of the reduced tokens",
    "kv": "projection to keys and values",
    "scores": "queries times keys",
    "scale": "scaling of the scores",
    "softmax": "softmax of the scores",
    "mix": "attention weights times values",
    "merge": "copy that joins the heads",
    "proj": "projection of the output",
}


def several(words: Sequence[str]) -> str:
    """Return words in a row.

    >>> several(["a"]), several(["a", "b"]), several(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def owners(names: Sequence[str]) -> str:
    """Return whose something is; of many designs, how many they are.

    >>> owners(["mha"]), owners(["a", "b"]), owners(["a", "b", "c", "d"])
    ("mha's", "a's and b's", "4 designs'")
    """
    if len(names) > FEW:
        return f"{len(names)} designs'"
    return several([f"{name}'s" for name in names])


def each(words: Sequence[str], values: Sequence[float]) -> str:
    """Return figures in a row: one where all are equal, of many the least and the most.

    >>> each(["40 %", "40 %"], [0.401, 0.402]), each(["59 %", "58 %"], [0.59, 0.58])
    ('40 %', '59 % and 58 %')
    >>> each(["4 %", "2 %", "3 %", "9 %"], [4, 2, 3, 9])
    '2 % to 9 %'
    """
    if len(set(words)) == 1:
        return words[0]
    if len(words) <= FEW:
        return several(words)
    order = sorted(range(len(words)), key=values.__getitem__)
    return " to ".join([words[order[0]], words[order[-1]]])


def of(share: str, what: str) -> str:
    """Return a share of something, or a multiple of it.

    >>> of("59 %", "mha's time"), of("2.18x", "mha's time")
    ("59 % of mha's time", "2.18x mha's time")
    """
    return f"{share} {what}" if share.endswith("x") else f"{share} of {what}"


def shares(parts: Sequence[tuple[str, float, float]], what: str) -> str:
    """Return (design, part, whole) as shares of each design's ``what``.

    >>> shares([("mha", 46, 100), ("sra_conv", 44, 1000)], "MACs")
    "46 % of mha's MACs and 4.4 % of sra_conv's"
    >>> shares([("a", 4, 10), ("b", 1, 10), ("c", 3, 10), ("d", 2, 10)], "MACs")
    "40 % of a's MACs, 10 % to 30 % of the others'"
    """
    (first, part, whole), *others = parts
    head = f"{spoken.people(part, whole)} of {first}'s {what}"
    if len(parts) <= FEW:
        return several([head, *(f"{spoken.people(p, w)} of {name}'s" for name, p, w in others)])
    lowest, *_, highest = sorted(others, key=lambda one: one[1] / one[2] if one[2] else 0)
    ends = [spoken.people(p, w) for _, p, w in (lowest, highest)]
    return f"{head}, {' to '.join(dict.fromkeys(ends))} of the others'"
