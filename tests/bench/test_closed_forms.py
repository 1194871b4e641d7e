"""Benchmarks: the closed form beside a counter. Run with `make bench`; no time is asserted."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from pvtprof.analytic.cost import FVCORE
from pvtprof.analytic.formulas import model_total
from pvtprof.designs.published import MODELS
from pvtprof.observe import fvcore
from pvtprof.observe.subject import model_subject
from tests.builders import at
from tests.designs.test_published import OFFICIAL

IMAGE = (224, 224)


def closed_forms() -> list[int]:
    """fvcore's total of each published model, by formula."""
    return [model_total(spec, IMAGE, FVCORE) for spec in MODELS.values()]


@pytest.mark.bench
@pytest.mark.benchmark(group="fvcore's total of all eleven models at 224x224")
def test_closed_form(benchmark: BenchmarkFixture) -> None:
    totals = benchmark(closed_forms)
    assert totals == [fvcore_total for _, fvcore_total in OFFICIAL.values()]


@pytest.mark.bench
@pytest.mark.benchmark(group="fvcore's total of all eleven models at 224x224")
def test_fvcore(benchmark: BenchmarkFixture) -> None:
    """Building the networks is not part of the time."""
    built = [model_subject(spec, at(image=IMAGE)).real("cpu") for spec in MODELS.values()]

    def count() -> list[int]:
        return [fvcore.count(module, *inputs).counted for module, inputs in built]

    counted = benchmark.pedantic(count, rounds=1)
    assert counted == closed_forms()
