"""The Python API: the command line's equal, and the same whatever was imported before."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import pvtprof
from pvtprof.cli import app
from pvtprof.errors import SpecError, StoreError
from pvtprof.observe.environment import environment
from pvtprof.predict import calibration, kept
from tests.builders import made_up_calibration
from tests.trials import PATIENCE_S

DESIGNS = "tests.targets.designs"


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where this machine's calibration is kept: nowhere yet."""
    path = tmp_path / "mine.json"
    monkeypatch.setattr(kept, "default_path", lambda device, dtype: path)
    return path


def test_every_command_is_a_function_with_an_example() -> None:
    for name in {*app.command_names()} - {"report", "query"}:  # Run.to_html, open(...).query
        assert name in pvtprof.__all__
        assert ">>> " in (inspect.getdoc(getattr(pvtprof.api, name)) or ""), name


def test_a_name_of_a_room_is_a_function_whatever_was_imported_before() -> None:
    """In one fresh interpreter: pvtprof is forgotten in between, what it stands on is kept."""
    first = ["", "import pvtprof.check.gates", "import pvtprof.models.build", "import pvtprof.api"]
    code = (
        "import pvtprof\nfrom pvtprof import check, models\n"
        "assert models(224) == pvtprof.models(224) and len(models(224)) == 11\n"
        "from pvtprof.models import build\nimport pvtprof.check.case as case\n"
        "assert case.PASSED and pvtprof.models.build is build and callable(check)\n"
        "import inspect\nassert 'baseline' in inspect.signature(check).parameters\n"
        "import sys\n"
        "for name in [name for name in sys.modules if name.split('.')[0] == 'pvtprof']:\n"
        "    del sys.modules[name]\n"
    )
    whole = "".join(f"{line}\n{code}" for line in first)
    subprocess.run([sys.executable, "-c", whole], check=True, timeout=PATIENCE_S)


def test_analytic_compare_predicts_where_a_calibration_is_kept(mine: Path) -> None:
    assert pvtprof.compare(analytic=True).ceilings is None
    here = replace(made_up_calibration(), environment=environment("cpu"))
    calibration.save(here, mine)
    assert all(row.predicted for row in pvtprof.compare(analytic=True).rows)
    assert not any(row.predicted for row in pvtprof.compare(analytic=True, mode="training").rows)
    calibration.save(made_up_calibration(), mine)
    with pytest.warns(UserWarning, match="latency is not predicted: .* another environment"):
        run = pvtprof.compare(analytic=True)
    assert run.ceilings is None


def test_choose_takes_the_calibration_that_is_kept(mine: Path) -> None:
    with pytest.raises(StoreError, match="there is no calibration at"):
        pvtprof.choose("pvt_v2_b0", 64, device="cpu")
    here = replace(made_up_calibration(), environment=environment("cpu"))
    calibration.save(here, mine)
    kept = pvtprof.choose("pvt_v2_b0", 64, device="cpu")
    assert kept == pvtprof.choose("pvt_v2_b0", 64, calibration=here)
    with pytest.raises(SpecError, match="no design of pvt_v2_b0"):
        pvtprof.choose("pvt_v2_b0", 64, calibration=here, within_s=1e-9)


def test_calibrate_keeps_what_it_measured(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = made_up_calibration()
    monkeypatch.setattr("pvtprof.predict.calibrate.calibrate", lambda *args: made)
    assert pvtprof.calibrate("cpu") == made
    assert calibration.load(mine) == made
    mine.write_text("mine")
    with pytest.raises(StoreError, match="was not written by pvtprof"):
        pvtprof.calibrate("cpu")


def test_check_is_the_commands_gates(tmp_path: Path) -> None:
    path, target = str(tmp_path / "b.json"), f"{DESIGNS}:attention"
    written = pvtprof.check(path, update=True, target=target, device="cpu")
    assert written.summary == f"check: wrote {path}, exact figures of 1 row"
    same = pvtprof.check(path)
    assert (same.status, same.text.count("\n")) == ("passed", 1)
    text = Path(path).read_text()
    Path(path).write_text(text.replace('"saved_bytes": ', '"saved_bytes": 1'))
    changed = pvtprof.check(path, require_latency=True)
    assert changed.status == "failed"
    assert [case.gate for case in changed.cases] == ["exact", "latency"]
    assert changed.summary.startswith("check: 1 exact figures changed")
    assert changed.text.splitlines()[-1] == changed.summary


def test_check_refuses_what_the_command_refuses() -> None:
    with pytest.raises(SpecError, match="nothing to compare with"):
        pvtprof.check()
    with pytest.raises(SpecError, match="--model, --img cannot change that"):
        pvtprof.check("b.json", model="pvt_v2_b0", img=64)
    with pytest.raises(SpecError, match="budget is 0 s"):
        pvtprof.check("b.json", budget_s=0)


def test_models_formula_and_fit_say_what_the_commands_print(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert app.main(["models", "--img", "512", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == pvtprof.models(512)
    for form in ("text", "latex", "python"):
        assert app.main(["formula", "sra_conv", "--at", "img=512", "--format", form]) == 0
        assert capsys.readouterr().out == pvtprof.formula("sra_conv", form, img=512)
    with pytest.raises(SpecError, match="mhaa"):
        pvtprof.formula("mhaa")
    assert pvtprof.fit(2**31, "pvt_v2_b0", 64).memory_bytes == 2**31
    assert pvtprof.fit(None, "pvt_v2_b0", 64, device="cpu").memory_bytes > 0
