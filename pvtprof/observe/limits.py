"""What the system leaves to this process: memory and processor time, a container's limits too.

Control groups of version 1 and 2 nest: the tightest limit from the process's own group up to the
root counts. Swap is no memory here: what runs in it is not what the formulas describe.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pvtprof.errors import UnavailableError

ROOT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def total_bytes() -> int:
    """Return the memory that this process may use: the machine's, a container's or a ulimit's."""
    limits = (_physical(), *(limit for limit, _ in _memory_groups()), _ulimit())
    return min(limit for limit in limits if limit is not None)


def free_bytes() -> int:
    """Return bytes that a new allocation may take now; file cache that can go counts as free."""
    groups = (limit - used for limit, used in _memory_groups() if used is not None)
    known = [value for value in (_available(), *groups, _address_space()) if value is not None]
    return max(0, min(known)) if known else total_bytes()


def cpu_quota() -> float | None:
    """Return the cores' worth of processor time of a container; None without a limit."""
    found = []
    for folder in _groups("cpu"):
        with suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text().split()
            found.append(int(quota) / int(period))
        if (quota_us := _number(folder / "cpu.cfs_quota_us") or 0) > 0:
            found.append(quota_us / (_number(folder / "cpu.cfs_period_us") or 100_000))
    return min(found, default=None)


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folder of this process's group, and of every group around it, of either version."""
    paths = {ROOT: "", ROOT / "unified": "", ROOT / controller: ""}
    with suppress(OSError):
        for line in OWN.read_text().splitlines():
            _, names, path = line.split(":", 2)
            if not names:
                paths |= dict.fromkeys((ROOT, ROOT / "unified"), path)
            elif controller in names.split(","):
                paths |= dict.fromkeys((ROOT / controller, ROOT / names), path)
    for root, path in paths.items():
        own = root / path.strip("/")
        yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(root))


def _memory_groups() -> Iterator[tuple[int, int | None]]:
    """Yield (limit, what is used of it) of every group that has a limit."""
    for folder in _groups("memory"):
        stat = _stat(folder / "memory.stat")
        limits = [
            _number(folder / name)
            for name in ("memory.max", "memory.high", "memory.limit_in_bytes")
        ]
        known = [limit for limit in (*limits, stat.get("hierarchical_memory_limit")) if limit]
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes")
        if used is not None:
            used -= stat.get("total_inactive_file", stat.get("inactive_file", 0))
        if known:
            yield min(known), used


def _stat(path: Path) -> dict[str, int]:
    with suppress(OSError, ValueError):
        return {name: int(value) for name, value in map(str.split, path.read_text().splitlines())}
    return {}


def _number(path: Path) -> int | None:
    """Return the whole number in a file; None where there is none, such as "max"."""
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def _physical() -> int:
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return _windows_memory()[0]


def _available() -> int | None:
    """Return what the machine has free now."""
    if not hasattr(os, "sysconf"):
        return _windows_memory()[1]
    with suppress(OSError, ValueError, KeyError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        found = dict(line.split(":", 1) for line in lines)
        return int(found["MemAvailable"].split()[0]) * 1024
    return None


def _windows_memory() -> tuple[int, int]:
    """Return bytes of memory, and of those the free ones, as Windows says (MEMORYSTATUSEX)."""
    import ctypes

    status = (ctypes.c_uint64 * 8)()
    head = ctypes.cast(status, ctypes.POINTER(ctypes.c_uint32))
    head[0] = ctypes.sizeof(status)
    windll: Any = getattr(ctypes, "windll", None)
    if not windll or not windll.kernel32.GlobalMemoryStatusEx(status):
        raise UnavailableError(
            "this system does not say how much memory it has; give it with --memory 16GiB"
        )
    return status[1], status[2]


def _ulimit() -> int | None:
    """Return ``ulimit -v`` in bytes; None where there is none."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def _address_space() -> int | None:
    """Return what ``ulimit -v`` leaves; None where there is no limit."""
    limit = _ulimit()
    with suppress(OSError, ValueError):
        used = int(Path("/proc/self/statm").read_text().split()[0])
        return None if limit is None else limit - used * os.sysconf("SC_PAGE_SIZE")
    return None
