"""`make gpu`, over the pretended card and without any: that its own code runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu.__main__ import FULL, LIMIT_S, ROOT, SHORT, TOTAL_S, run, steps
from tests.gpu.__main__ import Step as DayStep
from tests.pretended.command_line import run_python
from tests.trials import costly


def test_without_a_gpu_it_is_a_line_and_exit_3(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu", "--output", str(tmp_path / "out")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert done.stderr.startswith("no GPU to measure: ")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("size", [FULL, SHORT])
def test_every_step_has_a_limit_of_its_own_and_its_scripts_are_there(
    size: object, tmp_path: Path
) -> None:
    planned = list(steps(size, tmp_path))  # type: ignore[arg-type]
    assert len({step.name for step in planned}) == len(planned)
    for step in planned:
        assert 0 < step.limit_s <= LIMIT_S < TOTAL_S <= 25 * 60
        for module in re.findall("tests[.][a-z_.]+", " ".join(w for c in step.commands for w in c)):
            assert (ROOT / f"{module.replace('.', '/')}.py").exists()
    assert planned[0].name == "questions"


def test_a_step_that_takes_too_long_ends_and_says_so(tmp_path: Path) -> None:
    commands = (("-c", "print('first')"), ("-c", "import time; time.sleep(600)"), ("-c", ""))
    found = run(DayStep("slow", 2, commands), tmp_path, float("inf"))
    assert (found["ended"], found["codes"][1:]) == ("limit", [None, None])
    log = (tmp_path / "slow.log").read_text()
    assert log.count("$ python") == 3


def test_a_step_goes_on_after_a_command_that_fails(tmp_path: Path) -> None:
    step = DayStep("mixed", 60, (("-c", "raise SystemExit(3)"), ("-c", "print('second')")))
    found = run(step, tmp_path, float("inf"))
    assert (found["ended"], found["codes"]) == ("badly", [3, 0])
    assert "second" in (tmp_path / "mixed.log").read_text()


@costly
def test_the_short_form_runs_over_the_pretended_card(tmp_path: Path) -> None:
    """All but the prediction of latency, for which a CPU is too slow, and a slower version."""
    only = ("questions", "contract", "truth-float32", "compare-32", "faults", "pages")
    words = ("-m", "tests.gpu", "--short", "--output", str(tmp_path / "out"), "--only", *only)
    code, out, err = run_python(tmp_path, {}, *words)
    folder = tmp_path / "out"
    logs = {name: (folder / f"{name}.log").read_text()[-3000:] for name in only}
    assert (code, err) == (0, ""), (out, logs)
    records = [json.loads(line) for line in (folder / "summary.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == ["facts", *only]
    assert {record["ended"] for record in records} == {"well"}
    answers = json.loads((folder / "questions.json").read_text())
    assert answers["holds"]["launches that queue"] == pytest.approx(1024, abs=16)
    assert answers["backends"]["float32, head dim 32"]["default"] == "flash"
    rows = json.loads((folder / "truth-float32.json").read_text())
    assert len(rows) == 15
    for row in rows:
        assert row["bytes"]["requested"] == row["bytes"]["formula"]
        assert row["seconds"]["held"] <= row["seconds"]["events, as before"] * 1.0001
    assert (folder / "index.html").exists()
