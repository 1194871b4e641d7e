"""Which process holds a lease, and whether that process is still there.

A process is known by the machine that it is on, its number and when it started: numbers are used
again. Of a process on another machine nothing can be said; its leases expire.
"""

from __future__ import annotations

import hashlib
import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process: ``host`` is a hash of its machine since the last start, and of its container."""

    host: str
    pid: int
    started: str | None

    @property
    def name(self) -> str:
        """What a worker is called that runs in it; no host name and no user is in it."""
        return f"{self.host}-{self.pid}"

    @property
    def is_gone(self) -> bool:
        """Whether it is known to have ended; False for a process of another machine."""
        return self.host == _host() and not _runs(self.pid, self.started)


def this_process() -> Process:
    """Return the process that asks."""
    pid = os.getpid()
    return Process(_host(), pid, _started(pid))


@lru_cache(maxsize=1)
def machine_mark() -> str:
    """A hash of the machine since its last start, the same in all of its containers."""
    fact = _last_start() or platform.node()
    return hashlib.sha256(fact.encode()).hexdigest()[:8]


@lru_cache(maxsize=1)
def _host() -> str:
    """A hash of the machine, of its last start, and of the container that numbers processes."""
    facts = [platform.node(), _last_start(), ""]
    with suppress(OSError):
        facts[2] = os.readlink(PROC / "self/ns/pid")
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:8]


def _last_start() -> str:
    """What Linux calls the last start of the machine; "" where it is not said."""
    with suppress(OSError):
        return (PROC / "sys/kernel/random/boot_id").read_text()
    return ""


def _started(pid: int) -> str | None:
    """When a process started, as Linux counts; "" for one that ended; None where it is not said."""
    if not (PROC / "self/stat").exists():
        return None
    try:
        state, *rest = (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else rest[18]


def _runs(pid: int, started: str | None) -> bool:
    if started is not None:
        return _started(pid) == started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is someone else's
        return True
    return True
