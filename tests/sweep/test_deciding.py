"""`choose --from`: measured times in place of predictions, of one machine, and it says so."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import pytest

import pvtprof
from pvtprof.cli import app
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.errors import RunInterruptedError, SpecError, StoreError, UnavailableError
from pvtprof.observe.measurement import Measurement
from pvtprof.predict import calibration as calibrations
from pvtprof.predict.choose import Found, evaluated
from pvtprof.predict.search import Search
from pvtprof.predict.wanted import key_of
from pvtprof.sweep.deciding import Question, decide, halved_notes
from pvtprof.sweep.known import dumped, known, options_of, planned_of, stored_calibration
from pvtprof.sweep.machines import machines, this_one
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import Outcome, machine_of
from pvtprof.sweep.telling import measured
from tests.builders import made_up_calibration
from tests.sweep.drawn import HERE, Drawn, filled, here
from tests.trials import ALL

BASE = replace(made_up_calibration(), environment=HERE)
SETTING = Setting(64, 64)
WORDS = Planned("pvt_v2_b0", "", 0, 0, (), 7)
SMALL = {"pool_sizes": (7,), "sr_ratios": (4, 2, 2, 1)}


@pytest.fixture(autouse=True)
def calibrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up calibration of this machine, kept where pvtprof looks for it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    from pvtprof.predict.kept import kept_path

    path = kept_path("cpu", "float32")
    calibrations.save(BASE, path)
    return path


def truth(factor: Callable[[Planned], float]) -> Callable[[Planned], float]:
    """Times that are predictions times a factor."""

    def seconds(planned: Planned) -> float:
        spec = planned.workload.designs[0].spec
        return evaluated(spec, SETTING, BASE, options_of(spec)).latency.seconds * factor(planned)

    return seconds


def of(*options: tuple[str, int], pool_size: int = 0) -> Planned:
    return planned_of((options, pool_size), SETTING, WORDS)


PLAIN = ("sra_conv", 1)
ROWS = [
    of(PLAIN, PLAIN, PLAIN, PLAIN),
    of(("sra_conv", 4), ("sra_conv", 2), ("sra_conv", 2), PLAIN),
    of(("sra_pool", 1), PLAIN, PLAIN, PLAIN, pool_size=7),
    of(("sra_conv", 4), PLAIN, PLAIN, PLAIN),
]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "night.sqlite"
    filled(path, ROWS, Drawn(truth(lambda planned: 2.0), 1e-4))
    return path


def chosen(path: Path, **words: object) -> Found:
    return pvtprof.open(path).choose("pvt_v2_b0", 64, **{"device": "cpu", **SMALL, **words})


def test_what_was_measured_is_measured_and_the_rest_predicted(store: Path) -> None:
    found = chosen(store)
    by_key = {key_of(d.options, d.pool_size): d for d in found.front}
    keys = [key_of(options_of(s), 7) for s in (row.workload.designs[0].spec for row in ROWS)]
    shown = [key for key in keys if key in by_key]
    assert shown
    assert all(by_key[key].is_measured for key in shown)
    assert {d.is_measured for d in found.front} == {True, False}


def test_predictions_are_corrected_by_what_was_measured(store: Path) -> None:
    found = chosen(store)
    for design in found.front:
        pooled = replace(found.model, pool_size=design.pool_size)
        plain = evaluated(pooled, SETTING, BASE, design.options).latency.seconds
        assert design.latency.seconds / plain == pytest.approx(2.0, rel=0.01)
    assert "times 2.00" in " ".join(found.notes)


def test_a_measured_design_that_is_slow_is_not_chosen(tmp_path: Path) -> None:
    path = tmp_path / "slow.sqlite"
    best = chosen_alone().front[0]
    slow = planned_of(key_of(best.options, best.pool_size), SETTING, WORDS)
    filled(path, [*ROWS, slow], Drawn(truth(lambda one: 50.0 if one == slow else 1.0), 1e-4))
    found = chosen(path)
    assert key_of(found.front[0].options, 0) != key_of(best.options, 0)


def chosen_alone() -> Found:
    return pvtprof.choose("pvt_v2_b0", 64, device="cpu", calibration=BASE, **SMALL)


def test_times_of_another_machine_are_not_taken_unasked(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    other = here(device="Another Processor, 64 cores")
    filled(path, ROWS, Drawn(truth(lambda planned: 3.0), 1e-4), other)
    with pytest.raises(SpecError, match=r"of this machine.*--machine: .*Another Processor"):
        chosen(path)
    found = chosen(path, machine=machine_of(other)[:4])
    assert all(design.is_measured for design in found.front)
    assert "nothing predicts its latency" in " ".join(found.notes)


def test_machines_that_differ_in_their_threads_alone_are_told_apart(store: Path) -> None:
    """Without torch it cannot be told which of them this one is: it is asked, or torch says."""
    other = here(threads=(HERE.threads or 1) + 1)
    filled(store, [replace(ROWS[1], pool_size=5)], Drawn(lambda planned: 1.0), other)
    with pytest.raises(SpecError, match=r"2 machines of the store are like this one.*--machine"):
        chosen(store)
    assert all(d.latency.seconds < 1 for d in chosen(store, machine=machine_of(HERE)).front)
    with Store.open(store) as opened:
        found = machines(opened.connection)
    assert str(this_one(found, "cpu")).startswith(machine_of(HERE))
    assert this_one([one for one in found if one.name == machine_of(other)], "cpu") is None


def test_two_machines_are_never_mixed(store: Path) -> None:
    other = here(device="Another Processor, 64 cores")
    filled(
        store,
        [of(("sra_conv", 4), ("sra_conv", 2), PLAIN, PLAIN)],
        Drawn(truth(lambda _: 0.1)),
        other,
    )
    assert min(d.latency.seconds for d in chosen(store).front if d.is_measured) > 1.5 * min(
        truth(lambda _: 1.0)(row) for row in ROWS
    )


def test_rows_of_other_settings_and_networks_do_not_count(store: Path) -> None:
    filled(
        store,
        [
            replace(ROWS[0], batch=2),
            replace(ROWS[0], model="pvt_v2_b1"),
            replace(ROWS[0], part="stage 1"),
        ],
        Drawn(lambda planned: 1e-9),
    )
    assert min(d.latency.seconds for d in chosen(store).front) > 1e-6


def test_several_numbers_of_threads_are_told_apart(store: Path) -> None:
    filled(store, [replace(ROWS[0], threads=2)], Drawn(lambda planned: 1e-9))
    with pytest.raises(SpecError, match="--threads"):
        chosen(store)
    assert min(d.latency.seconds for d in chosen(store, threads=0).front) > 1e-6
    assert chosen(store, threads=2).front[0].latency.seconds == pytest.approx(1e-9, rel=0.1)


def test_a_fit_of_another_number_of_threads_predicts_nothing(store: Path) -> None:
    own = HERE.threads or 1
    with Store.open(store) as opened, opened.transaction() as db:
        for threads in (own + 1, own, own + 2):
            one = replace(BASE, environment=here(threads=threads), scale=float(threads))
            words = (machine_of(HERE), "float32", "", dumped(one))
            db.execute("INSERT INTO calibration VALUES (?, ?, ?, ?)", words)
        found = {
            threads: stored_calibration(db, machine_of(HERE), "float32", threads)
            for threads in (own, own + 2, own + 3, 0, None)
        }
    scales = {threads: one and one.scale for threads, one in found.items()}
    assert scales == {own: own, own + 2: own + 2, own + 3: None, 0: own + 2, None: own + 2}


def test_limits_hold_for_measured_times_too(store: Path) -> None:
    with pytest.raises(SpecError, match="is within these limits"):
        chosen(store, within_s=1e-9)


def test_a_store_without_times_says_how_to_measure(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    filled(path, [], Drawn(lambda planned: 1.0))
    with pytest.raises(StoreError, match="--measure 40"):
        chosen(path)


def question() -> Question:
    search = Search(sr_ratios=(4, 2, 2, 1), pool_sizes=(7,))
    return Question("pvt_v2_b0", (), MODELS["pvt_v2_b0"], SETTING, search, device="cpu")


@pytest.mark.parametrize("seed", range(5 if ALL else 1))
def test_measuring_finds_the_fastest_of_all_designs(tmp_path: Path, seed: int) -> None:
    def wrong(planned: Planned) -> float:  # predictions are wrong by 4 % here
        return random.Random(f"{seed} {planned.key}").lognormvariate(0.3, 0.04)

    path, drawn = tmp_path / "new.sqlite", Drawn(truth(wrong), seed=seed)
    asked = question()
    done = measured(path, asked, 40, drawn)
    true = sorted(truth(wrong)(one.what) for one in done.candidates)
    assert truth(wrong)(done.best.what) <= 1.03 * true[0]
    assert drawn.tries == 1 + done.used <= 1 + 40  # the first is of the row beside
    found = decide(path, asked)
    stored = pvtprof.open(path).to_frame()
    assert stored["tries"].sum() == done.used
    assert any(design.is_measured for design in found.front)


def test_a_machine_that_was_slow_meanwhile_makes_no_design_slow(tmp_path: Path) -> None:
    path, true = tmp_path / "paired.sqlite", truth(lambda planned: 2.0)
    slow = dict(zip(ROWS, (1.0, 1.5, 0.7, 1.2), strict=True))

    def attempt(planned: Planned, budget_s: float) -> object:
        samples, beside = (slow[planned] * true(planned),) * 8, (slow[planned] * 1e-3,) * 8
        return SimpleNamespace(outcome=Outcome(Measurement(samples, series={"beside": beside})))

    filled(path, ROWS, attempt)
    with Store.open(path) as store:
        found = known(store.connection, MODELS["pvt_v2_b0"], SETTING, machine_of(HERE))
    assert found.paired == len(found.times) == len(ROWS)
    for row in ROWS:
        time = found.times[key_of(options_of(row.workload.designs[0].spec), row.pool_size)]
        assert time.seconds == pytest.approx(median(slow.values()) * true(row))
        assert time.low < time.seconds < time.high


def test_what_a_sweep_timed_in_a_quick_hour_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "quick.sqlite"
    filled(path, ROWS, Drawn(truth(lambda planned: 0.5), 1e-4))
    drawn = Drawn(truth(lambda planned: 1.0), 1e-4)
    done = measured(path, question(), 12, drawn)
    true = min(truth(lambda planned: 1.0)(one.what) for one in done.candidates)
    assert truth(lambda planned: 1.0)(done.best.what) <= 1.01 * true
    assert all(one.beside_s for its in done.measured for one in its.measured)
    assert "timed alone, by a sweep" in " ".join(decide(path, question()).notes)


def test_the_note_and_the_table_say_the_same_time(tmp_path: Path) -> None:
    path, drawn = tmp_path / "new.sqlite", Drawn(truth(lambda planned: 1.0))
    measured(path, replace(question(), search=Search(only=("mha",))), 3, drawn)
    done = measured(path, question(), 12, drawn)
    found = {key_of(d.options, d.pool_size): d.latency for d in decide(path, question()).front}
    spec = done.best.what.workload.designs[0].spec
    assert found[key_of(options_of(spec), spec.pool_size)].seconds == done.best.seconds


def test_a_row_beside_that_fails_is_no_candidates_fault(tmp_path: Path) -> None:
    def attempt(planned: Planned, budget_s: float, beside: Planned) -> Any:
        return SimpleNamespace(outcome=Outcome(failure="ran out of memory"))

    path = tmp_path / "new.sqlite"
    with pytest.raises(UnavailableError, match=r"network pooled throughout.*ran out of memory"):
        measured(path, question(), 8, attempt)
    assert len(pvtprof.open(path).to_frame()) == 0


def test_every_candidate_is_timed_beside_the_pooled_network(tmp_path: Path) -> None:
    drawn, seen = Drawn(truth(lambda planned: 1.0)), set()

    def attempt(planned: Planned, budget_s: float, beside: Planned) -> Any:
        seen.add(beside)
        return drawn(planned, budget_s)

    measured(tmp_path / "new.sqlite", question(), 4, attempt)
    (beside,) = seen
    spec = beside.workload.designs[0].spec
    assert [stage.runs_as for stage in spec.stages] == ["sra_pool"] * 4
    assert (beside.height, beside.width) == SETTING.image


def test_ctrl_c_keeps_what_was_measured_and_says_so(tmp_path: Path) -> None:
    drawn = Drawn(truth(lambda planned: 1.0))

    def attempt(planned: Planned, budget_s: float, beside: Planned) -> Any:
        if drawn.tries == 4:  # the row beside, and three
            raise KeyboardInterrupt
        return drawn(planned, budget_s)

    path = tmp_path / "new.sqlite"
    with pytest.raises(RunInterruptedError, match=r"what was measured is in .*new\.sqlite"):
        measured(path, question(), 8, attempt)
    stored = pvtprof.open(path).to_frame()
    assert stored["latency_s"].notna().sum() == 3
    assert measured(path, question(), 8, drawn).measured


def test_measuring_goes_on_with_what_was_measured_so_before(tmp_path: Path) -> None:
    path, drawn = tmp_path / "new.sqlite", Drawn(truth(lambda planned: 1.0), 1e-4)
    first = measured(path, question(), 6, drawn)
    again = measured(path, question(), 12, drawn)
    before = {one.what for one in first.measured}
    assert before <= {one.what for one in again.measured}
    stored = pvtprof.open(path).to_frame()
    assert len(stored) == len(again.measured)
    assert stored["tries"].sum() == first.used + again.used


def test_measuring_takes_no_row_of_another_device(tmp_path: Path) -> None:
    path, drawn = tmp_path / "new.sqlite", Drawn(truth(lambda planned: 1.0))
    with Store.open(path, create=True) as store:
        store.add([replace(row, device="cuda") for row in ROWS], 0)
    done = measured(path, replace(question(), search=Search(only=("mha",))), 3, drawn)
    (said,) = halved_notes(done, 1.0, "new.sqlite")
    assert said.startswith(
        "1 measurement of 1 design in 1 s, all in new.sqlite: the fastest is mha"
    )
    assert said.endswith(", and no other was measured.")
    assert {one.what.device for one in done.candidates} == {"cpu"}


def test_a_row_that_fails_is_recorded_and_ends_nothing(tmp_path: Path) -> None:
    drawn = Drawn(truth(lambda planned: 1.0))
    count = iter(range(1000))

    def attempt(planned: Planned, budget_s: float, beside: Planned) -> object:
        found = drawn(planned, budget_s)
        if next(count) == 1:
            found.outcome = replace(found.outcome, measurement=None, failure="ran out of memory")
        return found

    path = tmp_path / "new.sqlite"
    done = measured(path, question(), 8, attempt)  # type: ignore[arg-type]
    assert [one.failure for one in done.candidates if one.failure] == ["ran out of memory"]
    assert pvtprof.open(path).to_frame()["failure"].dropna().tolist() == ["ran out of memory"]


def test_the_command_says_measured_or_predicted_in_every_line(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    words = [
        "choose",
        "--from",
        str(store),
        "--img",
        "64",
        "--model",
        "pvt_v2_b0",
        "--device",
        "cpu",
    ]
    words += ["--pool-size", "7", "--R", "4,2,2,1"]
    assert app.main([*words, "--format", "json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert {record["latency_by"] for record in records} == {"measured", "predicted"}
    assert app.main([*words, "-o", str(page)]) == 0
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if "MiB" in line]
    assert lines
    assert all("measured" in line or "predicted" in line for line in lines)
    assert "4 designs of this network in this setting measured" in " ".join(out.split())
    assert ">measured<" in page.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--measure", "3"], "give --from STORE"),
        (["--machine", "a"], "give --from STORE"),
        (["--threads", "1"], "give --from STORE"),
        (["--from", "none.sqlite"], "there is no none.sqlite"),
        (["--from", "{store}", "--machine", "zz"], "names none of the store's machines"),
        (["--from", "{store}", "--machine", "zz", "--measure", "3"], "measures on this machine"),
        (["--from", "{store}", "--measure", "0"], "--measure"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_line(
    store: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(store=store) for word in words]
    assert app.main(["choose", "--img", "64", "--device", "cpu", *given]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
