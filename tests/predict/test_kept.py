"""A calibration of a busy machine replaces no better one, says so, and marks predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pvtprof.cli import app
from pvtprof.observe.environment import without_torch
from pvtprof.predict import calibration, kept
from pvtprof.predict.calibration import Calibration
from pvtprof.report import sentences, terminal_full
from pvtprof.run.compare import compare, workloads
from pvtprof.run.measuring import Measuring
from tests.builders import made_up_calibration

CALM = made_up_calibration()
NOISY = replace(
    CALM, quality={kind: replace(found, noise=0.145) for kind, found in CALM.quality.items()}
)
WAITED = replace(CALM, waited=0.4)


@pytest.mark.parametrize(
    ("found", "is_doubtful"),
    [(CALM, False), (replace(CALM, waited=0.02), False), (NOISY, True), (WAITED, True)],
)
def test_a_busy_machine_is_told_from_a_calm_one(found: Calibration, is_doubtful: bool) -> None:
    assert found.is_doubtful is is_doubtful
    assert found.around("model", 1.0).is_doubtful is is_doubtful


@pytest.mark.parametrize("busy", [NOISY, WAITED])
def test_one_of_a_busy_machine_replaces_no_better_one(busy: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    assert kept.keep(CALM, path) == f"Wrote {path}"
    said = kept.keep(busy, path)
    assert f"the calibration of {CALM.environment.date} in {path} is better and stays" in said
    assert calibration.load(path) == CALM
    assert kept.keep(busy, path, force=True).startswith(f"Wrote {path}: the calibration was made")
    assert calibration.load(path) == busy
    assert kept.keep(CALM, path) == f"Wrote {path}"  # offered again, and taken
    assert calibration.load(path) == CALM


def test_one_of_a_busy_machine_replaces_what_is_no_better(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    for there in (NOISY, replace(CALM, environment=replace(CALM.environment, device="another"))):
        calibration.save(there, path)
        assert kept.keep(WAITED, path).startswith(f"Wrote {path}: ")
        assert calibration.load(path) == WAITED


def test_its_predictions_are_marked_and_said_to_be() -> None:
    for found, marks in ((CALM, 0), (NOISY, 15)):
        run = compare(
            workloads(img=64, sr_ratios=(2, 2, 1, 1)), Measuring(), analytic=True, calibration=found
        )
        assert terminal_full.render(run, 200).count(" ms ?") == marks
        said = [line for line in sentences.doubts(run) if "pvtprof calibrate" in line]
        assert len(said) == bool(marks)


@pytest.mark.parametrize(("found", "said"), [(CALM, ""), (NOISY, "made on a busy machine")])
def test_whoever_reads_it_is_told(
    found: Calibration,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    path = kept.default_path("cpu", "float32")
    calibration.save(replace(found, environment=without_torch("cpu")), path)
    assert said in kept.kept_calibration("cpu", "float32", "inference")[1]
    words = ["choose", "--model", "pvt_v2_b0", "--img", "64", "--device", "cpu"]
    assert app.main([*words, "--calibration", str(path)]) == 0
    assert said in capsys.readouterr().err


def test_calibrate_shows_its_result_though_it_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder" / "c.json"

    def measured(*_: Any, **__: Any) -> Calibration:
        path.parent.write_text("somebody made a file of this name meanwhile")
        return CALM

    monkeypatch.setattr("pvtprof.predict.calibrate.calibrate", measured)
    assert app.main(["calibrate", "-o", str(path)]) == 2
    out, err = capsys.readouterr()
    assert "GEMM" in out or "model" in out
    elsewhere = err.partition("it is in ")[2].partition(" instead")[0]
    assert calibration.load(elsewhere) == CALM
    Path(elsewhere).unlink()
