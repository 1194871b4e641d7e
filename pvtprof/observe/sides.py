"""Two versions side by side: their processes, and samples of both in lockstep (A B B A)."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

from pvtprof.errors import UnavailableError

WORKER = Path(__file__).with_name("worker.py")
#: What a child is started with, so that its memory is laid out alike from run to run: no block
#: mapped afresh at each call, none given back, and large pages where the system has them.
PINNED = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
BLOCK_S = 0.02  # one sample lasts about so long
SLOWEST_S = 300.0  # a side that does not answer for so long is given up


class Side:
    """One version: a warm process that forks a fresh one for every pair."""

    def __init__(self, name: str, python: str, setup: Mapping[str, Any]) -> None:
        self.name = name
        self.said: Any = None  # where it imports from, once it was set up
        try:
            self.process = subprocess.Popen(
                [python, str(WORKER)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                env={**os.environ, **PINNED}, cwd=setup["root"], start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise UnavailableError(f"cannot start {python} for {name}: {error.strerror}") from None

    def ask(self, request: Mapping[str, Any]) -> Any:
        """The answer to a request; raises UnavailableError where there is none, or an error."""
        assert self.process.stdin  # a pipe
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            raise self._gone() from None
        return self.answer()

    def answer(self) -> Any:
        """The next line that the side says."""
        assert self.process.stdout  # a pipe
        ready, _, _ = select.select([self.process.stdout], [], [], SLOWEST_S)
        if not ready:
            raise UnavailableError(f"{self.name} did not answer in {SLOWEST_S:.0f} s; is it stuck?")
        line = self.process.stdout.readline()
        if not line:
            raise self._gone()
        answer = json.loads(line)
        if "error" in answer:
            raise UnavailableError(f"{self.name}: {answer['error']}")
        if answer.get("ended"):
            raise UnavailableError(f"{self.name}: its process died ({answer['ended']})")
        return answer

    def _gone(self) -> UnavailableError:
        return UnavailableError(f"{self.name}: its process died ({self.process.wait()})")

    def close(self) -> None:
        """End it and whatever it forked."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


@contextmanager
def sides(
    python: Mapping[str, str], setup: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[Side, Side]]:
    """The sides "base" and "head", started; ended in any case."""
    started: list[Side] = []
    try:
        for name in ("base", "head"):
            started.append(Side(name, python.get(name, sys.executable), setup[name]))
            started[-1].said = started[-1].ask({"setup": setup[name]})
        yield started[0], started[1]
    finally:
        for side in started:
            side.close()


def pair(
    base: Side, head: Side, row: Mapping[str, Any] | None, number: int, seed: int, seconds: float
) -> Mapping[str, float]:
    """Ratios head / base of one pair of fresh processes: of "cpu" and of "wall" time.

    In pairs of odd ``number`` head goes first in everything: whoever comes second has it easier.
    Raises UnavailableError where the two do not return the same kind of thing.
    """
    order = (head, base) if number % 2 else (base, head)
    made = {
        side.name: side.ask({"fork": {"row": row, "seed": seed + i}})
        for i, side in enumerate(order)
    }
    for side in (base, head):
        if not made[side.name]["finite"]:
            raise UnavailableError(f"{side.name}: the module returns values that are not finite")
    shapes = made["base"]["shape"], made["head"]["shape"]
    if shapes[0] != shapes[1]:
        raise UnavailableError(
            f"base returns {shapes[0]}, head {shapes[1]}: not the same thing to time"
        )
    once = [_warm(side) for side in order]
    calls = max(1, round(BLOCK_S / max(once)))
    taken: dict[str, list[dict[str, float]]] = {"base": [], "head": []}
    rounds = max(2, round(seconds / (2 * calls * (sum(once)))))
    for _ in range(rounds):
        for side in (*order, *reversed(order)):
            taken[side.name].append(side.ask({"calls": calls}))
    for side in (base, head):
        side.ask({"end": True})  # answered by the warm process, once the fork is gone
    return {
        clock: median(s[clock] for s in taken["head"]) / median(s[clock] for s in taken["base"])
        for clock in ("cpu", "wall")
    }


def _warm(side: Side) -> float:
    """Seconds of one call, once caches are warm."""
    for _ in range(2):
        side.ask({"calls": 1})
    return max(1e-7, *(float(side.ask({"calls": 1})["wall"]) for _ in range(2)))
