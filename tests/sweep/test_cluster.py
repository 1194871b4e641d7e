"""A sweep on the workers of a cluster: a row is there once whatever becomes of them."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pvtprof.cli.app import main
from pvtprof.errors import RunInterruptedError, SpecError, UnavailableError
from pvtprof.sweep import cluster, on_worker, remote, team
from pvtprof.sweep.measuring import Sweeping
from pvtprof.sweep.on_worker import Greeting, Order
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.processes import this_process
from pvtprof.sweep.remote import MOST_LOST
from pvtprof.sweep.store import Store
from pvtprof.sweep.worker import Timing, Tried, Worker
from tests import trials
from tests.sweep.killed import HERE, ROWS, Untimed, wrong

HOW = Sweeping(Timing(budget_s=0.02, limit_s=60.0))
#: So many workers are killed while they have a row, at most.
KILLS = 6 if trials.ALL else 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "s.sqlite", create=True) as opened:
        opened.add(ROWS, 0)
        yield opened


class Brief(Untimed):
    """A worker that times nothing, and counts how many do so at once."""

    at_once, most, lock = 0, 0, threading.Lock()

    def tried(self, planned: Planned, seed: int = 0) -> Tried:
        with self.lock:
            Brief.at_once += 1
            Brief.most = max(Brief.most, Brief.at_once)
        time.sleep(0.02)
        with self.lock:
            Brief.at_once -= 1
        its = self.reference("cpu")
        return replace(its, outcome=replace(its.outcome, is_reference=False))


class Cluster:
    """A scheduler with workers in threads: what a sweep asks of dask's client.

    ``dies`` says whether a worker dies of an order.
    """

    def __init__(self, hosts: dict[str, str], **facts: Any) -> None:
        self.hosts, self.facts = dict(hosts), facts
        self.threads = ThreadPoolExecutor(8)
        self.orders: list[tuple[str, Order]] = []
        self.dies: Callable[[str, Order], bool] = lambda address, order: False
        self.looks = 0

    def nthreads(self) -> dict[str, int]:
        """The workers that are there."""
        self.looks += 1
        return dict.fromkeys(self.hosts, 1)

    def run(self, function: Callable[..., Any], name: str, **how: Any) -> dict[str, Any]:
        """Run a function at once."""
        return dict.fromkeys(how["workers"], function(name))

    def submit(self, function: Callable[..., Any], *words: Any, **how: Any) -> Future[Any]:
        """Run a function on the one worker that is named."""
        assert (how["allow_other_workers"], how["pure"], how["retries"]) == (False, False, 0)
        (address,) = how["workers"]
        if function is on_worker.greeted:
            return self.threads.submit(self.greeting, address)
        kind, order = words
        self.orders.append((address, order))
        if self.dies(address, order):
            del self.hosts[address]
            return Future()  # which is never done
        return self.threads.submit(self.tried, kind(order.timing), order)

    def greeting(self, address: str) -> Greeting:
        its = self.facts.get(address, {})
        words = {"versions": on_worker.versions(), "places": {"cpu": HERE}} | its
        return Greeting(f"process of {address}", self.hosts[address], **words)

    @staticmethod
    def tried(hand: Worker, order: Order) -> Tried:
        if order.planned is None:
            return hand.reference(order.device)
        return hand.tried(order.planned, order.seed)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (remote, team):
        monkeypatch.setattr(module, "POLL_S", 0.01)


def swept(client: Cluster, store: Store, how: Sweeping = HOW) -> Any:
    return cluster.sweep(client, store, how, kind=Brief)  # type: ignore[arg-type] # it is a fake


def tried(client: Cluster) -> list[tuple[str, str]]:
    """(address, key) of every row that a worker was asked for."""
    return [(address, order.planned.key) for address, order in client.orders if order.planned]


def test_every_row_is_timed_once_on_some_worker(store: Store) -> None:
    client = Cluster({"a": "one", "b": "two"})
    assert swept(client, store).left == 0
    assert wrong(Path(store.path)) == []
    assert {address for address, _ in tried(client)} == {"a", "b"}
    references = [address for address, order in client.orders if order.planned is None]
    assert {"a", "b"} <= set(references)
    names = {row["worker"] for row in store.read("SELECT worker FROM measured")}
    assert names == {f"process of {one} of {this_process().name}" for one in "ab"}


def test_a_machine_times_one_row_at_a_time_however_many_workers_it_has(store: Store) -> None:
    Brief.most = 0
    swept(Cluster({"a": "one", "b": "one", "c": "one"}), store)
    assert Brief.most == 1
    assert wrong(Path(store.path)) == []


def test_a_row_of_a_lost_worker_is_timed_by_another(store: Store) -> None:
    client = Cluster({"a": "one"})

    def dies(address: str, order: Order) -> bool:
        client.hosts["b"] = "two"  # which comes late
        return order.planned is not None and address == "a"

    client.dies = dies
    notes = swept(client, store).notes
    assert notes == ("worker a was lost (its process ended); its row was given back",)
    assert wrong(Path(store.path)) == []
    assert len(tried(client)) == len(ROWS) + 1


def test_a_worker_that_is_started_anew_at_its_address_greets_again(store: Store) -> None:
    client = Cluster({"a": "one"})
    real, given = client.submit, [None]

    def submit(function: Any, *words: Any, **how: Any) -> Future[Any]:
        if given and function is on_worker.tried and words[1].planned:
            return client.threads.submit(given.pop)  # by another process than that which greeted
        return real(function, *words, **how)

    client.submit = submit  # type: ignore[method-assign]
    assert "started anew" in swept(client, store).notes[0]
    assert wrong(Path(store.path)) == []


def test_a_row_that_workers_are_lost_with_is_a_failure(store: Store) -> None:
    client = Cluster({str(number): "one" for number in range(MOST_LOST + 1)})
    bad = ROWS[0].key
    client.dies = lambda address, order: order.planned is not None and order.planned.key == bad
    its = swept(client, store)
    assert (its.done, its.failed, its.left) == (len(ROWS) - 1, 1, 0)
    assert [key for _, key in tried(client)].count(bad) == MOST_LOST
    (row,) = store.rows("failure IS NOT NULL")
    assert row.planned.key == bad
    assert row.failure == f"{MOST_LOST} workers were lost while they timed it; the last: " + (
        "its process ended"
    )


@pytest.mark.parametrize("what", ["torch", "pvtprof", "commit of pvtprof"])
def test_a_worker_of_another_version_gets_no_row(store: Store, what: str) -> None:
    other = {"versions": {**on_worker.versions(), what: "0.9"}}
    client = Cluster({"a": "one", "b": "two"}, b=other)
    (note,) = swept(client, store).notes
    here = on_worker.versions()[what]
    assert note == (
        f"worker b has {what} 0.9, and {here} is here; install the same on the scheduler and on "
        "every worker; it gets no row"
    )
    assert {address for address, _ in tried(client)} == {"a"}
    client = Cluster({"b": "two"}, b=other)
    store.measure_again(ROWS)
    with pytest.raises(UnavailableError, match=f"no worker can be used: worker b has {what} 0.9"):
        swept(client, store)


def test_a_worker_without_pvtprof_is_said_and_is_sent_nothing(store: Store) -> None:
    client, error = Cluster({"a": "one"}), ModuleNotFoundError("No module named 'pvtprof'")
    client.run = lambda function, name, **how: {"a": error}  # type: ignore[method-assign]
    client.submit = lambda *words, **how: pytest.fail("dask would end it")  # type: ignore
    said = r"a cannot run this pvtprof \(No module named 'pvtprof'\); install the same"
    with pytest.raises(UnavailableError, match=said):
        swept(client, store)


def test_a_worker_that_cannot_greet_is_said(store: Store) -> None:
    client = Cluster({"a": "one"})
    client.greeting = lambda address: exec("import no_such_thing")  # type: ignore[method-assign]
    with pytest.raises(UnavailableError, match=r"cannot run this pvtprof \(No module .*; install"):
        swept(client, store)


def test_rows_of_a_device_that_no_worker_has_are_left(store: Store) -> None:
    store.add([replace(ROWS[0], device="cuda")], 0)
    its = swept(Cluster({"a": "one"}), store)
    assert (its.done, its.left) == (len(ROWS), 1)
    nothing = {"places": {}, "missing": ("no cuda here",)}
    with pytest.raises(UnavailableError, match="worker a no cuda here"):
        swept(Cluster({"a": "one"}, a=nothing), store)


def test_again_is_once_more(store: Store) -> None:
    for times in (1, 2):
        client = Cluster({"a": "one", "b": "two"})
        store.measure_again(ROWS)
        swept(client, store)
        assert [row.tries for row in store.rows()] == [times] * len(ROWS)


def test_ctrl_c_gives_every_row_back(store: Store) -> None:
    client = Cluster({"a": "one"})
    real = client.nthreads

    def nthreads() -> dict[str, int]:
        if tried(client):
            raise KeyboardInterrupt
        return real()

    client.nthreads = nthreads  # type: ignore[method-assign]
    with pytest.raises(RunInterruptedError, match="the same command goes on from there"):
        swept(client, store)
    assert store.progress().workers == 0
    swept(Cluster({"a": "one"}), store)
    assert wrong(Path(store.path)) == []


def test_a_scheduler_that_ends_is_said(store: Store) -> None:
    client = Cluster({"a": "one"})

    def gone() -> dict[str, int]:
        raise OSError("Timed out\nin words")

    client.nthreads = gone  # type: ignore[method-assign]
    with pytest.raises(UnavailableError, match="any more; all that was recorded is kept"):
        swept(client, store)


def test_an_order_to_a_process_that_died_is_left() -> None:
    order = Order(this_process().name, HOW.timing, "cpu", ROWS[0])
    assert on_worker.tried(Brief, order) is not None
    assert on_worker.tried(Brief, replace(order, who="another")) is None


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["--workers", "0"], "workers is 0; use 1 to 64", 2),
        (["--workers", "-1"], "workers is -1; use 1 to 64", 2),
        (["--workers", "2", "--scheduler", "tcp://x:1"], "use one", 2),
        (["--workers", "2", "-o", "rows.csv"], "use a .sqlite", 2),
        (["--scheduler", "tcp://x:99999"], "such as tcp://10.0.0.1:8786", 2),
        (["--scheduler", "x"], "such as tcp://10.0.0.1:8786", 2),
        (["--scheduler", ""], "such as tcp://10.0.0.1:8786", 2),
        (["--scheduler", "http://x:80"], "such as tcp://10.0.0.1:8786", 2),
        (["--scheduler", "tcp://127.0.0.1:9"], "no dask scheduler answers at tcp://127.0", 3),
    ],
)
def test_bad_words_are_one_line(
    words: list[str],
    said: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cluster, "ANSWER_S", 0.3)
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "--img", "32", *words]) == code
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_dask_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(UnavailableError, match=r'pip install "pvtprof\[dask\]"'),
        cluster.connected(2, None),
    ):
        pass


def test_workers_and_a_scheduler_are_not_both() -> None:
    with pytest.raises(SpecError, match="use one"), cluster.connected(2, "tcp://x:1"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_after_workers_are_killed_every_row_is_there_once(store: Store) -> None:
    """In 3 processes that dask starts; one with a row is killed, then another."""
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        with Store.open(store.path) as own:
            while len(killed) < KILLS and not over.wait(0.05):
                time.sleep(random.random() * trials.ALL)
                for lease in own.read("SELECT worker FROM lease"):
                    pid = int(lease["worker"].partition(" of ")[0].rpartition("-")[2])
                    if pid not in killed:
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)

    killer = threading.Thread(target=kill)
    with cluster.connected(3, None) as client:
        killer.start()
        try:
            its = cluster.sweep(client, store, HOW, kind=Worker if trials.ALL else Untimed)
        finally:
            over.set()
            killer.join()
    assert killed
    assert its.left == 0
    assert wrong(Path(store.path)) == []
