"""Progress of a command on stderr: a line that is replaced, or now and then a line of a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Progress = Callable[[str], None]
#: What is no terminal gets a line at most so often, the first one after so long.
LOG_S = 30.0


@contextmanager
def progress(is_logged: bool = False) -> Iterator[Progress]:
    """Yield a function that replaces the line of progress; the line is removed at the end.

    What is no terminal gets nothing; ``is_logged`` is for commands that run for hours: such a file
    gets a line every LOG_S seconds.
    """
    if not sys.stderr.isatty():
        yield _logged() if is_logged else lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as live:
        yield live.update


def _logged() -> Progress:
    """Return a function that writes a line, if none was written for LOG_S seconds."""
    said_at = time.monotonic()

    def say(text: str) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= LOG_S:
            said_at = time.monotonic()
            with suppress(OSError):  # a log that is gone ends no measuring
                print(text, file=sys.stderr, flush=True)

    return say
