"""The store of a sweep: what it keeps, who measures which row, and what it says of bad files."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pvtprof.errors import SchemaError, SpecError, StoreError
from pvtprof.observe.measurement import Measurement
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.schema import APPLICATION_ID, VERSION
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import (
    Outcome,
    environment_of,
    environment_text,
    machine_of,
    measurement_of,
    measurement_text,
)
from tests.builders import ENVIRONMENT

ROWS = tuple(
    Planned("pvt_v2_b0", "mha", side, side, (1, 1, 1, 1), 7, part="stage 4")
    for side in range(32, 352, 32)
)
TIMED = Outcome(Measurement((1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 6e-3)), spent_s=0.2, timing_s=0.1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, create=True) as opened:
        opened.add(ROWS, 0)
        yield opened


def measured(store: Store, outcome: Outcome = TIMED, worker: str = "me") -> int:
    leased = store.lease(worker)
    assert leased is not None
    assert store.record(leased[0], worker, ENVIRONMENT, outcome)
    return leased[0]


def test_a_row_is_there_once_with_its_closed_form(store: Store) -> None:
    assert store.add([*ROWS, replace(ROWS[0], batch=2)], 0) == 1
    (found,) = store.rows("height = 64")
    row = found.planned.row()
    assert found.planned == ROWS[1]
    assert (found.macs, found.params) == (row.macs, row.params)
    assert (found.moved_bytes, found.peak_bytes) == (sum(row.moved_bytes), row.peak.bytes)


def test_rows_are_measured_in_an_order_that_the_seed_decides(path: Path) -> None:
    def order(seed: int, name: str) -> list[int]:
        with Store.open(path.with_name(name), create=True) as store:
            store.add(ROWS, seed)
            leased = [store.lease("me") for _ in ROWS]
            assert store.lease("me") is None
            return [its[1].height for its in leased if its]

    first = order(0, "a")
    assert first == order(0, "b") != order(1, "c")
    assert sorted(first) == [row.height for row in ROWS] != first


def test_rows_are_numbered_in_the_order_in_which_they_are_added(store: Store) -> None:
    assert [row.planned for row in store.rows("1 ORDER BY id")] == list(ROWS)


def test_what_the_closed_form_refuses_is_kept_and_never_leased(path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.add([replace(ROWS[0], design="sra_conv", part="model", sr_ratios=(64, 1, 1, 1))], 0)
        assert store.lease("me") is None
        (found,) = store.rows()
        its = store.progress()
    assert found.macs is None
    assert found.failure is not None
    assert (its.rows, its.refused, its.left, its.failed) == (1, 1, 0, 0)


def test_what_was_refused_can_be_measured_once_it_is_repaired(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = replace(ROWS[0], target="a.py:b")
    assert store.add([target], 0) == 1
    assert "a.py" in str(next(store.rows("target != ''")).failure)
    form = ROWS[0].row()
    monkeypatch.setattr(Planned, "row", lambda self: form)
    assert store.add([*ROWS, target], 0) == 0
    (found,) = store.rows("target != ''")
    assert (found.failure, found.macs) == (None, form.macs)
    assert store.progress().left == len(ROWS) + 1


def test_figures_past_64_bits_are_refused_in_words(path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.add([replace(ROWS[0], height=16384, width=16384, batch=4096, part="stage 1")], 0)
        (found,) = store.rows()
    assert "64 bits" in str(found.failure)


def test_samples_come_back_as_they_were(store: Store) -> None:
    taken = replace(TIMED.measurement, series={"cpu": (0.5,) * 6}, stopped="budget", switches=3)
    assert measurement_of(measurement_text(taken)) == taken
    text = environment_text(ENVIRONMENT)
    assert environment_of(text, ENVIRONMENT.date) == ENVIRONMENT
    assert ENVIRONMENT.date not in text


def test_another_try_is_another_sample_and_the_view_has_the_median_of_medians(store: Store) -> None:
    for factor in (1, 4, 2):
        samples = tuple(factor * 1e-3 * k for k in range(1, 8))
        store.measure_again(ROWS[:1])
        row = store.lease("me")
        assert row is not None
        store.record(row[0], "me", ENVIRONMENT, Outcome(Measurement(samples), spent_s=1.0))
    (found,) = store.rows(f"id = {row[0]}")
    assert (found.tries, found.failures, found.failure) == (3, 0, None)
    assert found.latency_s == pytest.approx(8e-3)
    assert (found.latency_low_s, found.latency_high_s) == pytest.approx((1e-3, 28e-3))


def test_the_median_of_two_tries_lies_between_them(store: Store) -> None:
    store.measure_again(ROWS[:1])
    row = measured(store)
    store.measure_again(ROWS[:1])
    measured(store, Outcome(Measurement((5.5e-3,)), spent_s=1.0))
    (found,) = store.rows(f"id = {row}")
    assert found.latency_s == pytest.approx(4.5e-3)


def test_an_interval_holds_the_median_of_a_try_without_one(store: Store) -> None:
    store.measure_again(ROWS[:1])
    row = measured(store, Outcome(Measurement((2e-2,)), spent_s=1.0))
    (found,) = store.rows(f"id = {row}")
    assert (found.latency_low_s, found.latency_high_s) == (None, None)
    store.measure_again(ROWS[:1])
    measured(store)
    (found,) = store.rows(f"id = {row}")
    assert found.latency_s == pytest.approx((2e-2 + 3.5e-3) / 2)
    assert (found.latency_low_s, found.latency_high_s) == pytest.approx((1e-3, 2e-2))


def test_a_row_has_a_line_for_each_machine(store: Store) -> None:
    other = replace(ENVIRONMENT, device="Another CPU")
    store.measure_again(ROWS[:1])
    row = measured(store)
    store.measure_again(ROWS[:1])
    leased = store.lease("me")
    assert leased is not None
    store.record(row, "me", other, Outcome(failure="no"))
    found = {its.machine: its for its in store.rows(f"id = {row}")}
    assert set(found) == {machine_of(ENVIRONMENT), machine_of(other)}
    assert found[machine_of(ENVIRONMENT)].failure is None
    assert found[machine_of(other)].failure == "no"


def test_rows_of_one_and_two_threads_are_of_one_machine() -> None:
    one, two = (replace(ENVIRONMENT, threads=threads) for threads in (1, 2))
    assert machine_of(one, 2) == machine_of(two, 2) == machine_of(two)
    assert machine_of(one) != machine_of(two)


def test_a_failure_is_recorded_and_the_row_is_not_measured_again(store: Store) -> None:
    row = measured(store, Outcome(failure="it raises"))
    assert [its.failure for its in store.rows(f"id = {row}")] == ["it raises"]
    rest = [store.lease("me") for _ in ROWS]
    assert row not in [its[0] for its in rest if its]
    its = store.progress()
    assert (its.failed, its.done, its.left) == (1, 0, len(ROWS) - 1)


def test_failures_are_those_of_rows_without_a_time(store: Store) -> None:
    store.measure_again(ROWS[:1])
    measured(store, Outcome(failure="first"))
    store.record(None, "me", ENVIRONMENT, Outcome(failure="reference", is_reference=True))
    assert store.failures() == {"first": 1}
    store.measure_again(ROWS[:1])
    measured(store, Outcome(failure="second"))
    assert store.failures() == {"second": 1}
    store.measure_again(ROWS[:1])
    measured(store)
    assert store.failures() == {}


def test_progress_says_how_long_the_rest_takes(store: Store) -> None:
    assert store.progress().left_s is None
    measured(store)
    store.record(None, "me", ENVIRONMENT, replace(TIMED, is_reference=True, spent_s=9.0))
    its = store.progress()
    assert (its.rows, its.done, its.left, its.row_s) == (len(ROWS), 1, len(ROWS) - 1, 0.2)
    assert its.left_s == pytest.approx(0.2 * (len(ROWS) - 1))


def test_the_reference_is_no_row(store: Store) -> None:
    store.record(None, "me", ENVIRONMENT, replace(TIMED, is_reference=True))
    assert store.reference_s() == store.reference_s(machine_of(ENVIRONMENT)) == [3.5e-3]
    assert store.reference_s("another") == []
    assert all(its.tries == 0 for its in store.rows())


def test_again_measures_every_row_once_more(store: Store) -> None:
    rows = {measured(store) for _ in ROWS}
    assert store.lease("me") is None
    store.measure_again(ROWS)
    assert store.progress().left == len(ROWS)
    assert {measured(store) for _ in ROWS} == rows
    assert store.lease("me") is None
    assert all(its.tries == 2 for its in store.rows())


def test_again_measures_no_row_that_was_not_asked_for(store: Store) -> None:
    for _ in ROWS[2:]:
        measured(store)  # two are left
    for _ in range(2):
        store.measure_again(ROWS[:3])
        least = min(its.tries for its in store.rows() if its.planned in ROWS[:3])
        with store.another() as other:
            for opened in (store, other):
                while leased := opened.lease("me"):
                    assert leased[1] in ROWS[:3]
                    opened.record(leased[0], "me", ENVIRONMENT, TIMED)
        assert store.progress().left == 0
        tries = {its.planned: its.tries for its in store.rows()}
        assert {tries[row] for row in ROWS[:3]} <= {least + 1, least + 2}
        assert {tries[row] for row in ROWS[3:]} <= {0, 1}


def test_no_row_is_leased_twice(store: Store) -> None:
    with Store.open(store.path) as other:
        first, second = store.lease("me"), other.lease("you")
    assert first is not None
    assert second is not None
    assert first[0] != second[0]


def test_a_lease_expires_and_what_comes_late_is_not_recorded_twice(store: Store) -> None:
    late = store.lease("me", for_s=0.0)
    assert late is not None
    taken = store.lease("you")
    assert taken == late
    assert not store.record(late[0], "me", ENVIRONMENT, TIMED)  # it is yours now
    assert store.record(late[0], "you", ENVIRONMENT, TIMED)
    assert not store.record(late[0], "me", ENVIRONMENT, TIMED)  # and was measured
    assert [its.tries for its in store.rows(f"id = {late[0]}")] == [1]


def test_what_comes_late_is_recorded_where_nobody_else_took_the_row(store: Store) -> None:
    late = store.lease("me")
    assert late is not None
    store.give_back("me")
    assert store.record(late[0], "me", ENVIRONMENT, TIMED)


def test_a_dead_process_gives_its_row_back(store: Store) -> None:
    child = os.fork()
    if not child:
        with Store.open(store.path) as own:
            own.lease("child")
            os.kill(os.getpid(), signal.SIGKILL)
    for _ in range(200):  # it stays a zombie, as under a parent that does not ask for it
        if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    held = [row["worker"] for row in store.read("SELECT worker FROM lease")]
    assert held == ["child"]
    leased = [store.lease("me") for _ in ROWS]
    assert None not in leased
    os.waitpid(child, 0)


def test_a_row_is_leased_by_its_number_unless_a_live_process_has_it(store: Store) -> None:
    row = measured(store)
    assert store.lease_row(row, "me")
    assert not store.lease_row(row, "you")
    store.connection.execute("UPDATE lease SET started = '1'")  # as of a process that was killed
    assert store.lease_row(row, "you")


def test_a_lease_of_another_machine_is_kept_until_it_expires(store: Store) -> None:
    first = store.lease("far away")
    assert first is not None
    store.connection.execute("UPDATE lease SET host = 'elsewhere', pid = 1, started = '1'")
    rest = [store.lease("me") for _ in ROWS]
    assert rest[-1] is None
    store.connection.execute("UPDATE lease SET until = ? WHERE host = 'elsewhere'", (time.time(),))
    assert store.lease("me") == first


def test_a_number_that_another_process_has_now_is_not_the_holder(store: Store) -> None:
    first = store.lease("me")
    store.connection.execute("UPDATE lease SET started = '1'")
    assert store.lease("you") == first


def test_an_outcome_is_a_time_or_a_reason() -> None:
    with pytest.raises(SpecError):
        Outcome()


# Files that are no store, or cannot be written: one line each, and they are left as they are.


def refusal(path: Path, **how: bool | float) -> str:
    with pytest.raises(StoreError) as refused, Store.open(path, **how) as store:
        store.add(ROWS, 0)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_folder_that_cannot_be_written_is_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(path, create=True).connection.close()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert "its folder is read-only; name another store" in refusal(path, create=True)
    with Store.open(path, read_only=True) as store:
        assert store.progress().rows == 0


@pytest.mark.parametrize("content", [b"model,height\n", b"SQLite format 3\0", b"\0" * 4096])
def test_another_file_is_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refusal(path, create=True)
    refusal(path, read_only=True)
    assert path.read_bytes() == content


def test_another_programs_database_is_left_as_it_is(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (a)")
    other.close()
    before = path.read_bytes()
    assert "no store" in refusal(path, create=True)
    assert "no store" in refusal(path, read_only=True)
    assert path.read_bytes() == before


def test_a_newer_schema_is_named(store: Store, path: Path) -> None:
    store.connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    for how in ({}, {"read_only": True}):
        with pytest.raises(SchemaError, match=f"schema {VERSION + 1}.*update pvtprof"):
            Store.open(path, **how)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_truncated_store_is_said(path: Path, share: float, read_only: bool) -> None:
    with Store.open(path, create=True) as store:
        store.add(ROWS, 0)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert "cut off" in refusal(path, read_only=read_only)


def test_a_damaged_store_is_said(path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.add(ROWS, 0)
    whole = bytearray(path.read_bytes())
    whole[4096:] = random.Random(0).randbytes(len(whole) - 4096)
    path.write_bytes(whole)
    assert "damaged" in refusal(path)


def test_a_file_that_is_not_there_is_not_made_by_reading(path: Path) -> None:
    assert "pvtprof sweep -o" in refusal(path)
    assert not path.exists()


def test_a_folder_and_a_strange_name_are_said(tmp_path: Path) -> None:
    assert "directory" in refusal(tmp_path, create=True)
    with pytest.raises(StoreError):
        Store.open(f"{tmp_path}/a\0b", create=True)
    with Store.open(tmp_path / "a?mode=ro#b%20.sqlite", create=True) as store:
        assert store.add(ROWS, 0) == len(ROWS)
    assert (tmp_path / "a?mode=ro#b%20.sqlite").exists()


def test_a_locked_store_is_said_and_nothing_is_lost(store: Store, path: Path) -> None:
    store.connection.execute("BEGIN EXCLUSIVE")
    assert "locked" in refusal(path, busy_s=0.05)
    store.connection.execute("ROLLBACK")
    with Store.open(path) as other:
        assert other.progress().rows == len(ROWS)


def test_a_store_that_is_locked_for_a_while_is_waited_for(store: Store, path: Path) -> None:
    def hold() -> None:
        with Store.open(path) as other, other.transaction():
            held.set()
            time.sleep(0.3)

    held = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    measured(store)
    holder.join()


def test_a_full_disk_is_said_and_what_was_recorded_is_kept(store: Store, path: Path) -> None:
    first = measured(store)
    (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    store.connection.execute(f"PRAGMA max_page_count = {pages}")
    leased = store.lease("me")
    assert leased is not None
    large = Outcome(Measurement((1e-3,) * 10000), spent_s=1.0)
    with pytest.raises(StoreError, match="disk is full"):
        store.record(leased[0], "me", ENVIRONMENT, large)
    store.connection.execute("PRAGMA max_page_count = 100000")
    assert store.progress().done == 1
    assert store.record(leased[0], "me", ENVIRONMENT, large)  # once there is space again
    assert [its.tries for its in store.rows(f"id IN ({first}, {leased[0]})")] == [1, 1]


def test_a_limit_on_the_size_of_files_is_said(path: Path) -> None:
    """As a full disk is, but by the system itself: in a process that may write no more."""
    with Store.open(path, create=True) as store:
        store.add(ROWS, 0)
        measured(store)
    child = os.fork()
    if not child:
        limit = path.stat().st_size + 1000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            with Store.open(path) as store:
                leased = store.lease("me")
                large = Outcome(Measurement((1e-3,) * 10000), spent_s=1.0)
                store.record(leased[0] if leased else 0, "me", ENVIRONMENT, large)
        except StoreError as error:
            os._exit(3 if "full" in str(error) else 4)
        os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    with Store.open(path) as store:
        assert (store.progress().done, store.progress().left) == (1, len(ROWS) - 1)
        assert sum(store.lease("me") is not None for _ in ROWS) == len(ROWS) - 1  # none is held


READ_ONLY = """
import os, sys
from pathlib import Path
from pvtprof.sweep.store import Store
from pvtprof.errors import StoreError
path = sys.argv[1]
if not os.getuid():
    os.setgid(65534); os.setuid(65534)
with Store.open(path, read_only=True) as store:
    print(store.progress().rows)
try:
    Store.open(path)
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs users")
def test_a_read_only_store_is_read_and_not_written(path: Path, tmp_path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.add(ROWS, 0)
    place = Path(shutil.copytree(tmp_path, f"/var/tmp/pvtprof-{os.getpid()}"))
    try:
        (place / path.name).chmod(0o444)
        place.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(place / path.name)],
            capture_output=True,
            text=True,
        )
    finally:
        place.chmod(0o755)
        shutil.rmtree(place)
    assert done.stderr == ""
    rows, said = done.stdout.splitlines()
    assert int(rows) == len(ROWS)
    assert "read-only" in said


def test_reading_writes_nothing(store: Store, path: Path) -> None:
    with Store.open(path, read_only=True) as reader:
        assert len(list(reader.rows())) == len(ROWS)
        with pytest.raises(StoreError, match="read-only"):
            reader.lease("me")


def test_a_store_that_was_killed_while_it_was_made_is_made(path: Path) -> None:
    path.touch()
    with Store.open(path, create=True) as store:
        assert store.add(ROWS, 0) == len(ROWS)
    half = path.with_name("half.sqlite")
    other = sqlite3.connect(half)
    other.execute("PRAGMA journal_mode = WAL")
    other.close()
    with Store.open(half, create=True) as store:
        assert store.add(ROWS, 0) == len(ROWS)


def test_many_who_open_a_new_store_at_once_make_one(path: Path) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with Store.open(path, create=True) as store:
                store.add(ROWS, number)
                while leased := store.lease(f"{number}"):
                    store.record(leased[0], f"{number}", ENVIRONMENT, TIMED)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    with Store.open(path, read_only=True) as store:
        assert [its.tries for its in store.rows()] == [1] * len(ROWS)
        (kind,) = store.connection.execute("PRAGMA application_id").fetchone()
    assert kind == APPLICATION_ID
