"""What a container leaves of a machine, in both versions of control groups; and bound threads."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pvtprof import cores
from pvtprof.errors import UnavailableError
from pvtprof.observe import environment, limits
from pvtprof.observe.machine import differing
from tests.builders import ENVIRONMENT
from tests.trials import PATIENCE_S

GIB = 2**30


def groups(monkeypatch: pytest.MonkeyPatch, root: Path, own: str, files: dict[str, object]) -> None:
    """Pretend that ``files`` lie under the root of control groups, and that ``own`` is the own."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    (root / "own").write_text(own)
    monkeypatch.setattr(limits, "ROOT", root)
    monkeypatch.setattr(limits, "OWN", root / "own")


V1 = "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n"
V2 = "0::/user/app\n"
LIMITS = {
    "v2": (V2, {"user/app/memory.max": 2 * GIB}, 2 * GIB),
    "v2, the group around it": (
        V2,
        {"user/app/memory.max": "max", "user/memory.max": GIB, "memory.max": "max"},
        GIB,
    ),
    "v2, its own is tighter": (V2, {"user/app/memory.max": GIB, "user/memory.max": 2 * GIB}, GIB),
    "v2, throttled earlier": (
        V2,
        {"user/app/memory.max": 2 * GIB, "user/app/memory.high": GIB},
        GIB,
    ),
    "v2, swap is no memory": (
        V2,
        {"user/app/memory.max": GIB, "user/app/memory.swap.max": 8 * GIB},
        GIB,
    ),
    "v2 in a namespace": ("0::/\n", {"memory.max": GIB}, GIB),
    "v1": (V1, {"memory/docker/abc/memory.limit_in_bytes": 2 * GIB}, 2 * GIB),
    "v1, the group around it": (
        V1,
        {
            "memory/docker/abc/memory.limit_in_bytes": 2**63 - 4096,
            "memory/docker/memory.limit_in_bytes": GIB,
        },
        GIB,
    ),
    "v1, one that is not seen": (
        V1,
        {
            "memory/docker/abc/memory.limit_in_bytes": 2 * GIB,
            "memory/docker/abc/memory.stat": f"hierarchical_memory_limit {GIB}",
        },
        GIB,
    ),
    "v1 without a namespace": (V1, {"memory/memory.limit_in_bytes": GIB}, GIB),
    "v1, swap is no memory": (
        V1,
        {"memory/memory.limit_in_bytes": GIB, "memory/memory.memsw.limit_in_bytes": 9 * GIB},
        GIB,
    ),
    "both": (V1, {"memory/memory.limit_in_bytes": GIB, "unified/memory.max": 2 * GIB}, GIB),
    "none": (V1, {}, None),
    "unlimited": (V1, {"memory/memory.limit_in_bytes": 2**63 - 4096}, None),
}


@pytest.mark.parametrize("name", LIMITS)
def test_the_tightest_memory_limit_counts(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own, files, expected = LIMITS[name]
    monkeypatch.setattr(limits, "_physical", lambda: 64 * GIB)
    groups(monkeypatch, tmp_path, own, files)
    assert limits.total_bytes() == (expected or 64 * GIB)


@pytest.mark.parametrize(
    ("own", "folder", "limit", "used", "cache"),
    [
        (V2, "user/app", "memory.max", "memory.current", "inactive_file"),
        (
            V1,
            "memory/docker/abc",
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            "total_inactive_file",
        ),
    ],
)
def test_file_cache_of_a_container_is_free(
    own: str,
    folder: str,
    limit: str,
    used: str,
    cache: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(limits, "_available", lambda: 64 * GIB)
    groups(
        monkeypatch,
        tmp_path,
        own,
        {
            f"{folder}/{limit}": 3 * GIB,
            f"{folder}/{used}": 2 * GIB,
            f"{folder}/memory.stat": f"{cache} {GIB}\nanon 5",
        },
    )
    assert limits.free_bytes() == 2 * GIB


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        (V2, {"user/app/cpu.max": "50000 100000"}, 0.5),
        (V2, {"user/app/cpu.max": "max 100000", "user/cpu.max": "150000 100000"}, 1.5),
        (V2, {"user/app/cpu.max": "max 100000"}, None),
        (V1, {"cpu/cpu.cfs_quota_us": 25000, "cpu/cpu.cfs_period_us": 50000}, 0.5),
        (V1, {"cpu,cpuacct/docker/abc/cpu.cfs_quota_us": 200000}, 2.0),
        (V1, {"cpu/cpu.cfs_quota_us": -1, "cpu/cpu.cfs_period_us": 100000}, None),
        (V1, {}, None),
    ],
)
def test_a_cpu_quota_is_seen_and_said(
    own: str,
    files: dict[str, object],
    expected: float | None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    groups(monkeypatch, tmp_path, own, files)
    assert limits.cpu_quota() == expected
    said = environment.cpu_name().rpartition(", ")[2]
    assert said == (f"quota {expected:g}" if expected else f"{cores.count()} cores")
    if expected:
        assert environment.environment("cpu").cpu_quota == expected


def test_a_system_that_does_not_say_how_much_memory_is_asked_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sysconf")
    with pytest.raises(UnavailableError, match="give it with --memory"):
        limits.total_bytes()


def test_windows_is_asked_how_much_memory_there_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def answer(status: Any) -> int:
        status[1], status[2] = 16 * GIB, 5 * GIB
        return int(bytes(status)[:4] == (64).to_bytes(4, "little"))

    kernel = SimpleNamespace(GlobalMemoryStatusEx=answer)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    monkeypatch.delattr(os, "sysconf")
    groups(monkeypatch, tmp_path, "", {})
    assert (limits.total_bytes(), limits.free_bytes()) == (16 * GIB, 5 * GIB)


def test_thread_settings_are_recorded_and_make_times_incomparable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith(environment.OF_THREADS)]:
        monkeypatch.delenv(name)
    assert environment.environment("cpu").thread_settings is None
    monkeypatch.setenv("OMP_PROC_BIND", "true\x07")
    monkeypatch.setenv("MKL_DYNAMIC", "FALSE")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # which `threads` says
    here = environment.environment("cpu")
    assert here.thread_settings == "MKL_DYNAMIC=FALSE OMP_PROC_BIND=true"
    assert environment.without_torch("cpu").thread_settings == here.thread_settings
    names = [name for name, _, _ in differing(ENVIRONMENT, here)]
    assert "thread_settings" in names


@pytest.mark.skipif(cores.count() < 2, reason="one core can only be bound to itself")
def test_threads_that_are_bound_at_start_leave_the_timed_process_all_cores() -> None:
    """Importing torch binds this process's first thread to one core under OMP_PROC_BIND."""
    code = """
import os
from pvtprof import cores
import torch
torch.zeros(1000, 1000).sum()
from pvtprof.designs.setting import Setting
from pvtprof.observe import environment, sides
bound = len(os.sched_getaffinity(0))
asked = {}
real = sides.subprocess.Popen
def popen(*args, **options):
    asked["cores"] = os.sched_getaffinity(0)
    return real(*args, **options)
sides.subprocess.Popen = popen
with sides.clock_side(Setting(32, 32, device="cpu")):
    pass
print(bound, len(asked["cores"]), len(os.sched_getaffinity(0)), environment.cpu_name())
"""
    env = {**os.environ, "OMP_PROC_BIND": "true", "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    bound, given, still_bound, name = done.stdout.strip().split(maxsplit=3)
    assert (bound, given, still_bound) == ("1", str(cores.count()), "1")
    assert f"{cores.count()} cores" in name
