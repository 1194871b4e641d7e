"""A worker of a cluster as the driver sees it: it is asked for one row at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence, Set
from concurrent.futures import Future as Answer
from dataclasses import dataclass, field
from pkgutil import resolve_name
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

from pvtprof.errors import PvtprofError, UnavailableError
from pvtprof.sweep import on_worker
from pvtprof.sweep.on_worker import Greeting, Order
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.processes import this_process
from pvtprof.sweep.stored import Outcome, machine_of
from pvtprof.sweep.worker import Timing, Tried, Worker

if TYPE_CHECKING:
    from distributed import Client, Future

Result = TypeVar("Result")
#: Who is there is looked at so often.
POLL_S = 0.25
#: An answer that is there is on its way for so long at most, before it is asked for again.
FETCH_S = 10.0
#: A row that so many workers were lost with is not tried again.
MOST_LOST = 3
MOST_SAID = 120


class LostError(PvtprofError):
    """A worker that is gone; ``is_broken`` where it is there and must not be used."""

    def __init__(self, message: str, is_broken: bool = False) -> None:
        super().__init__(message)
        self.is_broken = is_broken


class StoppedError(PvtprofError):
    """A sweep that was ended while a worker was waited for."""


@dataclass
class Engine:
    """What the workers of one sweep share: ``alive`` are the addresses that are there now."""

    client: Client
    timing: Timing
    kind: type[Worker] = Worker
    alive: Set[str] = frozenset()
    stopped: Event = field(default_factory=Event)
    lost: Counter[str] = field(default_factory=Counter)  # by key: workers lost with that row


def submitted(
    engine: Engine, address: str, function: Callable[..., Result], *words: object
) -> Future[Result]:
    """Return what a function will return that one worker runs, once, and no other."""
    return engine.client.submit(
        function,
        *words,
        workers=[address],
        allow_other_workers=False,
        pure=False,  # the same row again is another sample
        retries=0,
    )


def asked_greeting(engine: Engine, address: str, devices: Sequence[str]) -> Answer[Greeting]:
    """Ask a worker who it is, in a thread that nobody waits for at the end; return its answer."""
    answer: Answer[Greeting] = Answer()

    def ask() -> None:
        try:
            name = f"{on_worker.__name__}:SPEAKS"  # asked by a function that every Python has
            found = engine.client.run(resolve_name, name, workers=[address], on_error="return")
            if found.get(address) != on_worker.SPEAKS:
                raise UnavailableError(str(found.get(address, "it ended")))
            asked = submitted(engine, address, on_worker.greeted, engine.kind, devices)
            answer.set_result(asked.result())
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()
    return answer


class RemoteWorker:
    """Times rows and the reference on a worker of a cluster, as ``Worker`` does here.

    Raises LostError where the worker is lost; a row that many were lost with is a failure.
    ``is_lost``: it must greet again before it is used.
    """

    def __init__(self, engine: Engine, address: str, greeting: Greeting) -> None:
        self.engine, self.address, self.greeting = engine, address, greeting
        self.is_lost = False
        self.places = {device: (its, machine_of(its)) for device, its in greeting.places.items()}
        # A lease is of this driver alone: another may use the same worker.
        self.name = f"{greeting.name} of {this_process().name}"

    @property
    def is_there(self) -> bool:
        """Whether it can be asked, as far as is known."""
        return not self.is_lost and self.address in self.engine.alive

    def tried(self, planned: Planned, seed: int = 0) -> Tried:
        """Return what one try of a row gave."""
        begin = time.perf_counter()
        self._check_there()
        try:
            return self._asked(planned.device, planned, seed)
        except LostError as error:
            self.engine.lost[planned.key] += 1
            if (times := self.engine.lost[planned.key]) < MOST_LOST:
                raise
            self.is_lost = True
            where, machine = self.places[planned.device]
            failure = f"{times} workers were lost while they timed it; the last: {error}"
            spent_s = time.perf_counter() - begin
            return Tried(where, machine, Outcome(failure=failure, spent_s=spent_s))

    def reference(self, device: str) -> Tried:
        """Return what the reference takes there now."""
        self._check_there()
        return self._asked(device)

    def _check_there(self) -> None:
        if self.engine.stopped.is_set():
            raise StoppedError("stopped")
        if not self.is_there:
            raise LostError("its process ended")

    def _asked(self, device: str, planned: Planned | None = None, seed: int = 0) -> Tried:
        its = self.engine
        order = Order(self.greeting.name, its.timing, device, planned, seed)
        future = submitted(its, self.address, on_worker.tried, its.kind, order)
        try:
            found = self._answer(future)
        finally:
            future.cancel()
        if found is None:
            raise LostError("it was started anew")
        self.places[device] = found.environment, found.machine
        return found

    def _answer(self, future: Future[Tried | None]) -> Tried | None:
        """Return what a worker says; raise LostError where it is lost meanwhile."""
        is_done = Event()
        future.add_done_callback(lambda its: is_done.set())
        longest_s = self.engine.timing.longest_s
        until = time.monotonic() + longest_s
        while time.monotonic() < until:
            if not is_done.wait(POLL_S):
                self._check_there()
                continue
            try:
                return future.result(timeout=FETCH_S)
            except TimeoutError:
                self._check_there()
            except Exception as error:  # of the engine, or of a worker that cannot run pvtprof
                is_gone = future.cancelled() or type(error).__name__ == "KilledWorker"
                raise LostError(in_a_line(error), is_broken=not is_gone) from None
        raise LostError(f"it did not answer in {longest_s:.0f} s", is_broken=True)


def in_a_line(error: BaseException) -> str:
    """Return what an error says, or else its name, in one line."""
    return " ".join(str(error).split())[:MOST_SAID] or type(error).__name__
