"""Benchmarks: the closed form beside a counter. Run with `make bench`; no time is asserted."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from pvtprof.analytic.rows import published
from pvtprof.observe import fvcore
from pvtprof.observe.subject import model_subject
from pvtprof.spec import MODELS

IMAGE = (224, 224)


@pytest.mark.bench
@pytest.mark.benchmark(group="params, MACs and fvcore's total of all eleven models at 224x224")
def test_closed_form(benchmark: BenchmarkFixture) -> None:
    listed = benchmark(published, IMAGE)
    assert len(listed) == 11


@pytest.mark.bench
@pytest.mark.benchmark(group="params, MACs and fvcore's total of all eleven models at 224x224")
def test_fvcore(benchmark: BenchmarkFixture) -> None:
    """Building the networks is not part of the time."""
    built = [
        model_subject(spec, IMAGE, 1, "float32", "eager").real("cpu") for spec in MODELS.values()
    ]

    def count() -> list[int]:
        return [fvcore.count(module, *inputs).counted for module, inputs in built]

    counted = benchmark.pedantic(count, rounds=3, warmup_rounds=1)
    assert counted == [listed["fvcore"] for listed in published(IMAGE)]
