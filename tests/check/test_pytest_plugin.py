"""The plugin in a test suite of a user's: figures, budgets, JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from junitparser import JUnitXml

from pvtprof.check import pytest_plugin
from tests.check.test_benchmarks import held

TEST = """
import pytest, torch
from tests.targets import own
from torch import nn

def linear():
    return nn.Linear(16, 32), torch.randn(4, 16)

def measured(pvt_benchmark):
    figures = pvt_benchmark(*linear())
    assert figures["macs"] == 4 * 16 * 32
    assert figures["params"] == 16 * 32 + 32
    assert figures["peak_bytes"] == 4 * 4 * 32
    assert figures["peak_at"] == "addmm"
    low, high = figures["latency_interval_s"]
    assert 0 < low <= figures["latency_s"] <= high

def test_gradients_and_buffers(pvt_benchmark):
    module, x = own.Normed().train(), own.tokens()
    module(x).sum().backward()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    gradients = {name: p.grad.clone() for name, p in module.named_parameters()}
    pvt_benchmark(module, x)
    assert module.training
    assert all(torch.equal(p.grad, gradients[n]) for n, p in module.named_parameters())
    assert all(torch.equal(v, state[n]) for n, v in module.state_dict().items())

def test_nesting(pvt_benchmark):
    module, inputs = own.whole_numbers_in()
    assert pvt_benchmark(module, *inputs)["macs"] == own.macs()
"""
LEAVES = ("test_gradients_and_buffers", "test_nesting")
#: The limits of each test of the user's suite, and how it ends.
OVER = {
    "macs=2047": "over budget: macs 2048, at most 2047",
    "params=500": "over budget: params 544, at most 500",
    "peak_bytes=511, saved_bytes=0": "over budget: peak_bytes 512, at most 511",
    "latency_s=1e-9": "over budget: latency_s *, at most 1e-09",
}
#: An hour a call: whatever else the machine does, that is not exceeded.
WITHIN = "macs=2048, params=544, peak_bytes=512, saved_bytes=0, latency_s=3600"
NONE = ("flops=1", "3", "")


@dataclass(frozen=True)
class Suite:
    """One run of a suite whose tests have limits of their own: how each ended, and its file."""

    benchmark_json: Path
    ended: dict[str, tuple[str, str]]
    benchmarks: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """With warnings as errors, as a user's suite may have them."""
    folder = tmp_path_factory.mktemp("suite")
    marked = [f"@pytest.mark.pvt_budget({limits})\n" for limits in (*OVER, WITHIN, *NONE)]
    tests = [
        f"{marker}def test_{i}(pvt_benchmark):\n    measured(pvt_benchmark)\n"
        for i, marker in enumerate(["", *marked])
    ]
    (folder / "test_it.py").write_text("\n".join([TEST, *tests]))
    options = [
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        "--strict-markers",
        "--benchmark-json=out.json",
        "--junitxml=out.xml",
        "--benchmark-max-time=0.05",
    ]
    here = os.pathsep.join((str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")))
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_it.py"],
        cwd=folder,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": here},
    )
    return Suite(
        folder / "out.json",
        dict(ended(folder / "out.xml")),
        {one["name"]: one for one in json.loads((folder / "out.json").read_text())["benchmarks"]},
    )


def ended(path: Path) -> list[tuple[str, tuple[str, str]]]:
    """(limits or name, (how it ended, what was said)) of each test."""
    (found,) = JUnitXml.fromfile(str(path))
    names = {f"test_{i}": limits for i, limits in enumerate([None, *OVER, WITHIN, *NONE])}
    told = []
    for case in found:
        result = [(type(one).__name__, f"{one.message} {one.text}") for one in case.result]
        told.append((str(names.get(case.name, case.name)), result[0] if result else ("passed", "")))
    return told


def test_figures_go_into_pytest_benchmarks_json(suite: Suite) -> None:
    assert suite.ended["None"] == ("passed", "")
    benchmark = suite.benchmarks["test_0"]
    assert benchmark["extra_info"]["macs"] == 2048
    assert benchmark["stats"]["rounds"] > 0


@pytest.mark.parametrize("name", LEAVES)
def test_the_fixture_leaves_a_module_as_it_was_and_takes_any_nesting(
    suite: Suite, name: str
) -> None:
    assert suite.ended[name] == ("passed", "")


def test_what_pvt_benchmark_stored_is_read(
    suite: Suite, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one, two = str(suite.benchmark_json), str(tmp_path / "two.json")
    code, lines = held(capsys, one, one)
    assert code == 2
    assert "is both BASELINE and --samples" in lines[0]
    shutil.copy(one, two)
    code, lines = held(capsys, one, two)
    assert code == 3
    assert "1 process on a side" in lines[-1]


@pytest.mark.parametrize("limits", OVER)
def test_over_budget_fails_with_both_figures(suite: Suite, limits: str) -> None:
    how, said = suite.ended[limits]
    assert how == "Failure"
    assert fnmatch(said, f"*{OVER[limits]}*")


def test_within_budget_passes(suite: Suite) -> None:
    assert suite.ended[WITHIN] == ("passed", "")


@pytest.mark.parametrize("limits", NONE)
def test_a_budget_of_something_else_is_refused(suite: Suite, limits: str) -> None:
    how, said = suite.ended[limits]
    assert how == "Error"
    assert "pvt_budget takes macs, params, peak_bytes" in said


def test_what_is_timed_ends_with_the_device_of_the_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 16 of the review: it ended with the current device, which may be another."""
    waited: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    inputs = [SimpleNamespace(is_cuda="cuda" in name, device=name) for name in ("cpu", "cuda:1")]
    call = pytest_plugin._synchronised(lambda: waited.append("called"), tuple(inputs))  # type: ignore[arg-type] # of these, two attributes
    call()
    assert waited == ["called", "cuda:1"]
