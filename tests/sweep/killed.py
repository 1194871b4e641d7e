"""A sweep that is killed at random moments, and resumed until it is done: what a trial needs."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from pvtprof.observe.machine import Environment
from pvtprof.observe.measurement import Measurement
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import Outcome
from pvtprof.sweep.worker import Tried, Worker
from tests.trials import PATIENCE_S

HERE = Environment("0", "", "3", "Linux", "Test CPU")

ROWS = tuple(
    Planned("pvt_v2_b0", "mha", side, side, (1, 1, 1, 1), 7, part="stage 4", batch=batch)
    for side in (32, 64, 96)
    for batch in (1, 2)
)
WHOM = ("parent", "worker", "group")
#: A kill comes within so many seconds of the beginning, in which a calm machine measures the rows;
#: or in which they are recorded where nothing is really timed.
WITHIN_S, WITHIN_UNTIMED_S = 8.0, 1.5
SWEEP = """
import sys
from pvtprof.sweep import measuring
from pvtprof.sweep.measuring import Sweeping, sweep
from pvtprof.sweep.store import Store
from pvtprof.sweep.worker import Timing
from tests.sweep.killed import ROWS, Untimed

if sys.argv[2] == "untimed":
    measuring.Worker = Untimed
with Store.open(sys.argv[1], create=True) as store:
    store.add(ROWS, seed=0)
    sweep(store, Sweeping(Timing(budget_s=0.02, limit_s=60.0)))
"""


class Untimed(Worker):
    """A worker that times nothing: for what becomes of the store alone, without torch."""

    def tried(self, planned: Planned, seed: int = 0) -> Tried:
        """A row that takes a moment."""
        time.sleep(0.1)
        return Tried(HERE, "here", Outcome(Measurement((1e-3,)), spent_s=0.1))

    def reference(self, device: str) -> Tried:
        """The reference, at once."""
        return Tried(HERE, "here", Outcome(Measurement((1e-3,)), is_reference=True))


def started(path: Path, is_timed: bool = True) -> subprocess.Popen[bytes]:
    """A sweep of ROWS into a store, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", SWEEP, str(path), "timed" if is_timed else "untimed"],
        start_new_session=True,
        stderr=subprocess.PIPE,
        env=os.environ | {"SWEEP_TRIAL": str(path), "OMP_NUM_THREADS": "1"},
    )


def trial(path: Path, whom: str, chance: random.Random, is_timed: bool = True) -> list[str]:
    """Kill a sweep once, resume it to its end, and return what is wrong then."""
    after_s = chance.uniform(0.0, WITHIN_S if is_timed else WITHIN_UNTIMED_S)
    with started(path, is_timed) as process:
        time.sleep(after_s)
        kill(process, whom, path, chance)
        if whom == "worker":  # the sweep itself goes on
            process.wait(PATIENCE_S)
        else:
            process.wait(10)
    found = [f"orphan {pid}" for pid in left(path)]
    with started(path, is_timed) as again:
        _, said = again.communicate(timeout=PATIENCE_S)
    if again.returncode:
        found.append(f"resumed: {again.returncode}, {said.decode()[-300:]}")
    return [f"{whom} after {after_s:.2f} s: {text}" for text in found + wrong(path)]


def wrong(path: Path) -> list[str]:
    """Return what is wrong with a store that should have every row once."""
    with Store.open(path) as store:
        tries = [(row.planned, row.tries) for row in store.rows()]
        leases = store.progress().workers
        (counted,) = store.read("SELECT count(*) FROM measured WHERE NOT is_reference")
        (check,) = store.read("PRAGMA integrity_check")
    found = []
    if sorted(planned.key for planned, _ in tries) != sorted(row.key for row in ROWS):
        found.append(f"{len(tries)} rows of {len(ROWS)}")
    found += [f"{planned.key} was tried {times} times" for planned, times in tries if times != 1]
    if counted[0] != len(ROWS):
        found.append(f"{counted[0]} tries")
    if leases:
        found.append("a lease is left")
    if check[0] != "ok":
        found.append(check[0])
    return found


def kill(process: subprocess.Popen[bytes], whom: str, path: Path, chance: random.Random) -> None:
    """Kill the parent, one of its workers (warm or timed), or its group with all of them."""
    children = [pid for pid in processes(path) if pid != process.pid]
    with suppress(ProcessLookupError):
        if whom == "parent":
            process.kill()
        elif whom == "worker" and children:
            os.kill(chance.choice(children), signal.SIGKILL)
        elif whom == "group":
            os.killpg(process.pid, signal.SIGKILL)


def left(path: Path) -> list[int]:
    """The processes of a trial that are there still, once those that are ending have ended."""
    for _ in range(40):
        found = processes(path)
        if not found:
            break
        time.sleep(0.25)
    return found


def processes(path: Path) -> list[int]:
    """The processes of a trial."""
    mark, found = f"SWEEP_TRIAL={path}".encode(), []
    for one in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            state = (one.parent / "stat").read_text().rpartition(")")[2].split()[0]
            if mark in one.read_bytes().split(b"\0") and state != "Z":
                found.append(int(one.parent.name))
    return found
