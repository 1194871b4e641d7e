"""Progress of a command, shown on stderr if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str], None]


@contextmanager
def progress() -> Iterator[Progress]:
    """Yield a function that replaces the line of progress; the line is removed at the end."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as live:
        yield live.update
