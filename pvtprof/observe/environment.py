"""Where a run is made: device, versions, threads, memory. No host name, user or path."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pvtprof import cores
from pvtprof.designs.device import device_word
from pvtprof.observe import asking, limits
from pvtprof.observe.machine import Environment

#: Environment variables of OpenMP, MKL, oneDNN and torch's kernels begin so; MOST_SHOWN of a value.
OF_THREADS = ("OMP_", "GOMP_", "KMP_", "MKL_", "ONEDNN_", "DNNL_", "ATEN_")
NUMBERS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
MOST_SHOWN = 100


def environment(device: str = "none", timed: bool = False, tf32: bool = False) -> Environment:
    """Return the environment of a run on ``device``; "none" (formulas) does not import torch.

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


def without_torch(device: str) -> Environment:
    """Return what is known of "cpu", "cuda" or "cuda:N" without importing torch.

    The rest is None.
    """
    base = environment()
    if device != "cpu":
        return _on_gpu(base, asking.gpu(device))
    return replace(
        base,
        device=cpu_name(),
        torch=asking.installed_torch()[0],
        thread_settings=thread_settings(),
    )


def _on_gpu(base: Environment, facts: Mapping[str, Any]) -> Environment:
    """Return with what a GPU says of itself."""
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
        base = replace(base, device=cpu_name(), memory_bytes=limits.total_bytes())
    return replace(
        base,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        fvcore=_version("fvcore"),
        commit=commit(),
        thread_settings=thread_settings(),
        cpu_quota=None if device.startswith("cuda") else limits.cpu_quota(),
        timed_with=" ".join(f"{name}={value}" for name, value in PINNED.items()) if timed else None,
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def cpu_name() -> str:
    """Return the processor's model and the number of cores that this process may use."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    quota = limits.cpu_quota()
    return f"{model}, {cores.count()} cores" + (f", quota {quota:g}" if quota else "")


def thread_settings() -> str | None:
    """Return what the environment says of threads beside their number, which ``threads`` has."""
    found = {
        name: "".join(c for c in value if c.isprintable())[:MOST_SHOWN]
        for name, value in sorted(os.environ.items())
        if name.startswith(OF_THREADS) and name not in NUMBERS and value
    }
    return " ".join(f"{name}={value}" for name, value in found.items()) or None


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


def commit() -> str | None:
    """Return the commit of pvtprof's own checkout; None where it is installed from a package."""
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
    """Return the memory of a device; "auto" is the GPU if this torch has one, else the CPU.

    A processor's is as the kernel says (a container's limit and ``ulimit -v`` count). Raises
    UnavailableError for a device that is not there, SpecError for a word that names none.
    """
    device_word(device)
    facts: Mapping[str, Any] = {"device": "cpu"} if device == "cpu" else asking.gpu(device)
    if facts["device"] == "cpu":
        return Room(cpu_name(), limits.total_bytes())
    taken = facts["memory"]["taken"]
    return Room(facts["name"], facts["memory_bytes"], taken, facts["workspace_bytes"])


def free_bytes(device: str) -> int:
    """Return bytes that a new allocation on ``device`` may take now."""
    if device.startswith("cuda"):
        return int(asking.gpu(device)["memory"]["free"])
    return limits.free_bytes()
