"""Folders that are registers: each file in them is one entry, found by its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType


def entry_names(folder: Sequence[str]) -> list[str]:
    """Return the names of the modules in a package's folder (its ``__path__``), sorted.

    Faster than ``pkgutil``, which loads the machinery of all kinds of imports.
    """
    return sorted({file.stem for place in folder for file in Path(place).glob("[!_]*.py")})


def entries(package: str, folder: Sequence[str]) -> Iterator[ModuleType]:
    """Import and return every module in a package's folder."""
    for name in entry_names(folder):
        yield import_module(f"{package}.{name}")
