"""The plugin in a test suite of a user's: figures, budgets, JSON."""

from __future__ import annotations

import json

import pytest

pytest_plugins = ["pytester"]

pytestmark = pytest.mark.clock

TEST = """
import pytest, torch
from torch import nn

def linear():
    return nn.Linear(16, 32), torch.randn(4, 16)

{marker}
def test_design(pvt_benchmark):
    figures = pvt_benchmark(*linear())
    assert figures["macs"] == 4 * 16 * 32
    assert figures["params"] == 16 * 32 + 32
    assert figures["peak_bytes"] == 4 * 4 * 32
    assert figures["peak_at"] == "addmm"
    low, high = figures["latency_interval_s"]
    assert 0 < low <= figures["latency_s"] <= high
"""


def run(pytester: pytest.Pytester, marker: str = "", *options: str) -> pytest.RunResult:
    pytester.makepyfile(TEST.format(marker=marker))
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)


def test_figures_go_into_pytest_benchmarks_json(pytester: pytest.Pytester) -> None:
    result = run(pytester, "", "--benchmark-json=out.json")
    result.assert_outcomes(passed=1)
    (benchmark,) = json.loads((pytester.path / "out.json").read_text())["benchmarks"]
    assert benchmark["extra_info"]["macs"] == 2048
    assert benchmark["stats"]["rounds"] > 0


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("macs=2047", "over budget: macs 2048, at most 2047"),
        ("params=500", "over budget: params 544, at most 500"),
        ("peak_bytes=511, saved_bytes=0", "over budget: peak_bytes 512, at most 511"),
        ("latency_s=1e-9", "over budget: latency_s *, at most 1e-09"),
    ],
)
def test_over_budget_fails_with_both_figures(
    pytester: pytest.Pytester, limits: str, message: str
) -> None:
    result = run(pytester, f"@pytest.mark.pvt_budget({limits})")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{message}*"])


def test_within_budget_passes(pytester: pytest.Pytester) -> None:
    limits = "macs=2048, params=544, peak_bytes=512, saved_bytes=0, latency_s=60"
    run(pytester, f"@pytest.mark.pvt_budget({limits})", "--strict-markers").assert_outcomes(
        passed=1
    )


@pytest.mark.parametrize("limits", ["flops=1", "3", ""])
def test_a_budget_of_something_else_is_refused(pytester: pytest.Pytester, limits: str) -> None:
    result = run(pytester, f"@pytest.mark.pvt_budget({limits})")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pvt_budget takes macs, params, peak_bytes*"])
