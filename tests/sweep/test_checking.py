"""`pvtprof check STORE`: every exact figure of a sweep again, and the times of a few rows."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace, TracebackType

import pytest

import pvtprof
from pvtprof.check import stored_sweep
from pvtprof.check.judgement import CANNOT_TELL, FASTER, SAME, SLOWER
from pvtprof.check.request import Timing
from pvtprof.cli import app
from pvtprof.observe.measurement import Measurement
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import Outcome
from tests.sweep.drawn import HERE, Drawn, filled, here

ROWS = [
    Planned("pvt_v2_b0", design, side, side, (2, 1, 1, 1), 7)
    for side in (32, 64)
    for design in ("mha", "sra_conv", "sra_pool")
]
REFUSED = Planned("pvt_v2_b0", "sra_conv", 32, 32, (16, 1, 1, 1), 7)


def seconds(planned: Planned) -> float:
    return 1e-5 * planned.height


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "night.sqlite"
    filled(path, [*ROWS, REFUSED], Drawn(seconds))
    with Store.open(path) as one:
        one.record(None, "drawn", HERE, reference(1e-3))
    return path


def reference(median_s: float) -> Outcome:
    return Outcome(Measurement((median_s,) * 9), is_reference=True)


def changed(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute(sql)


@dataclass
class Fake:
    """A worker on a machine where everything takes ``factor`` of the time, rows ``slower``."""

    factor: float = 1.0
    slower: float = 1.0
    noise: float = 0.005

    def __call__(self, timing: object) -> Fake:
        return self

    def __enter__(self) -> Fake:
        return self

    def __exit__(self, a: type | None, b: BaseException | None, c: TracebackType | None) -> None:
        return None

    def tried(self, planned: Planned, seed: int) -> SimpleNamespace:
        drawn = Drawn(lambda one: self.factor * self.slower * seconds(one), self.noise, seed)
        return drawn(planned, 0.5)

    def reference(self, device: str) -> SimpleNamespace:
        chance = random.Random(1)
        return SimpleNamespace(outcome=reference(self.factor * 1e-3 * chance.uniform(0.999, 1.001)))


def verdict(
    path: Path, worker: Fake, monkeypatch: pytest.MonkeyPatch, required: bool = False
) -> str:
    monkeypatch.setattr(stored_sweep, "Worker", worker)
    timing = Timing(tolerance=0.1)
    return stored_sweep.times(str(path), required, timing, lambda text: None).text


def test_nothing_changed(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stored_sweep, "Worker", Fake())
    assert app.main(["check", str(store)]) == 0
    out = capsys.readouterr().out
    assert f"no exact figure of 7 rows of {store} changed" in out
    assert f"no row of 3 is slower than {store}" in out


@pytest.mark.parametrize("column", stored_sweep.EXACT)
def test_one_more_in_any_figure_fails(
    store: Path, column: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stored_sweep, "Worker", Fake())
    changed(
        store, f"UPDATE \"row\" SET {column} = {column} + 1 WHERE design = 'mha' AND height = 64"
    )
    assert app.main(["check", str(store)]) == 1
    out = capsys.readouterr().out
    assert (
        f"pvt_v2_b0 mha R 1,1,1,1 pool 7 model 64 batch 1 float32: {column.replace('_', ' ')}: "
        in (out.replace("R 2,1,1,1", "R 1,1,1,1"))
    )
    assert "check: 1 exact figure of 1 of 7 rows" in out


def test_rows_that_differ_in_any_word_have_names_of_their_own() -> None:
    more = {"attention": "sdpa", "mode": "training", "task": "fpn", "threads": 2, "device": "cuda"}
    more |= {"changes": ("depths=1,1,1,1",), "content": "1a2b", "part": "stage 1"}
    rows = [ROWS[0], *(replace(ROWS[0], **{name: value}) for name, value in more.items())]
    assert len({stored_sweep.named_in_words(row) for row in rows}) == len(rows)


def test_a_figure_that_no_column_can_hold_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "large.sqlite"
    with Store.open(path, create=True) as store:
        store.add([replace(ROWS[0], height=16384, width=16384, batch=4096, part="stage 1")], 0)
        assert "64 bits" in str(next(store.rows()).failure)
    assert "no exact figure of 1 row of" in stored_sweep.exact(str(path), lambda text: None).text


def test_a_row_that_had_no_closed_form_and_one_that_has_none_now_are_told(store: Path) -> None:
    changed(store, "UPDATE \"row\" SET refused = 'too small' WHERE design = 'mha' AND height = 32")
    changed(store, "UPDATE \"row\" SET refused = NULL WHERE refused LIKE '%R 16%'")
    text = stored_sweep.exact(str(store), lambda text: None).text
    assert "had no closed form (too small), and has one now" in text
    assert "had figures, and has no closed form now: stage 1: R 16 is larger" in text


@pytest.mark.parametrize(
    ("worker", "word"),
    [
        (Fake(), SAME),
        (Fake(factor=1.5), SAME),  # the machine as a whole, as the reference says
        (Fake(slower=1.3), SLOWER),
        (Fake(slower=0.7), FASTER),
        (Fake(slower=1.09), CANNOT_TELL),
    ],
)
def test_times_are_judged_against_their_own_spread(
    store: Path, worker: Fake, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = verdict(store, worker, monkeypatch).splitlines()
    assert [f": {word}: " in line for line in lines] == [True] * 3 + [False]


def test_a_row_of_wide_spread_is_not_called_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "noisy.sqlite"
    filled(path, ROWS, Drawn(seconds, 1.0))
    assert f": {SLOWER}: " not in verdict(path, Fake(slower=1.3), monkeypatch)


@pytest.mark.parametrize("required", [True, False])
def test_times_of_another_machine_are_not_compared(tmp_path: Path, required: bool) -> None:
    path = tmp_path / "other.sqlite"
    filled(path, ROWS, Drawn(seconds), here(device="Another Processor"))
    words = ["check", str(path), *(["--require-latency"] if required else [])]
    assert app.main(words) == (3 if required else 0)


def test_a_store_without_rows_passes_no_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "empty.sqlite"
    Store.open(path, create=True).connection.close()
    assert app.main(["check", str(path)]) == 2
    assert "has no rows, so nothing can be compared" in capsys.readouterr().err


def test_a_check_writes_no_store(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = store.read_bytes()
    assert app.main(["check", str(store), "--update"]) == 2
    assert "is the store of a sweep, which no check writes" in capsys.readouterr().err
    assert app.main(["check", str(store), "--img", "64"]) == 2
    assert "says what runs" in capsys.readouterr().err
    assert store.read_bytes() == before


def test_the_function_takes_a_store_too(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_sweep, "Worker", Fake())
    assert pvtprof.check(str(store)).status == "passed"


def test_a_damaged_store_is_said_in_one_line(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.write_bytes(store.read_bytes()[:5000])
    Path(f"{store}-wal").unlink(missing_ok=True)
    assert app.main(["check", str(store)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
