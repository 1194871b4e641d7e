"""Typed access to the fields of a JSON object: every complaint names the field."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pvtprof.errors import PvtprofError, StoreError

#: No count has more digits: far beyond any network, and every figure can still be shown.
MOST_DIGITS = 60

Read = TypeVar("Read")


class Fields:
    """The fields of one JSON object. ``name`` says where it is: "rows[0].", say."""

    def __init__(self, value: Any, name: str) -> None:
        self.name = name
        if not isinstance(value, dict):
            raise StoreError(f"{name.rstrip('.') or 'it'} is not an object")
        self.values: dict[str, Any] = value

    def names(self) -> Iterable[str]:
        """The keys, each checked to be plain text."""
        return [_plain(f"a name in {self.name}", key) for key in self.values]

    def has(self, key: str) -> bool:
        """Whether the field is there and not null."""
        return self.values.get(key) is not None

    def _get(self, key: str) -> Any:
        if key not in self.values:
            raise StoreError(f"there is no field {self.name}{key}")
        return self.values[key]

    def whole(self, key: str) -> int:
        """A whole number of 0 or more."""
        value = self._get(key)
        if type(value) is not int or not 0 <= value < 10**MOST_DIGITS:
            raise StoreError(
                f"{self.name}{key} is {_shown(value)}, not a whole number of 0 or more"
            )
        return value

    def whole_or_none(self, key: str) -> int | None:
        """A whole number, or None where the field is null."""
        return self.whole(key) if self._get(key) is not None else None

    def whole_if_there(self, key: str) -> int | None:
        """A whole number, or None where the field is null or absent: files of earlier versions."""
        return self.whole(key) if self.has(key) else None

    def wholes(self) -> dict[str, int]:
        """Every field, each a whole number, by name."""
        return {name: self.whole(name) for name in self.names()}

    def seconds(self, key: str) -> float:
        """A finite duration of more than 0."""
        value = self._get(key)
        if type(value) not in (int, float) or not 0 < value < math.inf or value > 1e12:
            raise StoreError(f"{self.name}{key} is {_shown(value)}, not a number of seconds")
        return float(value)

    def rate(self, key: str) -> float:
        """A finite number of more than 0: so many a second."""
        if not (value := self.number(key)):
            raise StoreError(f"{self.name}{key} is {_shown(value)}, not a rate of more than 0")
        return value

    def number(self, key: str) -> float:
        """A finite number of 0 or more."""
        return self._number(key)(self._get(key))

    def numbers_of(self, key: str) -> tuple[float, ...]:
        """A list of finite numbers of 0 or more."""
        return tuple(map(self._number(key), self.list(key)))

    def numbers(self) -> dict[str, tuple[float, ...]]:
        """Every field, each a list of finite numbers of 0 or more, by name."""
        return {name: self.numbers_of(name) for name in self.names()}

    def _number(self, key: str) -> Callable[[Any], float]:
        def read(value: Any) -> float:
            if type(value) not in (int, float) or not 0 <= value < math.inf:
                raise StoreError(f"{self.name}{key} holds {_shown(value)}, not a number")
            return float(value)

        return read

    def text(self, key: str) -> str:
        """Text without control characters."""
        return _plain(f"{self.name}{key}", self._get(key))

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise StoreError(f"{self.name}{key} is {_shown(value)}, not true or false")
        return value

    def list(self, key: str) -> list[Any]:
        """A list of anything."""
        value = self._get(key)
        if not isinstance(value, list):
            raise StoreError(f"{self.name}{key} is {_shown(value)}, not a list")
        return value

    def pair(self, key: str) -> tuple[int, int]:
        """Two whole numbers."""
        values = self.list(key)
        if len(values) != 2:
            raise StoreError(f"{self.name}{key} has {len(values)} numbers, not 2")
        both = Fields({"0": values[0], "1": values[1]}, f"{self.name}{key}.")
        return both.whole("0"), both.whole("1")

    def object(self, key: str) -> Fields:
        """The fields of an object within."""
        return Fields(self._get(key), f"{self.name}{key}.")


def _plain(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise StoreError(f"{name} is {_shown(value)}, not plain text")
    return value


def _shown(value: Any) -> str:
    """The value in ASCII, cut to a length that a line can bear."""
    if isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
        return f"a number of more than {MOST_DIGITS} digits"
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def text_of(path: str | os.PathLike[str], way_out: str) -> str:
    """The text of a file; ``way_out`` ends the message where it is none."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise StoreError(f"{path} is not a text file; {way_out}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"cannot read {path}: {reason}; check the path, or {way_out}") from None


def parsed(
    text: str, name: str, readers: Mapping[str | None, Callable[[Fields], Read]], way_out: str
) -> Read:
    """What the reader of its schema makes of JSON text; raises StoreError for any other schema.

    ``readers`` maps a schema to its reader; None stands for files that are not pvtprof's own.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise StoreError(f"{name} is not JSON, or truncated{where}; {way_out}") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    known = isinstance(schema, str | None) and schema in readers
    if not known and None in readers:
        raise StoreError(f"{name} is a file of pvtprof's, not of pytest-benchmark; {way_out}")
    if not known:
        shown, reads = repr(schema)[:60], " and ".join(map(repr, readers))
        raise StoreError(f"{name} has schema {shown}, this pvtprof reads {reads}; {way_out}")
    try:
        return readers[schema](Fields(document, ""))
    except PvtprofError as error:
        raise StoreError(f"{name}: {error}; {way_out}") from None
