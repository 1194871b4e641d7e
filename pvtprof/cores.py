"""The processor's cores as this process was given them, read before any library binds threads.

Under ``OMP_PROC_BIND`` importing torch binds the importing thread to one core, and whatever it
starts inherits that: so they are read when pvtprof is imported, and given back to what it starts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def _given() -> frozenset[int] | None:
    """Return the cores that the process may use; None where the system does not say.

    Where torch is there already, those of all its threads: each may be bound to another.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    threads = [0]
    if "torch" in sys.modules:
        with suppress(OSError):
            threads += map(int, os.listdir("/proc/self/task"))
    found: set[int] = set()
    for thread in threads:
        with suppress(OSError):  # it has ended meanwhile
            found |= os.sched_getaffinity(thread)
    return frozenset(found)


GIVEN = _given()


def count() -> int:
    """Return how many cores the process may use."""
    return len(GIVEN) if GIVEN else os.cpu_count() or 1


def last() -> int | None:
    """Return the core that sides in lockstep stay on; None where the system does not let them."""
    return max(GIVEN) if GIVEN else None


@contextmanager
def given_back() -> Iterator[None]:
    """Let what is started meanwhile use all these cores, whatever this thread was bound to."""
    if not GIVEN:
        yield
        return
    bound = os.sched_getaffinity(0)
    os.sched_setaffinity(0, GIVEN)
    try:
        yield
    finally:
        os.sched_setaffinity(0, bound)
