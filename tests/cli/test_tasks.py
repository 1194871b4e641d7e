"""Tasks on the command line and in Python: what is printed, stored and refused."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import pvtprof
from pvtprof.cli import app
from pvtprof.designs.published import MODELS
from pvtprof.errors import SpecError
from pvtprof.report.page.html import render
from tests.builders import FOUR
from tests.trials import costly

REFUSED = {
    "compare --analytic --task retinannet": "unknown task 'retinannet'; did you mean retinanet?",
    "models --task semantic": "unknown task 'semantic'; did you mean semantic-fpn?",
    "fit --memory 1GiB --task mask_rcnn": "unknown task 'mask_rcnn'; did you mean mask-rcnn?",
    "compare --analytic --task mask-rcnn --proposals 0": "proposals is 0; use a whole number",
    "compare --task fpn --target own.py:f": "--task fpn is for PVT's models, and --target",
    "fit --memory 1GiB --task fpn --target own.py:f": "give only one of them",
    "compare --analytic --task fpn --mode training --img 32": "the last map of pvt_v2_b2 is one p",
    "compare --analytic --model pvt_tiny --R 8,4,2,2": "stage 4 of pvt_tiny has a class token",
}


@pytest.mark.parametrize(("words", "said"), REFUSED.items())
def test_what_cannot_be_is_said_in_one_line(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(words.split()) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_models_have_backbone_neck_and_head(capsys: pytest.CaptureFixture[str]) -> None:
    words = "models --task mask-rcnn --img 64 --proposals 2 --format csv"
    assert app.main(words.split()) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 11
    for row in rows:
        for what in ("params", "macs"):
            parts = [int(row[f"{part}_{what}"]) for part in ("backbone", "neck", "head")]
            assert sum(parts) == int(row[what])


def test_a_task_lets_stage_4_of_v1_reduce_and_names_what_it_leaves_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = "compare --full --analytic --model pvt_tiny --img 64 --R 4,2,2,2 --task mask-rcnn"
    assert app.main(words.split()) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "pvt_tiny for mask-rcnn at 64x64" in out
    assert "choice of the proposals, RoIAlign, non-maximum suppression" in out
    assert "The box head takes 1,000 proposals of each image, the mask head 100 detections" in out
    assert "sra_conv, MACs: backbone" in out


def test_proposals_without_a_box_head_are_noted(capsys: pytest.CaptureFixture[str]) -> None:
    words = "models pvt_v2_b0 --task fpn --proposals 3 --img 64"
    assert app.main(words.split()) == 0
    assert "--proposals has no effect on --task fpn" in capsys.readouterr().err


def test_fit_of_a_task_answers_for_training_too(capsys: pytest.CaptureFixture[str]) -> None:
    words = "fit --memory 1GiB --model pvt_v2_b0 --task retinanet --img 64 --checkpoint"
    assert app.main(words.split()) == 0
    table = capsys.readouterr().out.partition("- ")[0]
    assert table.count(" inference ") == 3
    assert table.count("  training ") == 3


def test_what_a_training_step_leaves_out_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    words = "compare --full --analytic --mode training --model pvt_v2_b0 --img 64 --task mask-rcnn"
    assert app.main(words.split()) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert (
        "Left out of a training step of mask-rcnn: anchors and their decoding, assignment of" in out
    )
    assert "RoIAlign, losses." in out


def test_a_run_of_a_task_is_observed_saved_read_and_shown(tmp_path: Path) -> None:
    said: dict[str, Any] = {"task": "fpn", "proposals": 7, "designs": ["sra_conv"]}
    run = pvtprof.compare(FOUR, 64, (2, 2, 2, 2), budget_s=0, device="cpu", **said)
    assert run.agrees
    assert "--task fpn --proposals 7" in run.command
    run.save(tmp_path / "run.json")
    again = pvtprof.load(tmp_path / "run.json")
    assert again.rows == run.rows
    assert [row.design.spec.task for row in again.rows] == ["fpn"] * 5
    assert set(again.to_frame()["task"]) == {"fpn"}
    assert "four for fpn" in render(again)


def test_a_spec_keeps_its_task_where_none_is_asked_for() -> None:
    spec = replace(MODELS["pvt_v2_b0"], task="fpn")
    assert pvtprof.models(64, spec) == pvtprof.models(64, "pvt_v2_b0", task="fpn")
    assert pvtprof.models(64, spec) != pvtprof.models(64, "pvt_v2_b0")


def test_modules_of_the_users_own_have_no_task() -> None:
    with pytest.raises(SpecError, match="task 'fpn' is for PVT's models"):
        pvtprof.compare(torch.nn.Linear(2, 2), example=torch.zeros(1, 2), task="fpn")


@costly
@pytest.mark.parametrize("task", ["pyramid", "retinanet", "semantic-fpn", "mask-rcnn"])
def test_a_training_run_of_a_task_agrees(task: str) -> None:
    how: dict[str, Any] = {"mode": "training", "optimizer": "adamw", "checkpoint": True}
    run = pvtprof.compare(
        "pvt_v2_b0", 64, (2, 2, 2, 1), task=task, proposals=2, budget_s=0, device="cpu", **how
    )
    assert run.agrees
    assert all("peak bytes" in row.witnesses for row in run.rows)


@costly
def test_check_holds_a_task_to_its_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "detector.json")
    words = "--update --model pvt_v2_b0 --task fpn --img 64 --R 2,2,2,2"
    assert app.main(["check", path, *words.split()]) == 0
    assert json.loads(Path(path).read_text())["workload"]["task"] == "fpn"
    other = Path(path).read_text().replace('"task": "fpn"', '"task": "pyramid"')
    Path(path).write_text(other)
    capsys.readouterr()
    assert app.main(["check", path]) == 1
    assert "model sra_conv" in capsys.readouterr().out
