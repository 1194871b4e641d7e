"""A sweep as a TOML file: its keys are the names of the options of ``pvtprof sweep``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

from pvtprof.decode import converted
from pvtprof.designs.checks import one_of
from pvtprof.designs.toml_file import toml_in
from pvtprof.errors import SpecError
from pvtprof.sweep.connection import SUFFIXES
from pvtprof.sweep.grid import AXES

WAY_OUT = "see `pvtprof sweep --help` for what each key may be"
#: A line of such a file, for messages, and where to find more.
EXAMPLE = 'img = "224..1024:32"'
EXAMPLES = "see docs/sweep.md for one to start from"
#: One or several values of an axis.
Texts: TypeAlias = str | list[str]
Numbers: TypeAlias = int | str | list[int | str]


@dataclass(frozen=True)
class _Values:
    """The keys of a file with their types; a key has a dash where a field has an underscore.

    Only what stands in the file is taken; no default here has a meaning.
    """

    model: Texts = ""
    set: Texts = ""
    img: Numbers = 0
    R: Any = None
    design: Texts = ""
    pool_size: Numbers = 0
    part: Texts = ""
    task: Texts = ""
    batch: Numbers = 0
    dtype: Texts = ""
    attention: Texts = ""
    mode: Texts = ""
    device: Texts = ""
    threads: Numbers = 0
    target: Texts = ""
    at: Texts = ""
    out: str = ""
    analytic: bool = False
    sample: int = 0
    seed: int = 0
    budget: float = 0.0
    limit: float = 0.0
    reference: float = 0.0
    workers: int = 0
    scheduler: str = ""


#: Every key that a file may have.
KEYS = tuple(field.name.replace("_", "-") for field in fields(_Values))


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a file asks for: words of the axes of the grid, and how they are swept."""

    words: Mapping[str, tuple[str, ...]]
    options: Mapping[str, Any]


def read(path: str | os.PathLike[str]) -> Sweep:
    """Return what a TOML file asks for; raises SpecError or StoreError in one line."""
    if Path(path).suffix in SUFFIXES:
        raise SpecError(
            f"{path} is a store by its name, and FILE is a TOML file that says what is swept; "
            f"`pvtprof sweep -o {path}` goes on with a store"
        )
    document = toml_in(path, "a sweep", f"write KEY = VALUE, such as {EXAMPLE}", EXAMPLES)
    if not document:
        raise SpecError(f"{path} has no key; write KEY = VALUE, such as {EXAMPLE}")
    for key in document:
        try:
            one_of("key", key, KEYS)
        except SpecError as error:
            raise SpecError(f"{path}: {error}") from None
    named = {key.replace("-", "_"): value for key, value in document.items()}
    values = converted(named, str(path), _Values, WAY_OUT)
    given = {key: getattr(values, key.replace("-", "_")) for key in document}
    try:
        words = {key: _words(key, value) for key, value in given.items() if key in AXES}
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from None
    return Sweep(words, {key: value for key, value in given.items() if key not in AXES})


def _words(key: str, value: Any) -> tuple[str, ...]:
    """Return the words of one axis, as the command line has them."""
    if key == "R":
        return tuple(_ratios(value))
    several = value if isinstance(value, list) else [value]
    return tuple(map(str, several))


def _ratios(value: Any) -> list[str]:
    """Return each R as a word, of a list, of a text, or of a list of those."""
    if isinstance(value, list) and value and all(_is_whole(one) for one in value):
        return [",".join(map(str, value))]
    found = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, list) and one and all(map(_is_whole, one)):
            found.append(",".join(map(str, one)))
        elif isinstance(one, str):
            found.append(one)
        else:
            raise SpecError(
                f"R is {str(value)[:60]}; use a list with a whole number per stage, such as "
                "[8, 4, 2, 1], or a list of such lists"
            )
    return found


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
