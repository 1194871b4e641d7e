"""A worker's rows: each has a time or a reason, and whatever happens, the next one is timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pvtprof.designs.design import TargetDesign
from pvtprof.designs.part import MODEL
from pvtprof.designs.setting import Setting
from pvtprof.errors import RunInterruptedError, SpecError, StoreError, UnavailableError
from pvtprof.observe.measurement import Measurement
from pvtprof.run.observer import OUT_OF_MEMORY
from pvtprof.sweep import entry, measuring
from pvtprof.sweep.measuring import Sweeping, said, sweep
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import Outcome, Progress, machine_of
from pvtprof.sweep.worker import KILLED, Timing, Tried, Worker
from tests.builders import ENVIRONMENT
from tests.sweep.test_store import ROWS
from tests.trials import costly

MODULE = """
import os, signal, time
import torch
from torch import nn

class Moody(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.calls = 0
    def forward(self, x):
        self.calls += 1
        {does}
        return self.linear(x)

def made():
    return Moody(), torch.randn(2, 8)
"""


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker(Timing(budget_s=0.02, limit_s=60.0)) as one:
        yield one


@pytest.fixture
def outcome(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Outcome]:
    """What comes of a module that does something strange when it is called."""

    def tried(does: str, limit_s: float = 60.0) -> Outcome:
        file = tmp_path / "moody.py"
        file.write_text(MODULE.format(does=does))
        design = TargetDesign("moody", f"{file}:made")
        form = replace(
            ROWS[0].row(), design=design, part=MODEL, setting=Setting(0, 0, sizes=(("b", 2),))
        )
        with monkeypatch.context() as patch:
            patch.setattr(Planned, "row", lambda self: form)
            patch.setattr(worker, "timing", replace(worker.timing, limit_s=limit_s))
            return worker.tried(ROWS[0]).outcome

    return tried


def is_well(worker: Worker) -> bool:
    return worker.tried(ROWS[0]).outcome.measurement is not None


def test_a_row_is_timed_in_a_fork_of_a_process_that_stays(worker: Worker) -> None:
    one, two = worker.tried(ROWS[0], seed=1), worker.tried(ROWS[1], seed=2)
    assert len(worker._warm) == 1
    for tried in (one, two):
        its = tried.outcome
        assert its.measurement is not None
        assert its.timing_s is not None
        assert 0 < its.timing_s < its.spent_s
    assert one.machine == two.machine == machine_of(one.environment)
    assert one.environment == two.environment


def test_a_row_is_timed_beside_another_in_the_same_rounds(worker: Worker) -> None:
    found = worker.tried(ROWS[0], beside=ROWS[1]).outcome.measurement
    assert found is not None
    assert found.beside_s is not None
    assert len(found.series["beside"]) == len(found.samples) == len(found.ratios)
    alone = worker.tried(ROWS[0]).outcome.measurement
    assert alone is not None
    assert alone.beside_s is None
    assert alone.ratios == alone.samples


def test_the_reference_is_timed(worker: Worker) -> None:
    its = worker.reference("cpu").outcome
    assert its.is_reference
    assert its.measurement is not None


def test_a_module_that_raises_is_said(worker: Worker, outcome: Callable[..., Outcome]) -> None:
    its = outcome("raise ValueError('two\\nlines')")
    assert its.failure == "ValueError: two"
    assert is_well(worker)


def test_what_the_kernel_kills_is_said(worker: Worker, outcome: Callable[..., Outcome]) -> None:
    warm = list(worker._warm.values())
    assert outcome("os.kill(os.getpid(), signal.SIGKILL)").failure == KILLED
    assert is_well(worker)
    assert list(worker._warm.values()) == warm


def test_memory_that_runs_out_is_said(worker: Worker, outcome: Callable[..., Outcome]) -> None:
    assert outcome("torch.empty(2**58)").failure == OUT_OF_MEMORY
    assert is_well(worker)


def test_a_row_that_is_stuck_is_given_up(worker: Worker, outcome: Callable[..., Outcome]) -> None:
    its = outcome("time.sleep(1000)", limit_s=0.5)
    assert "longer than 0.5 s; raise --limit" in str(its.failure)
    assert its.spent_s < 60
    assert is_well(worker)  # in another warm process


def test_what_was_taken_until_the_limit_is_kept(outcome: Callable[..., Outcome]) -> None:
    its = outcome("if self.calls > 40: time.sleep(1000)\n        time.sleep(0.01)", limit_s=6.0)
    assert its.measurement is not None
    assert its.measurement.stopped == "budget"


@costly
def test_a_dead_warm_process_is_started_again(
    worker: Worker, outcome: Callable[..., Outcome], tmp_path: Path
) -> None:
    flag = tmp_path / "was"
    once = f"os.path.exists({str(flag)!r}) or (open({str(flag)!r}, 'w'), os.kill(os.getppid(), 9))"
    assert outcome(once).measurement is not None
    assert "died" in str(outcome("os.kill(os.getppid(), 9), time.sleep(5)").failure)
    assert is_well(worker)


def test_a_row_that_needs_more_memory_than_there_is_is_not_built(worker: Worker) -> None:
    its = worker.tried(replace(ROWS[0], height=16384, width=16384, part="stage 2")).outcome
    assert str(its.failure).startswith("needs ")
    assert str(its.failure).endswith(" free")


def test_a_row_without_a_closed_form_is_said(worker: Worker) -> None:
    its = worker.tried(replace(ROWS[0], model="gone.toml")).outcome
    assert "gone.toml" in str(its.failure)


def test_a_device_that_is_not_there_is_said(worker: Worker) -> None:
    tried = worker.tried(replace(ROWS[0], device="cuda:77"))
    assert "cuda:77" in str(tried.outcome.failure)
    assert "cuda:77" in tried.environment.device


@pytest.mark.parametrize(
    "words", [{"budget_s": 0.0}, {"limit_s": -1.0}, {"budget_s": float("nan")}]
)
def test_a_time_that_cannot_be_is_refused(words: dict[str, float]) -> None:
    with pytest.raises(SpecError):
        Timing(**words)


# The loop, with a worker that times nothing.


class Fake(Worker):
    """A worker that gives what a test wants, and counts what it was asked."""

    outcomes: Callable[[Planned], Outcome]
    references: list[float]

    def tried(self, planned: Planned, seed: int = 0) -> Tried:
        return Tried(ENVIRONMENT, "here", Fake.outcomes(planned))

    def reference(self, device: str) -> Tried:
        Fake.references.append(time.monotonic())
        taken = Measurement((1e-3 * len(Fake.references),))
        return Tried(ENVIRONMENT, "here", Outcome(taken, is_reference=True))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(measuring, "Worker", Fake)
    Fake.outcomes = lambda planned: Outcome(Measurement((planned.height * 1e-5,)), spent_s=0.1)
    Fake.references = []
    with Store.open(tmp_path / "s.sqlite", create=True) as opened:
        opened.add(ROWS, 0)
        yield opened


def test_every_row_is_measured_once_and_its_figure_is_its_own(store: Store) -> None:
    its = sweep(store, Sweeping())
    assert (its.done, its.failed, its.left) == (len(ROWS), 0, 0)
    for row in store.rows():
        assert row.latency_s == row.planned.height * 1e-5
    assert sweep(store, Sweeping()) == its
    assert [row.tries for row in store.rows()] == [1] * len(ROWS)


def test_again_is_another_sample_of_every_row(store: Store) -> None:
    sweep(store, Sweeping())
    store.measure_again(ROWS)
    sweep(store, Sweeping())
    assert [row.tries for row in store.rows()] == [2] * len(ROWS)


def test_without_an_axis_a_sweep_is_of_the_rows_of_the_store(store: Store) -> None:
    made = entry.sweep(out=store.path)
    assert (made.rows, made.done, made.left) == (len(ROWS), len(ROWS), 0)
    made = entry.sweep(out=store.path, again=True)
    assert [row.tries for row in store.rows()] == [2] * len(ROWS)


def test_a_failure_ends_nothing(store: Store) -> None:
    Fake.outcomes = lambda planned: Outcome(failure="no", spent_s=0.1)
    its = sweep(store, Sweeping())
    assert (its.done, its.failed, its.left) == (0, len(ROWS), 0)


def test_the_reference_is_timed_now_and_then_and_drift_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "SAY_S", 0.0)
    told: list[str] = []
    sweep(store, Sweeping(reference_s=1e-9), told.append)
    assert len(Fake.references) == len(store.reference_s()) == len(ROWS) + 1
    assert told[0].startswith(f"1 of {len(ROWS)} rows, about 1 s left")
    assert told[-1] == f"{len(ROWS)} of {len(ROWS)} rows, the machine's drift is +1000.0%"


def test_the_time_that_is_left_is_shared_by_all_who_measure(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "SAY_S", 0.0)
    Fake.outcomes = lambda planned: Outcome(Measurement((1e-3,)), spent_s=100.0)
    told: list[str] = []
    with Store.open(store.path) as other:
        other.lease("other")
        sweep(store, Sweeping(), told.append)
    assert told[0] == f"1 of {len(ROWS)} rows, about {50 * (len(ROWS) - 1) / 60:.0f} min left"


def test_the_reference_can_be_left_out(store: Store) -> None:
    sweep(store, Sweeping(reference_s=0))
    assert store.reference_s() == []


def test_ctrl_c_is_one_line_and_gives_the_row_back(store: Store) -> None:
    def interrupt(planned: Planned) -> Outcome:
        if store.progress().done == 3:
            raise KeyboardInterrupt
        return Outcome(Measurement((1e-3,)), spent_s=0.1)

    Fake.outcomes = interrupt
    with pytest.raises(RunInterruptedError, match=f"3 of {len(ROWS)} rows are in .*s.sqlite"):
        sweep(store, Sweeping())
    its = store.progress()
    assert (its.done, its.left, its.workers) == (3, len(ROWS) - 3, 0)


def test_a_store_that_cannot_grow_ends_the_sweep_and_keeps_the_rest(store: Store) -> None:
    filled: list[int] = []

    def fill(planned: Planned) -> Outcome:
        if store.progress().done == 3 and not filled:
            filled.append(3)
            (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
            store.connection.execute(f"PRAGMA max_page_count = {pages}")
        return Outcome(Measurement((1e-3,) * 5000), spent_s=0.1)

    Fake.outcomes = fill
    with pytest.raises(StoreError, match="disk is full"):
        sweep(store, Sweeping())
    assert store.progress().done >= 3
    store.connection.execute("PRAGMA max_page_count = 100000")
    store.connection.execute("DELETE FROM lease")  # as whoever sees that the sweep is gone
    assert sweep(store, Sweeping()).done == len(ROWS)


def test_rows_of_a_device_that_is_not_here_are_left_for_another_machine(store: Store) -> None:
    store.add([replace(ROWS[0], device="cuda:77")], 0)
    told: list[str] = []
    its = sweep(store, Sweeping(), told.append)
    assert (its.done, its.failed, its.left) == (len(ROWS), 0, 1)
    assert "cuda:77" in told[0]
    assert its.notes == (told[0],)  # which the next line of progress replaces


def test_a_sweep_for_a_device_that_is_not_here_is_refused(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s.sqlite", create=True) as store:
        store.add([replace(ROWS[0], device="cuda:77")], 0)
        with pytest.raises(UnavailableError, match="cuda:77"):
            sweep(store, Sweeping())
        assert store.progress().left == 1


def test_progress_is_said_in_words() -> None:
    its = Progress(rows=10, done=4, failed=1, refused=1, left=4, row_s=30.0, workers=2)
    assert said(its) == "6 of 10 rows, 1 failed, 1 have no closed form, about 60 s left"
