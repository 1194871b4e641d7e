"""Benchmarks: how long a user waits before anything is measured, and for the report after it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from pvtprof.report import terminal_full
from pvtprof.report.page import html
from tests.builders import observed_run

COMMAND = "import sys; from pvtprof import cli; sys.exit(cli.main(sys.argv[1:]))"


@pytest.mark.bench
@pytest.mark.benchmark(group="start-up")
@pytest.mark.parametrize("options", [["--help"], ["compare", "--analytic"], ["fit"]], ids=" ".join)
def test_start_up(benchmark: BenchmarkFixture, options: list[str]) -> None:
    command = [sys.executable, "-c", COMMAND, *options]

    def start() -> bytes:
        return subprocess.run(command, capture_output=True, check=True).stdout

    assert benchmark.pedantic(start, rounds=3, warmup_rounds=1)


@pytest.mark.bench
@pytest.mark.benchmark(group="rendering")
@pytest.mark.parametrize("form", ["table", "page"])
def test_rendering(benchmark: BenchmarkFixture, form: str) -> None:
    run = observed_run()
    text = benchmark(
        (lambda: terminal_full.render(run, 100)) if form == "table" else lambda: html.render(run)
    )
    assert "sra_conv" in text
