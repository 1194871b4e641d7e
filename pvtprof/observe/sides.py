"""Two versions side by side: their processes, and samples of both in lockstep (A B B A)."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any, BinaryIO

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
BLOCK_S = 0.005  # one sample lasts about so long
SLOWEST_S = 300.0  # a side that does not answer for so long is given up


class Side:
    """One version: a warm process that forks a fresh one for every pair."""

    def __init__(self, name: str, source: BinaryIO, sink: BinaryIO) -> None:
        self.name = name
        self.source, self.sink = source, sink
        self.said: Any = None  # where it imports from, once it was set up

    def ask(self, request: Mapping[str, Any]) -> Any:
        """The answer to a request; raises UnavailableError where there is none, or an error."""
        self.tell(request)
        return self.answer()

    def tell(self, request: Mapping[str, Any]) -> None:
        """Send a request, and do not wait."""
        try:
            self.sink.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            raise self._gone() from None

    def answer(self) -> Any:
        """The next line that the side says."""
        ready, _, _ = select.select([self.source], [], [], SLOWEST_S)
        if not ready:
            raise UnavailableError(f"{self.name} did not answer in {SLOWEST_S:.0f} s; is it stuck?")
        line = self.source.readline()
        if not line:
            raise self._gone()
        answer = json.loads(line)
        if "error" in answer:
            raise UnavailableError(f"{self.name}: {answer['error']}")
        if answer.get("ended"):
            raise UnavailableError(f"{self.name}: its process died ({answer['ended']})")
        return answer

    def _gone(self) -> UnavailableError:
        return UnavailableError(f"{self.name}: its process died")


@contextmanager
def sides(setup: Mapping[str, Mapping[str, Any]]) -> Iterator[list[Side]]:
    """A side for each name in ``setup``, started by its "python"; all ended in any case.

    Sides of one Python are forked from one process that imported torch: where two processes import
    it each for itself, one stays slower than the other by up to 1 % for as long as they live.
    """
    with ExitStack() as stack:
        found = []
        by_python: dict[str, list[str]] = {}
        for name, its in setup.items():
            by_python.setdefault(its["python"], []).append(name)
        for python, names in by_python.items():
            found += stack.enter_context(_process(python, names))
        for side in found:
            side.tell({"setup": setup[side.name]})
        for side in found:
            side.said = side.answer()
        yield found


@contextmanager
def _process(python: str, names: Sequence[str]) -> Iterator[list[Side]]:
    """Sides of one Python; ended with whatever they forked."""
    with ExitStack() as ours:
        with ExitStack() as theirs:
            found, given = [], []
            for name in names:
                (source, answers), (requests, sink) = os.pipe(), os.pipe()
                for end in (answers, requests):
                    theirs.callback(os.close, end)
                given.append((requests, answers))
                both = open(source, "rb", 0), open(sink, "wb", 0)  # noqa: SIM115 # closed by ours
                found.append(Side(name, *map(ours.enter_context, both)))
            try:
                process = subprocess.Popen(
                    [python, str(WORKER), *(f"{source}:{sink}" for source, sink in given)],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
                    env={**os.environ, **PINNED}, pass_fds=[end for both in given for end in both],
                )  # fmt: skip
            except OSError as error:
                said = f"cannot start {python} for {names[0]}: {error.strerror}"
                raise UnavailableError(said) from None
        try:
            yield found
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


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
