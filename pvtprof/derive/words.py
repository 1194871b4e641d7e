"""What a table of sizes says, in words."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

#: Sizes up to here are looked up in a table of what the guards say of one size alone.
TABLE = 4096


Table: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"


def in_words(table: Table) -> str:
    """Return a table of sizes in words: "multiple of 32, at least 64"; "" if all from 2 on hold.

    >>> in_words(np.arange(4097) % 32 == 0)
    'multiple of 32'
    >>> in_words(np.arange(4097) >= 29)
    'at least 29'
    """
    possible = np.flatnonzero(table)
    if not len(possible):
        return "nowhere"
    if len(possible) == 1:
        return f"= {possible[0]}"
    first, last = int(possible[0]), int(possible[-1])
    step = int(np.gcd.reduce(np.diff(possible)))
    top = f", at most {last}" if last + step <= TABLE else ""
    regular = np.array_equal(possible, np.arange(first, last + 1, step))
    if regular:
        return _progression(first, step) + top if top or step > 1 or first > 2 else ""
    return _irregular(table, first, top)


def _progression(first: int, step: int) -> str:
    if step == 1:
        return f"at least {first}"
    rest = first % step
    base = f"multiple of {step}" if rest == 0 else f"{rest} above a multiple of {step}"
    return base + (f", at least {first}" if first >= 2 * step or (rest and first > step) else "")


def _irregular(table: Table, first: int, top: str) -> str:
    """Return a set that repeats from some size on, by what is left out of each period."""
    possible = np.flatnonzero(table)
    last, step = int(possible[-1]), int(np.gcd.reduce(np.diff(possible)))
    for period in range(2 * step, len(table) // 4, step):
        tail = table[first : len(table) - len(table) % period]
        if np.array_equal(tail[period:], tail[:-period]):
            top = f", at most {last}" if last + period <= TABLE else ""
            residues = [r for r in range(first, first + period) if table[r]]
            missing = sorted(
                {r % period for r in range(first, first + period, step)}
                - {r % period for r in residues}
            )
            base = _progression(first, step) if step > 1 else f"at least {first}"
            if len(missing) == 1 and missing[0] == 0:
                return f"{base}, no multiple of {period}{top}"
            kept = sorted({r % period for r in residues})
            if len(kept) <= 4:
                return f"at least {first}, {_list(kept)} above a multiple of {period}{top}"
            if len(missing) <= 4:
                return f"{base}, not {_list(missing)} above a multiple of {period}{top}"
            break
    gaps = np.flatnonzero(~table[first : last + 1]) + first
    runs = np.split(gaps, np.flatnonzero(np.diff(gaps) > 1) + 1)
    if len(runs) <= 6:
        said = ", ".join(f"{r[0]} to {r[-1]}" if len(r) > 1 else str(r[0]) for r in runs)
        return f"at least {first}{top}, except {said}"
    return f"{len(possible)} values from {first} to {int(possible[-1])}, as the guards say"


def _list(numbers: list[int]) -> str:
    return (
        ", ".join(map(str, numbers[:-1])) + (" or " if len(numbers) > 1 else "") + str(numbers[-1])
    )


def _plural(text: str) -> str:
    return f"multiples{text.removeprefix('multiple')}" if text.startswith("multiple") else text


def merged(said: list[str]) -> list[str]:
    """Return sizes of which the same is said together: "h, w multiple of 32"."""
    groups: dict[str, list[str]] = {}
    for text in said:
        name, _, rest = text.partition(" ")
        groups.setdefault(rest, []).append(name)
    return [
        f"{', '.join(names)} {_plural(rest) if len(names) > 1 else rest}"
        for rest, names in groups.items()
    ]
