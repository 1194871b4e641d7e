"""All workers of one sweep over a cluster: who is there, and a thread for each machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future as Answer
from dataclasses import dataclass, field
from threading import Lock, Thread

from pvtprof.errors import UnavailableError
from pvtprof.sweep import on_worker
from pvtprof.sweep.measuring import Loop, Sweeping, give_back
from pvtprof.sweep.on_worker import Greeting
from pvtprof.sweep.remote import (
    POLL_S,
    Engine,
    LostError,
    RemoteWorker,
    StoppedError,
    asked_greeting,
    in_a_line,
)
from pvtprof.sweep.store import Store

SAME = "install the same on the scheduler and on every worker"


@dataclass
class _Host:
    """A machine: the workers on it, and the thread that asks one of them at a time.

    ``done_at`` is how many workers had been lost before no row was found any more.
    """

    workers: dict[str, RemoteWorker] = field(default_factory=dict)
    thread: Thread | None = None
    done_at: int = -1

    @property
    def is_busy(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    @property
    def present(self) -> list[RemoteWorker]:
        return [worker for worker in list(self.workers.values()) if worker.is_there]


class Team:
    """The workers of one sweep; ``notes`` are what became of some of them, each once."""

    def __init__(
        self, engine: Engine, store: Store, how: Sweeping, progress: Callable[[str], None]
    ) -> None:
        self.engine, self.store, self.how, self.progress = engine, store, how, progress
        self.devices = store.devices()
        self.versions = on_worker.versions()
        self.hosts: dict[str, _Host] = {}
        self.greetings: dict[str, tuple[Answer[Greeting], float]] = {}
        self.refused: dict[str, str] = {}  # by address, why
        self.notes: dict[str, None] = {}
        self.lost = 0
        self.errors: list[BaseException] = []
        self.lock = Lock()

    def run(self) -> None:
        """Have rows timed until none is left that a worker can time."""
        while True:
            self._look()
            self._welcome()
            for host in self.hosts.values():
                if host.present and not host.is_busy and host.done_at != self.lost:
                    host.thread = Thread(target=self._work, args=(host, host.present))
                    host.thread.start()
            if self.errors:
                raise self.errors[0]
            if self._is_over():
                return
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End what is waited for; the rows in work are given back."""
        self.engine.stopped.set()
        for host in self.hosts.values():
            if host.thread:
                host.thread.join()

    def _is_over(self) -> bool:
        if any(host.is_busy for host in self.hosts.values()):
            return False
        if not self.store.progress().left:
            return True
        if self.greetings:
            return False
        present = [host for host in self.hosts.values() if host.present]
        if not present and self.refused:
            raise UnavailableError(f"no worker can be used: {next(iter(self.refused.values()))}")
        if not present:
            self._say("no worker is there; waiting for one")
        return bool(present) and all(host.done_at == self.lost for host in present)

    def _look(self) -> None:
        """See which workers are there, and forget those that are gone."""
        try:
            alive = frozenset(self.engine.client.nthreads())
        except Exception:  # of the engine, in many kinds
            raise UnavailableError(
                "the dask scheduler does not answer any more; all that was recorded is kept; the "
                "same command goes on from there"
            ) from None
        self.engine.alive = alive
        for host in self.hosts.values():
            host.workers = {a: its for a, its in host.workers.items() if its.is_there}
        self.refused = {a: reason for a, reason in self.refused.items() if a in alive}
        for address in self.greetings.keys() - alive:
            del self.greetings[address]

    def _welcome(self) -> None:
        """Ask new workers who they are, and take those that can be used."""
        known = {address for host in self.hosts.values() for address in host.workers}
        known |= self.greetings.keys() | self.refused.keys()
        for address in sorted(self.engine.alive - known):
            answer = asked_greeting(self.engine, address, self.devices)
            self.greetings[address] = answer, time.monotonic() + self.how.timing.longest_s
        for address, (answer, until) in list(self.greetings.items()):
            try:
                greeting = answer.result() if answer.done() else None
            except Exception as error:  # it has no pvtprof, or ended meanwhile
                del self.greetings[address]
                self._refuse(address, f"cannot run this pvtprof ({in_a_line(error)}); {SAME}")
                continue
            if greeting:
                del self.greetings[address]
                self._take(address, greeting)
            elif time.monotonic() > until:
                del self.greetings[address]
                self._refuse(address, "does not answer")

    def _take(self, address: str, greeting: Greeting) -> None:
        reason = next(self._unfit(greeting), "")
        if reason:
            self._refuse(address, reason)
            return
        if greeting.note:
            self._note(f"worker {address} {greeting.note}")
        host = self.hosts.setdefault(greeting.host, _Host())
        host.workers[address] = RemoteWorker(self.engine, address, greeting)
        host.done_at = -1

    def _unfit(self, greeting: Greeting) -> Iterator[str]:
        """Yield why a worker cannot be used."""
        for name, here in self.versions.items():
            there = greeting.versions.get(name) or "unknown"
            if there != (here or "unknown"):
                yield f"has {name} {there}, and {here} is here; {SAME}"
        if not greeting.places:
            yield " ".join(greeting.missing)

    def _refuse(self, address: str, reason: str) -> None:
        self.refused[address] = f"worker {address} {reason}"
        self._note(f"{self.refused[address]}; it gets no row")

    def _work(self, host: _Host, workers: list[RemoteWorker]) -> None:
        """Have rows timed on a machine until none is left, in a thread of its own."""
        lost_before = self.lost
        try:
            with self.store.another() as store:
                for worker in workers:
                    self._work_with(worker, store)
        except StoppedError:
            return
        except BaseException as error:  # the main thread raises it
            self.errors.append(error)
        host.done_at = lost_before

    def _work_with(self, worker: RemoteWorker, store: Store) -> None:
        devices = list(worker.greeting.places)
        try:
            Loop(store, self.how, worker, worker.name, self._say).run(devices)
        except LostError as error:
            worker.is_lost = True
            give_back(store, worker.name)
            with self.lock:
                self.lost += 1
            if error.is_broken:
                self._refuse(worker.address, f"failed: {error}")
            self._note(f"worker {worker.address} was lost ({error}); its row was given back")
        except BaseException:
            give_back(store, worker.name)
            raise

    def _note(self, text: str) -> None:
        self.notes[text] = None
        self._say(text)

    def _say(self, text: str) -> None:
        with self.lock:
            self.progress(text)
