"""Two versions side by side: their processes, and samples of both in lockstep (A B B A)."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import Any, BinaryIO

from pvtprof import cores
from pvtprof.designs.setting import Setting
from pvtprof.errors import DeviceLostError, DeviceMemoryError, ProcessDiedError, UnavailableError
from pvtprof.observe.clocks import Block, Sampler
from pvtprof.observe.deadline import SLOWEST_S

WORKER = Path(__file__).with_name("worker.py")
#: What a child is started with, so that its memory is laid out alike from run to run: no block
#: mapped afresh at each call, none given back, and large pages where the system has them.
PINNED = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
#: So that a module that asks for CUDA while it is imported does not spoil it for the forks.
UNPOISONED = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
#: What a side says of an error, as the error that it is here.
KINDS = {"memory": DeviceMemoryError, "dead": DeviceLostError}
BLOCK_S = 0.005  # one sample lasts about so long
#: Operators are timed in so many seconds of calls, in these many calls at least and at most.
PROFILE_S, FEWEST_PROFILED, MOST_PROFILED = 0.05, 3, 15


@dataclass(frozen=True, slots=True)
class Setup:
    """How a side is set up: the folder that it imports from, and what all its modules run with.

    ``target`` is a user's own module in place of pvtprof's; ``core`` is the one that it stays on;
    ``graph`` asks for CUDA graphs beside the plain calls; ``other`` is a folder whose code it must
    not run; ``tf32`` lets products and convolutions of float32 run in TF32 on CUDA; ``optimizer``
    and ``amp`` are of a training step.
    After ``patience_s`` without an answer the side is given up.
    """

    root: str
    target: str | None = None
    dtype: str = "float32"
    device: str = "cpu"
    mode: str = "inference"
    threads: int = 1
    core: int | None = None
    graph: bool = False
    tf32: bool = False
    optimizer: str = "none"
    amp: str = "off"
    other: str | None = None
    python: str = sys.executable
    patience_s: float = SLOWEST_S


class Side:
    """One version: a warm process that forks a fresh one for every pair."""

    def __init__(self, name: str, source: BinaryIO, sink: BinaryIO) -> None:
        self.name = name
        self.source, self.sink = source, sink
        self.said: Any = None  # where it imports from, once it was set up
        self.stuck = False
        self.patience_s = SLOWEST_S
        self.target = ""
        self.made: Mapping[str, Mapping[str, Any]] = {}  # what the last fork said of its rows
        self._memory: dict[str, Mapping[str, int]] = {}  # of those that were asked

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Return the answer to a request; raise UnavailableError for an error or no answer."""
        self.tell(request)
        answer = self.answer()
        if "ended" in answer and (answer["ended"] or "end" not in request):
            status = answer["ended"]
            raise ProcessDiedError(f"{self.name}: its process died ({status})", status)
        return answer

    def tell(self, request: Mapping[str, Any]) -> None:
        """Send a request, and do not wait."""
        if self.stuck:
            raise self._gone()
        try:
            self.sink.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            raise self._gone() from None

    def answer(self) -> Any:
        """Return the next line that the side says."""
        ready, _, _ = select.select([self.source], [], [], self.patience_s)
        if not ready:
            self.stuck = True
            who = f"{self.name}: {self.target}" if self.target else self.name
            raise UnavailableError(f"{who} did not answer in {self.patience_s:.0f} s; is it stuck?")
        line = self.source.readline()
        if not line:
            raise self._gone()
        answer = json.loads(line)
        if "error" in answer:
            kind = KINDS.get(answer.get("kind", ""), UnavailableError)
            raise kind(f"{self.name}: {answer['error']}")
        return answer

    def sampler(self, name: str) -> Sampler:
        """Return how to time one of the rows that it has forked with."""
        return lambda calls: self.ask({"calls": calls, "name": name})

    def memory(self, name: str) -> Mapping[str, int]:
        """Return the bytes of GPU memory that a forked row takes; it is asked once."""
        if name not in self._memory:
            self._memory[name] = self.ask({"name": name, "memory": True})
        return self._memory[name]

    def profile(self, name: str, once_s: float) -> list[tuple[str, float]]:
        """Return torch's operators in a call of a row that it has forked with, and their seconds.

        The median over a few calls, more of quick ones; ``once_s`` is what one call takes. Empty
        where launches could not be told from kernels.
        """
        times = min(MOST_PROFILED, max(FEWEST_PROFILED, round(PROFILE_S / once_s)))
        answer = self.ask({"name": name, "profile": times})
        return [(aten, seconds) for aten, seconds in answer["ops"]] if answer["held"] else []

    @contextmanager
    def forked(
        self, rows: Mapping[str, Any], seed: int = 0, may_lack: bool = False
    ) -> Iterator[dict[str, Sampler]]:
        """Yield a fresh process that has built ``rows``, as ways to time each; gone afterwards.

        At Ctrl-C it goes with the side.

        Raises UnavailableError where it cannot be built, or is not finite. ``may_lack``: what a
        GPU has no memory for is left out instead.
        """
        try:
            self.made = made = self.ask({"fork": {"rows": rows, "seed": seed}})
            self._memory = {}
            for name, its in made.items():
                if (short := its.get("out of memory")) is not None:
                    if not may_lack:
                        raise DeviceMemoryError(f"{name}: {short}")
                elif not its["finite"]:
                    raise UnavailableError(f"{name}: the module returns values that are not finite")
            yield {name: self.sampler(name) for name in rows if "finite" in made[name]}
        except UnavailableError:
            with suppress(UnavailableError):  # all of it may be gone
                self.ask({"end": True})
            raise
        self.ask({"end": True})  # answered by the warm process, once the fork is gone

    def _gone(self) -> UnavailableError:
        kind, how = (UnavailableError, "is stuck") if self.stuck else (ProcessDiedError, "died")
        return kind(f"{self.name}: its process {how}")


@contextmanager
def sides(setup: Mapping[str, Setup]) -> Iterator[list[Side]]:
    """Yield a side for each name in ``setup``, started by its Python; all ended in any case.

    Sides of one Python are forked from one process that imported torch: where two processes import
    it each for itself, one stays slower than the other by up to 1 % for as long as they live.
    """
    if not hasattr(os, "fork"):
        raise UnavailableError(
            "times are taken in forked processes, which this system does not have; --budget 0 or "
            "--analytic compares without them, and check without --base and --latency"
        )
    with ExitStack() as stack:
        found: list[Side] = []
        by_python: dict[str, list[str]] = {}
        for name, its in setup.items():
            by_python.setdefault(its.python, []).append(name)
        for python, names in by_python.items():
            threads = setup[names[0]].threads
            found += stack.enter_context(_process(python, names, threads))
        for side in found:
            its = setup[side.name]
            side.patience_s, side.target = its.patience_s, its.target or ""
            side.tell({"setup": asdict(setup[side.name])})
        for side in found:
            side.said = side.answer()
        yield found


@contextmanager
def _process(python: str, names: Sequence[str], threads: int) -> Iterator[list[Side]]:
    """Yield sides of one Python; ended with whatever they forked."""
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
                with cores.given_back():
                    process = subprocess.Popen(
                        [python, str(WORKER), *(f"{source}:{sink}" for source, sink in given)],
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        start_new_session=True,
                        env=os.environ | PINNED | UNPOISONED | dict.fromkeys(THREADS, str(threads)),
                        pass_fds=[end for both in given for end in both],
                    )
            except OSError as error:
                said = f"cannot start {python} for {names[0]}: {error.strerror}"
                raise UnavailableError(said) from None
        try:
            yield found
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def clock_side(setting: Setting, graph: bool = False, tf32: bool = False) -> Iterator[Side]:
    """Yield one side, of this very pvtprof, with the threads of this process."""
    import torch

    setup = Setup(
        str(Path(__file__).parents[2]),
        dtype=setting.dtype,
        device=setting.device,
        mode=setting.mode,
        threads=torch.get_num_threads(),
        graph=graph,
        tf32=tf32,
        optimizer=setting.optimizer,
        amp=setting.amp,
    )
    with sides({"the timed process": setup}) as (side,):
        yield side


def pair(
    base: Side, head: Side, row: Any, number: int, seed: int, seconds: float
) -> Mapping[str, float]:
    """Return ratios head / base of one pair of fresh processes: of "time" and of "wall" time.

    "time" is the device's on CUDA, else the processor's. In pairs of odd ``number`` head goes
    first in everything: whoever comes second has it easier. Raises UnavailableError where the two
    do not return the same kind of thing.
    """
    order = (head, base) if number % 2 else (base, head)
    with ExitStack() as forks:
        samplers = {
            side.name: forks.enter_context(side.forked({side.name: row}, seed + i))[side.name]
            for i, side in enumerate(order)
        }
        shapes = [side.made[side.name]["shape"] for side in (base, head)]
        if shapes[0] != shapes[1]:
            raise UnavailableError(
                f"base returns {shapes[0]}, head {shapes[1]}: not the same thing to time"
            )
        once = [warm(samplers[side.name]) for side in order]
        calls = calls_for(max(once))
        rounds = max(2, round(seconds / (2 * calls * sum(once))))
        taken: dict[str, list[Block]] = {"base": [], "head": []}
        for _ in range(rounds):
            for side in (*order, *reversed(order)):
                taken[side.name].append(samplers[side.name](calls))
    return {
        name: median(map(clock, taken["head"])) / median(map(clock, taken["base"]))
        for name, clock in (("time", machine_s), ("wall", itemgetter("wall")))
    }


def machine_s(block: Block) -> float:
    """Return what a gate can stand on: the device's time on CUDA, else the processor's."""
    return block.get("device", block["cpu"])


def warm(sample: Sampler) -> float:
    """Return seconds of one call, once caches are warm."""
    for _ in range(2):
        sample(1)
    return max(1e-7, *(sample(1)["wall"] for _ in range(2)))


def calls_for(once_s: float) -> int:
    """Return how many calls of so many seconds make a sample of BLOCK_S."""
    return max(1, round(BLOCK_S / once_s))
