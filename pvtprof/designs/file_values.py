"""Values of a design file, each checked and shown as the file has it."""

from __future__ import annotations

from collections.abc import Sequence

from pvtprof.designs.checks import positive
from pvtprof.errors import SpecError

#: A message shows so many characters of a value.
MOST_SHOWN = 60


def shown(value: object) -> str:
    """Return a value as a design file has it, for a message.

    >>> shown("no"), shown(True), shown(1.5), shown([1, "a"])
    ("'no'", 'true', '1.5', "[1, 'a']")
    """
    text = repr(value) if isinstance(value, str) else str(value)
    return (text.lower() if isinstance(value, bool) else text)[:MOST_SHOWN]


def counted(count: int) -> str:
    """Return such as "1 value" or "3 values"."""
    return f"{count} value" if count == 1 else f"{count} values"


def list_of(key: str, value: object) -> list[object]:
    """Return a list of any length; raise SpecError for another value, or none."""
    if value is None:
        raise SpecError(f"{key} is missing; give a list, one value per stage")
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise SpecError(f"{key} is {shown(value)}; use a list, one value per stage")
    return list(value)


def per_stage(key: str, value: object, count: int) -> list[object]:
    """Return the first ``count`` of a list of one value per stage."""
    listed = list_of(key, value)
    if len(listed) < count:
        raise SpecError(f"{key} has {counted(len(listed))} for {count} stages; give one per stage")
    return listed[:count]


def whole(what: str, value: object, most: int) -> int:
    """Return a whole number; 4.0 is one, for constructors are called so."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return positive(what, value, most)
    raise SpecError(f"{what} is {shown(value)}; use a whole number from 1 to {most}")


def flag(what: str, value: object) -> bool:
    """Return true or false; raise SpecError for another value."""
    if not isinstance(value, bool):
        raise SpecError(f"{what} is {shown(value)}; use true or false")
    return value
