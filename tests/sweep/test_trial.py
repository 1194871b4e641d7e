"""The issue's trial: of 500 designs, an answer within 3 % of the fastest in a tenth of the time."""

from __future__ import annotations

import random

import pytest

from pvtprof.designs.words import ROW_BUDGET_S
from tests.builders import made_up_calibration
from tests.sweep.trial import DATA, Measured, designs, dumps, loads, paired, trial
from tests.trials import ALL

MEASUREMENTS = 60


def drawn(seed: int, error: float) -> list[Measured]:
    """500 designs between 6 and 12 ms whose predictions are wrong by ``error``, in the middle.

    From one to the next, the machine is slower by up to a third.
    """
    chance = random.Random(seed)
    found = []
    for number in range(500):
        true = chance.uniform(6e-3, 12e-3)
        process, slow = 1 + chance.gauss(0, 0.004), chance.uniform(1, 1.33)

        def taken(seconds: float, slow: float = slow) -> list[float]:
            return [seconds * slow * (1 + abs(chance.gauss(0, 0.02))) for _ in range(60)]

        found.append(
            Measured(
                str(number),
                true * chance.lognormvariate(0, error),
                paired(taken(true * process), taken(7e-3)),
                ROW_BUDGET_S,
                ROW_BUDGET_S + 0.3,
            )
        )
    return found


@pytest.mark.parametrize("seed", range(20 if ALL else 1))
@pytest.mark.parametrize("error", [0.03, 0.06])
def test_a_drawn_machine(seed: int, error: float) -> None:
    done = trial(drawn(seed, error), MEASUREMENTS, ROW_BUDGET_S, seed=seed)
    assert done.slower <= 0.03
    assert done.time_share < 0.10


@pytest.mark.skipif(not DATA.exists(), reason="no machine measured the 500 designs yet")
@pytest.mark.parametrize("seed", range(20 if ALL else 1))
def test_a_real_machine(seed: int) -> None:
    found = loads(DATA.read_text(encoding="utf-8"))
    assert len(found) == 500
    done = trial(found, MEASUREMENTS, ROW_BUDGET_S, seed=seed)
    assert done.slower <= 0.03
    assert done.time_share < 0.10


def test_the_designs_are_the_first_of_one_draw() -> None:
    machine = made_up_calibration()
    few, many = list(designs(5, machine)), list(designs(9, machine))
    assert many[:5] == few
    assert len({planned.key for planned, _ in many}) == 9


def test_the_data_come_back_in_microseconds() -> None:
    found = drawn(0, 0.03)[:3]
    again = loads(dumps(found))
    assert [one.design for one in again] == ["0", "1", "2"]
    for name in ("samples", "ratios"):
        taken = getattr(again[0].measurement, name)
        assert taken == pytest.approx(getattr(found[0].measurement, name), rel=1e-3)
