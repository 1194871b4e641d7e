"""The clock against a stored baseline: its rule, its refusals, and real processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pvtprof.check import stored_times
from pvtprof.check.judgement import (
    CANNOT_TELL,
    DRIFT,
    FASTER,
    SAME,
    SLOWER,
    Unpaired,
    fewest_processes,
)
from pvtprof.cli import app
from pvtprof.designs.workload import workload
from tests.builders import ENVIRONMENT
from tests.trials import ALL, costly

DESIGN = """
import os
from torch import nn, randn

class Work(nn.Linear):
    def forward(self, x):
        for _ in range({turns}):  # slower, and in nothing else different
            os.getpid()
        return super().forward(x)

def factory():
    return Work(256, 256), randn(64, 256)
"""


def drawn(rng: np.random.Generator, ratio: float, spread: float, processes: int) -> Unpaired:
    before, after = (
        tuple(float(x) for x in mean * np.exp(rng.normal(0, spread, processes)))
        for mean in (1.0, ratio)
    )
    return Unpaired(row="row", before=before, after=after, tolerance=0.1)


def test_the_rule_on_drawn_processes() -> None:
    rng = np.random.default_rng(0)
    n = 100 if ALL else 10
    verdicts = {r: [drawn(rng, r, 0.02, 20).verdict for _ in range(n)] for r in (1.02, 1.1, 0.9)}
    assert verdicts[1.02] == [SAME] * n  # within what runs differ by
    assert verdicts[1.1].count(SLOWER) >= n - 1
    assert verdicts[0.9].count(FASTER) >= n - 1
    assert drawn(rng, 1.0, 0.3, 10).verdict == CANNOT_TELL


@pytest.mark.parametrize("rows", [1, 3, 15, 100, 300])
def test_the_fewest_processes_can_reach_the_level(rows: int) -> None:
    n = fewest_processes(rows)
    apart = Unpaired(row="row", rows=rows, before=(1.0,) * n, after=(1.1,) * n)
    assert apart.is_surely_beyond(DRIFT)


@pytest.fixture(autouse=True)
def _short_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many processes as the rule needs, each of them short."""
    monkeypatch.setattr(stored_times, "PROCESS_S", 0.05)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a design of so many turns under a new name; returns it as a target."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, turns: int = 0) -> str:
        (tmp_path / f"{name}.py").write_text(DESIGN.format(turns=turns))
        return f"{name}:factory"

    return write


def edited(path: str, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(Path(path).read_text())
    change(document)
    Path(path).write_text(json.dumps(document, indent=1) + "\n")


def shown(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    code = app.main(["check", "b.json", *options])
    said = capsys.readouterr()
    assert not said.err or said.err.count("\n") == 1
    return code, said.out + said.err


WROTE = "check: wrote b.json, exact figures and times of 1 row"


@pytest.mark.clock
def test_the_same_code_is_not_slower_and_slower_code_is(
    here: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--device", "cpu", "--target", here("design_of_then"), "--budget", "0.1"]
    code, text = shown(capsys, "--update", "--latency", *options)
    assert (code, text.splitlines()[-1]) == (0, WROTE)
    _, text = shown(capsys, "--budget", "0.1")
    assert "check: slower" not in text
    assert "processes then" in text
    here("design_of_then", turns=3000)  # the worker imports it anew
    code, text = shown(capsys, "--budget", "0.1")
    assert code == 1
    assert (
        text.splitlines()[-1] == "check: slower than b.json, measured twice: design_of_then:factory"
    )
    code, text = shown(capsys, "--update", "--budget", "0.1")  # times are kept up with
    assert text.splitlines()[-1] == WROTE


def other(name: str, value: str) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["timed"]["conditions"].update({name: value})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (other("device", "Other CPU, 64 cores"), "timed with device Other CPU, 64 cores, this is"),
        (other("torch", "2.6.0"), "timed with torch 2.6.0, this is"),
        (other("threads", "8"), "timed with threads 8, this is 1"),
        (other("dtype", "bfloat16"), "timed with dtype bfloat16, this is float32"),
        (other("attention", "sdpa"), "timed with attention sdpa, this is eager"),
        (other("driver", "550.1"), "timed with driver 550.1, this is none"),
        (lambda document: document["timed"].update(rows={}), "has no time of design_refused"),
        (
            lambda document: document["timed"]["rows"].update(
                more=document["timed"]["rows"]["design_refused:factory"]
            ),
            "there is no row more now",
        ),
        (lambda document: document.pop("timed"), "b.json holds no times"),
    ],
)
def test_a_time_that_means_nothing_here_is_refused_by_name(
    here: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], object],
    reason: str,
) -> None:
    target = here("design_refused")
    assert shown(capsys, "--update", "--device", "cpu", "--target", target)[0] == 0
    held = stored_times.conditions(ENVIRONMENT, workload())
    times = {"conditions": now(held), "rows": {target: [1.0] * 20}}
    edited("b.json", lambda document: document.update(timed=times))
    edited("b.json", change)
    code, text = shown(capsys)
    if "no times" not in reason:
        assert reason in text
        assert text.splitlines()[-1].startswith("check: latency is not compared: ")
    assert code == 0  # the exact figures are as they were
    code, text = shown(capsys, "--require-latency")
    assert code == 3
    assert reason in text.splitlines()[-1]
    edited("b.json", lambda document: document["rows"][target].update(params=1))
    code, text = shown(capsys, "--require-latency")
    assert code == 1  # and are held to in any case
    assert text.splitlines()[-1].startswith("check: 1 exact figures changed")


def now(conditions: dict[str, str]) -> dict[str, str]:
    """The conditions as they are here."""
    from pvtprof.observe.environment import environment

    here = environment("cpu")
    return conditions | {"device": here.device, "torch": str(here.torch)}


@pytest.mark.parametrize(
    "times", [[], [1.0], [1.0] * 9 + [-1.0], [0.0] * 10, ["1"] * 10, [1e999] * 10]
)
def test_times_that_are_none_are_one_line(
    here: Callable[..., str], capsys: pytest.CaptureFixture[str], times: list[object]
) -> None:
    target = here("design_none")
    assert shown(capsys, "--update", "--device", "cpu", "--target", target)[0] == 0
    edited(
        "b.json",
        lambda document: document.update(timed={"conditions": {}, "rows": {target: times}}),
    )
    code, text = shown(capsys)
    assert code == 2
    assert "timed.rows." in text


@costly
def test_a_training_step_is_timed_against_a_forward_reference(
    here: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--device", "cpu", "--mode", "training", "--target", here("design_step")]
    assert shown(capsys, "--update", "--latency", "--budget", "0.1", *options)[0] == 0
    code, text = shown(capsys, "--budget", "0.1")
    assert code in (0, 1, 3)  # timed; what came out is up to the machine
    assert "processes then" in text


def test_sys_exit_in_a_target_is_no_pass(
    here: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert shown(capsys, "--update", "--device", "cpu", "--target", here("design_exits"))[0] == 0
    for name, text in (
        ("at import", "raise SystemExit(0)"),
        ("when called", "def factory():\n    raise SystemExit(0)"),
    ):
        (tmp_path / "design_exits.py").write_text(text + "\n")
        sys.modules.pop("design_exits", None)
        code, said = shown(capsys)
        assert (code, "SystemExit" in said) == (2, True), name


def test_a_new_baseline_needs_to_know_what_of(
    here: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = shown(capsys, "--update")
    assert code == 2
    assert "add --model pvt_v2_b2 or --target file.py:factory" in text


def test_a_row_that_cannot_run_any_more_is_exit_3(
    here: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ["--device", "cpu", "--target", here("design_gone"), "--budget", "0.1"]
    assert shown(capsys, "--update", "--latency", *options)[0] == 0
    (tmp_path / "design_gone.py").write_text("def factory():\n    raise OSError('no weights')\n")
    code, text = shown(capsys, "--budget", "0.1")
    assert code == 3
    assert (
        text.splitlines()[0]
        == "check: every exact figure of 1 row, and the closed form, is as in b.json"
    )
    assert text.splitlines()[-1].endswith(
        "could not be compared: the timed process: OSError: no weights"
    )
