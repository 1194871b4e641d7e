"""How a network is trained, through setting, run, file and command line."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

import pvtprof
from pvtprof.cli import main
from pvtprof.designs.setting import Setting
from pvtprof.designs.training import Training
from pvtprof.designs.workload import workload
from pvtprof.errors import SpecError
from pvtprof.report import sentences
from pvtprof.run import store
from pvtprof.run.fit_checks import checks
from tests.trials import costly

HOW: dict[str, Any] = {"optimizer": "adamw", "amp": "bfloat16", "checkpoint": True}


def test_a_run_says_how_it_trains_and_keeps_it() -> None:
    run = pvtprof.compare("pvt_v2_b0", 64, mode="training", analytic=True, **HOW)
    assert run.command.endswith("--optimizer adamw --amp bfloat16 --checkpoint --analytic")
    said = "training step, adamw, autocast to bfloat16, blocks recomputed"
    assert sentences.setting(run).endswith(said)
    again = store.loads(store.dumps(run))
    assert again.setting == run.setting
    assert again.setting.training == Training(**HOW)
    assert again.rows == run.rows


def test_a_setting_without_it_is_stored_as_it_was() -> None:
    text = store.dumps(pvtprof.compare("pvt_v2_b0", 64, mode="training", analytic=True))
    (setting,) = json.loads(text)["settings"]
    assert not setting.keys() & HOW.keys()
    assert store.loads(text).setting.training.is_plain


@costly
def test_the_witness_agrees_in_every_row() -> None:
    """Peak, saved bytes and all counters, on fake tensors; nothing is timed."""
    run = pvtprof.compare("pvt_v2_b0", 32, (1, 1, 1, 1), mode="training", budget_s=0, **HOW)
    assert run.agrees
    assert all("peak bytes" in row.witnesses for row in run.rows)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"optimizer": "adamw"}, "--optimizer adamw is for training, but the mode is inf"),
        ({"checkpoint": True}, "--checkpoint is for training"),
        ({"mode": "training", "amp": "bfloat16", "dtype": "float16"}, "use dtype float32"),
        ({"mode": "training", "amp": "float8"}, "unknown amp 'float8'"),
        ({"mode": "training", "optimizer": "adam"}, "did you mean adamw"),
        ({"mode": "training", "checkpoint": 1}, "use true or false"),
        ({"mode": "training", "checkpoint": True, "sizes": (("h", 4),)}, "PVT's models alone"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        Setting(64, 64, **wrong)


@pytest.mark.parametrize(
    "words",
    [
        "compare --analytic --optimizer adamw",
        "compare --mode training --analytic --amp bfloat16 --dtype float64",
        "compare --target timm:convnext_tiny --mode training --checkpoint",
        "fit --memory 24GiB --target timm:convnext_tiny --optimizer adamw",
    ],
)
def test_the_command_line_refuses_in_one_line(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_fit_takes_it_for_its_training_rows() -> None:
    plain, trained = (
        pvtprof.fit(2**30, "pvt_v2_b0", 64, **how)
        for how in ({}, {"optimizer": "adamw", "checkpoint": True})
    )
    for before, after in zip(plain.fits, trained.fits, strict=True):
        if before.mode == "inference":
            assert before == after
        else:
            assert before.image.needs != after.image.needs


@costly
def test_fit_is_checked_with_it() -> None:
    asked = workload("pvt_v2_b0", 64, mode="training", **HOW)
    found = pvtprof.fit(2**28, "pvt_v2_b0", 64, **HOW)
    assert found.setting == asked.setting
    few = replace(found, fits=found.fits[2:4])  # sra_conv in both modes
    assert all(formula == observed for _, formula, observed in checks(few))
