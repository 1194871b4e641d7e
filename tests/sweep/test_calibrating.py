"""A calibration is fitted to the rows of a store: what they carry is found, and no more is said."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

import pvtprof
from pvtprof.cli import app
from pvtprof.errors import PvtprofError, SpecError
from pvtprof.predict import calibration as calibrations
from pvtprof.predict.calibration import Calibration
from pvtprof.sweep.calibrating import BY_KIND, EVERY, TOGETHER, UNCHANGED, fitted
from pvtprof.sweep.keeping import Source, calibrate_from
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.store import Store
from pvtprof.sweep.timed_rows import TimedRow, kernels_of
from tests.builders import made_up_calibration
from tests.sweep.drawn import HERE, Drawn, filled, here

BASE = replace(made_up_calibration(), environment=HERE)
DESIGNS = ("mha", "sra_conv", "sra_pool", "sra_conv,sra_pool,mha,mha")
ROWS = [
    Planned("pvt_v2_b0", design, side, side, (4, 2, 1, 1), 7, batch=batch)
    for side, batch, design in product((64, 96, 128), (1, 2), DESIGNS)
]


def with_factors(base: Calibration, **by_kind: float) -> Calibration:
    """A machine on which each kind of kernel takes another factor of time."""
    families = {
        name: replace(
            its, coefficients=tuple(by_kind.get(its.kind, 1.0) * one for one in its.coefficients)
        )
        for name, its in base.families.items()
    }
    return replace(base, families=families)


def timed(truth: Calibration, noise: float = 0.0) -> list[TimedRow]:
    chance = random.Random(1)
    found = []
    for planned in ROWS:
        kind, runs = kernels_of(planned)
        seconds = truth.seconds(runs) * (1 + chance.gauss(0, noise))
        found.append(TimedRow(planned, kind, runs, seconds, 0.01, 0.0))
    return found


def test_a_machine_that_is_slower_as_a_whole_is_found() -> None:
    slower = replace(BASE, scale=1.3 * BASE.scale, call_s=1.3 * BASE.call_s)
    found = fitted(timed(slower), BASE, "m")
    assert found.taken == TOGETHER
    assert list(found.factors.values()) == pytest.approx([1.3])
    assert found.errors[UNCHANGED] == pytest.approx(0.3 / 1.3)
    assert found.errors[TOGETHER] < 1e-6


def test_kinds_of_kernels_that_the_rows_carry_get_factors_of_their_own() -> None:
    truth = with_factors(replace(BASE, call_s=0.0), product=1.5, convolution=0.8)
    found = fitted(timed(truth), replace(BASE, call_s=0.0), "m")
    assert found.errors[BY_KIND] < found.errors[TOGETHER]
    assert found.errors[found.taken] < 0.01 < found.errors[UNCHANGED]
    for planned in (ROWS[0], ROWS[-1]):
        _, runs = kernels_of(planned)
        assert found.calibration.seconds(runs) == pytest.approx(truth.seconds(runs), rel=0.01)


def test_times_that_are_met_already_change_nothing() -> None:
    found = fitted(timed(BASE, noise=0.01), BASE, "m")
    assert found.taken in (UNCHANGED, TOGETHER)
    assert found.errors[found.taken] < 0.02


def test_few_rows_carry_no_fit_of_every_coefficient() -> None:
    assert EVERY not in fitted(timed(BASE), BASE, "m").errors


def test_what_was_held_out_is_the_quality() -> None:
    slower = replace(BASE, scale=1.3 * BASE.scale, call_s=1.3 * BASE.call_s)
    found = fitted(timed(slower, noise=0.02), BASE, "m")
    quality = found.calibration.quality["model"]
    assert quality.count == len(ROWS)
    assert quality.error == pytest.approx(found.errors[found.taken])
    assert 0.9 < quality.low < 1 < quality.high < 1.1
    assert found.calibration.quality["attention"] == BASE.quality["attention"]


def test_a_gpu_gets_one_factor() -> None:
    found = fitted(timed(BASE), replace(BASE, overlaps=True), "m")
    assert set(found.errors) == {UNCHANGED, TOGETHER}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "night.sqlite"
    slower = replace(BASE, scale=1.4 * BASE.scale, call_s=1.4 * BASE.call_s)
    filled(path, ROWS[:12], Drawn(lambda planned: slower.seconds(kernels_of(planned)[1]), 1e-4))
    calibrations.save(replace(BASE, environment=here()), tmp_path / "base.json")
    return path


def test_a_store_keeps_its_fit_and_its_predictions(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = store.with_name("base.json")
    written = store.with_name("fit.json")
    command = ["calibrate", "--from", str(store), "--calibration", str(base), "-o", str(written)]
    assert app.main(command) == 0
    said = capsys.readouterr()
    assert "one factor: 0.0" in said.out
    assert "all 1.40" in said.out
    assert said.err.splitlines() == [f"Wrote {store}", f"Wrote {written}"]
    found = pvtprof.open(store).to_frame()
    assert (found["predicted_s"] / found["latency_s"]).tolist() == pytest.approx([1] * 12, rel=0.01)
    assert calibrations.load(written).quality["model"].count == 12


def test_a_prediction_is_of_one_machine_device_and_number_of_threads(store: Path) -> None:
    row, own = ROWS[12], HERE.threads or 1
    like = [row, replace(row, threads=own)]
    others = [replace(row, threads=own + 1), replace(row, device="cuda")]
    with Store.open(store) as opened:
        opened.add([*like, *others], 0)
    calibrate_from(store, Source(base=store.with_name("base.json")))
    assert predicted(store, like) == [True, True]
    assert predicted(store, others) == [False, False]
    filled(store, [], Drawn(lambda planned: 1.0), here(device="Another Processor"))
    assert predicted(store, like) == [False, False]  # beside the other machine's times
    assert predicted(store, ROWS[:12]) == [True] * 12


def predicted(path: Path, rows: list[Planned]) -> list[bool]:
    """Whether rows of a store have a prediction."""
    with Store.open(path, read_only=True) as opened:
        found = {row.planned: row.predicted_s is not None for row in opened.rows()}
    return [found[row] for row in rows]


def test_a_second_fit_begins_with_the_first(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(store.parent))  # where no calibration is kept
    with pytest.raises(
        SpecError, match="a fit to whole networks begins with a calibration of their machine"
    ):
        calibrate_from(store)
    assert calibrate_from(store, Source(base=store.with_name("base.json"))).taken == TOGETHER
    assert calibrate_from(store).taken == UNCHANGED


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dtype", "bfloat16"], "no times of bfloat16 networks"),
        (["--threads", "64"], "with 64 threads"),
        (["--machine", "zz"], "names none of the store's machines"),
        (["--budget", "3"], "--from measures nothing"),
        (["--calibration", "none.json"], "there is no calibration at none.json"),
    ],
)
def test_what_cannot_be_fitted_is_said(
    store: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["calibrate", "--from", str(store), *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(PvtprofError, match="a fit takes the times of 10 networks or more"):
        fitted(timed(BASE)[:9], BASE, "m")
