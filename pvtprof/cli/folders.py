"""Naming the folders that a command made, on stderr."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click


@contextmanager
def new_folders_named(outputs: Iterable[str | None]) -> Iterator[None]:
    """Name every folder of ``outputs`` that was made within this context."""
    folders = dict.fromkeys(Path(path).parent for path in outputs if path and "\0" not in path)
    missing = [folder for folder in folders if not folder.exists()]
    try:
        yield
    finally:
        for folder in missing:
            if folder.is_dir():
                click.echo(f"Made the folder {folder}", err=True)
