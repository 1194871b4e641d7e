"""Where a run is made: device, versions, threads, memory. No host name, user or path."""

from __future__ import annotations

import datetime
import os
import platform
import resource
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pvtprof.designs.device import device_word
from pvtprof.observe import asking
from pvtprof.observe.machine import Environment


def environment(device: str = "none", timed: bool = False, tf32: bool = False) -> Environment:
    """The environment of a run on ``device`` ("none" for formulas alone: torch is not imported).

    ``timed``: whether the clock ran, in a process of its own; ``tf32``: whether a GPU may take it.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    base = Environment(
        pvtprof=_version("pvtprof") or "unknown",
        date=now,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        device="none (formulas alone)",
    )
    return base if device == "none" else _with_torch(base, device, timed, tf32)


def without_torch(on_cuda: bool) -> Environment:
    """What can be known of this environment without importing torch; the rest is None."""
    base = environment()
    if on_cuda:
        return _on_gpu(base, asking.gpu("cuda"))
    return replace(base, device=cpu_name(), torch=asking.installed_torch()[0])


def _on_gpu(base: Environment, facts: Mapping[str, Any]) -> Environment:
    """With what a GPU says of itself."""
    return replace(
        base,
        device=facts["name"],
        memory_bytes=facts["memory_bytes"],
        torch=facts["torch"],
        cuda=facts["cuda"],
        driver=facts["driver"] or _driver(),
        cudnn=facts["cudnn"],
        gpu_settings=facts["settings"],
    )


def _with_torch(base: Environment, device: str, timed: bool, tf32: bool) -> Environment:
    import torch

    from pvtprof.observe.sides import PINNED

    if device.startswith("cuda"):
        base = replace(_on_gpu(base, asking.gpu(device)), tf32="on" if tf32 else "off")
    else:
        base = replace(base, device=cpu_name(), memory_bytes=_total_memory())
    return replace(
        base,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        fvcore=_version("fvcore"),
        commit=_commit(),
        timed_with=" ".join(f"{name}={value}" for name, value in PINNED.items()) if timed else None,
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def cpu_name() -> str:
    """The processor's model and the number of cores that this process may use."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores"


def _output(*command: str, cwd: Path | None = None) -> str | None:
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _driver() -> str | None:
    out = _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader,nounits")
    return next(iter((out or "").splitlines()), None)


def _commit() -> str | None:
    """The commit of pvtprof's own checkout; None where it is installed from a package."""
    root = Path(__file__).resolve().parents[2]
    return (
        _output("git", "rev-parse", "--short=12", "HEAD", cwd=root)
        if (root / ".git").exists()
        else None
    )


@dataclass(frozen=True, slots=True)
class Room:
    """Memory for tensors on a device: ``bytes`` of it are left of ``total``.

    On a GPU CUDA's context, other programs and the libraries' workspaces are taken off.
    """

    name: str
    total: int
    taken: int = 0
    workspaces: int = 0

    @property
    def bytes(self) -> int:
        """What is left for tensors."""
        return max(0, self.total - self.taken - self.workspaces)


def device_memory(device: str) -> Room:
    """The memory of a device; "auto" is the GPU where this torch has one, else the processor.

    A processor's is as the kernel says (a container's limit and ``ulimit -v`` count). Raises
    UnavailableError for a device that is not there, SpecError for a word that names none.
    """
    device_word(device)
    facts: Mapping[str, Any] = {"device": "cpu"} if device == "cpu" else asking.gpu(device)
    if facts["device"] == "cpu":
        return Room(cpu_name(), _total_memory())
    taken = facts["memory"]["taken"]
    return Room(facts["name"], facts["memory_bytes"], taken, facts["workspace_bytes"])


def _total_memory() -> int:
    limits = (os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), _cgroup_limit(), _ulimit())
    return min(limit for limit in limits if limit is not None)


def _cgroup_limit() -> int | None:
    """A container's limit (cgroup v2); None where there is none."""
    try:
        return int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None


def _ulimit() -> int | None:
    """``ulimit -v`` in bytes; None where there is none."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def free_bytes(device: str) -> int:
    """Bytes that a new allocation on ``device`` may take now."""
    if device.startswith("cuda"):
        return int(asking.gpu(device)["memory"]["free"])
    candidates = [_meminfo(), _cgroup(), _address_space()]
    known = [value for value in candidates if value is not None]
    return min(known) if known else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _meminfo() -> int | None:
    path = Path("/proc/meminfo")
    if not path.exists():
        return None
    for line in path.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _cgroup() -> int | None:
    """What a container's limit leaves (cgroup v2), file cache that can go counted as free."""
    folder, limit = Path("/sys/fs/cgroup"), _cgroup_limit()
    if limit is None:
        return None
    try:
        used = int((folder / "memory.current").read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return limit - used + int(stat["inactive_file"])
    except (OSError, ValueError, KeyError):  # no such file
        return None


def _address_space() -> int | None:
    """What ``ulimit -v`` leaves; None where there is no limit."""
    limit, statm = _ulimit(), Path("/proc/self/statm")
    if limit is None or not statm.exists():
        return None
    return limit - int(statm.read_text().split()[0]) * resource.getpagesize()
