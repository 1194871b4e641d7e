"""Where a run is made: device, versions, threads, memory. No host name, user or path."""

from __future__ import annotations

import datetime
import os
import platform
import re
import resource
import subprocess
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pvtprof.designs.device import device_word
from pvtprof.errors import UnavailableError
from pvtprof.observe.machine import Environment


def environment(device: str = "none", timed: bool = False) -> Environment:
    """The environment of a run on ``device`` ("none" for formulas alone: torch is not imported).

    ``timed``: whether the clock ran, in a process of its own.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    base = Environment(
        pvtprof=_version("pvtprof") or "unknown",
        date=now,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        device="none (formulas alone)",
    )
    return base if device == "none" else _with_torch(base, device, timed)


def without_torch(on_cuda: bool) -> Environment:
    """What can be known of this environment without importing torch; the rest is None."""
    base = environment()
    if on_cuda:
        device = next(iter(_gpus("name")), "no GPU")
        return replace(base, device=device, driver=_driver(), torch=_version("torch"))
    return replace(base, device=cpu_name(), torch=_version("torch"))


def _with_torch(base: Environment, device: str, timed: bool) -> Environment:
    import torch

    from pvtprof.observe.sides import PINNED

    on_cuda = device.startswith("cuda")
    return replace(
        base,
        device=torch.cuda.get_device_name(device) if on_cuda else cpu_name(),
        threads=torch.get_num_threads(),
        memory_bytes=_memory_of(device),
        torch=torch.__version__,
        fvcore=_version("fvcore"),
        cuda=torch.version.cuda if on_cuda else None,
        driver=_driver() if on_cuda else None,
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
    return next(iter(_gpus("driver_version")), None)


def _gpus(query: str) -> list[str]:
    """What nvidia-smi says of each GPU; nothing where there is none."""
    out = _output("nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits")
    return (out or "").splitlines()


def _commit() -> str | None:
    """The commit of pvtprof's own checkout; None where it is installed from a package."""
    root = Path(__file__).resolve().parents[2]
    return (
        _output("git", "rev-parse", "--short=12", "HEAD", cwd=root)
        if (root / ".git").exists()
        else None
    )


def has_gpu() -> bool:
    """Whether nvidia-smi shows a GPU; torch is not imported."""
    return bool(_gpus("name"))


def device_memory(device: str) -> tuple[str, int]:
    """The name of a device and all its bytes of memory; "auto" is the first GPU where there is one.

    torch is not imported: nvidia-smi says it of a GPU (as it numbers them, whatever
    CUDA_VISIBLE_DEVICES says), the kernel of this machine (a container's limit and ``ulimit -v``
    count). Raises SpecError for a word that names no device, UnavailableError for a GPU that is not
    there, or whose memory is not known.
    """
    device_word(device)
    gpus = [] if device == "cpu" else _gpus("name,memory.total")
    if device == "cpu" or (device == "auto" and not gpus):
        return cpu_name(), _total_memory()
    named = re.fullmatch("cuda(?::([0-9]{1,3}))?", "cuda" if device == "auto" else device)
    number = int(named[1] or 0) if named else len(gpus)
    way_out = "use --memory, such as 24GiB, or --device cpu"
    if number >= len(gpus):
        raise UnavailableError(
            f"device {device!r} is not available: nvidia-smi shows {len(gpus)} GPUs; {way_out}"
        )
    name, _, mebibytes = gpus[number].rpartition(",")
    if not mebibytes.strip().isdecimal():
        raise UnavailableError(f"nvidia-smi does not say how much memory {name} has; {way_out}")
    return name, int(mebibytes) * 2**20


def _memory_of(device: str) -> int:
    if not device.startswith("cuda"):
        return _total_memory()
    import torch

    return int(torch.cuda.get_device_properties(device).total_memory)


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
        import torch

        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + cached
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
