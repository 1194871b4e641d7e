"""Successive halving, on drawn times: it finds the fastest with few measurements, and says when."""

from __future__ import annotations

import random
from statistics import median

import pytest

from pvtprof.errors import SpecError, UnavailableError
from pvtprof.observe.measurement import Measurement
from pvtprof.sweep.halving import (
    CLOSE_ENOUGH,
    FEWEST_RATIOS,
    FIRST_S,
    Candidate,
    Halving,
    beside_s,
)
from tests.trials import ALL


class Machine:
    """Draws the time of a candidate, which is its number, and remembers what it was asked."""

    def __init__(self, truth: list[float], noise: float = 0.01, seed: int = 0) -> None:
        self.truth, self.noise, self.chance = truth, noise, random.Random(seed)
        self.asked: list[tuple[int, float]] = []

    def __call__(self, number: int, budget_s: float) -> Measurement | str:
        self.asked.append((number, budget_s))
        process = 1 + self.chance.gauss(0, 0.004)
        count = max(6, round(100 * budget_s))
        each = [abs(self.chance.gauss(0, self.noise)) for _ in range(count)]
        return Measurement(tuple(self.truth[number] * process * (1 + one) for one in each))


class Drifting(Machine):
    """One that is slower by up to a half at some times, in both rows that it times."""

    def __call__(self, number: int, budget_s: float) -> Measurement | str:
        slow = self.chance.uniform(1, 1.5)
        found = super().__call__(number, budget_s)
        assert isinstance(found, Measurement)
        beside = [abs(self.chance.gauss(0, self.noise)) for _ in found.samples]
        return Measurement(
            tuple(slow * sample for sample in found.samples),
            series={"beside": tuple(5e-3 * slow * (1 + one) for one in beside)},
        )


def candidates(truth: list[float], error: float, seed: int = 1) -> list[Candidate[int]]:
    chance = random.Random(seed)
    return [Candidate(i, time * chance.lognormvariate(0, error)) for i, time in enumerate(truth)]


def times(count: int, seed: int) -> list[float]:
    chance = random.Random(seed)
    return [chance.uniform(4e-3, 9e-3) for _ in range(count)]


@pytest.mark.parametrize("seed", range(5 if ALL else 1))
def test_the_fastest_of_500_is_found_within_3_percent_with_80_measurements(seed: int) -> None:
    truth = times(500, seed)
    machine = Machine(truth, seed=seed)
    done = Halving(candidates(truth, 0.03, seed), machine, 80, seed=seed).run()
    assert truth[done.best.what] <= 1.03 * min(truth)
    assert done.used == len(machine.asked) <= 80
    assert sum(budget for _, budget in machine.asked) <= 50


@pytest.mark.parametrize("seed", range(5 if ALL else 1))
def test_a_machine_that_drifts_does_not_decide(seed: int) -> None:
    truth = times(500, seed)
    found = candidates(truth, 0.03, seed)
    done = Halving(found, Drifting(truth, seed=seed), 80, seed=seed).run()
    assert truth[done.best.what] <= 1.03 * min(truth)
    besides = [median(m.series["beside"]) for one in done.measured for m in one.measured]
    assert done.best.beside_s == median(besides)
    assert done.best.interval[0] < done.best.seconds < done.best.interval[1]


def test_what_is_no_candidate_tells_what_the_row_beside_takes_too() -> None:
    taken = [Measurement((3 * s,) * 6, series={"beside": (s,) * 6}) for s in (1.0, 2.0, 9.0)]
    one = Candidate("a", 1.0, [taken[0]])
    done = Halving([one], lambda *_: "no", 1, others=taken[1:]).run()
    assert done.best.seconds == 3 * 2.0
    assert beside_s([]) == beside_s([Measurement((5.0,))]) == 1.0


def test_budgets_double_and_only_those_that_may_win_go_on() -> None:
    truth = [1.0, 1.001, 1.002, 1.5, 2.0, 2.5, 3.0, 3.5]
    machine = Machine(truth, noise=0.1)
    done = Halving(candidates(truth, 0.0), machine, 40).run()
    first = {number for number, budget in machine.asked if budget == FIRST_S}
    later = {number for number, budget in machine.asked if budget > FIRST_S}
    budgets = sorted({budget for _, budget in machine.asked})
    assert first == set(range(8))
    assert later <= {0, 1, 2}
    assert budgets[:2] == [FIRST_S, 2 * FIRST_S]
    assert done.best.what in (0, 1, 2)


def test_it_stops_when_the_fastest_is_known() -> None:
    truth = [1.0, *(1.5 + i / 10 for i in range(7))]
    machine = Machine(truth)
    done = Halving(candidates(truth, 0.0), machine, 100).run()
    assert done.best.what == 0
    assert done.within <= CLOSE_ENOUGH
    assert len(machine.asked) == 8


def test_what_cannot_win_as_far_as_predictions_tell_is_not_measured() -> None:
    truth = [1.0 + i / 4 for i in range(40)]
    machine = Machine(truth)
    done = Halving(candidates(truth, 0.0), machine, 80).run()
    assert len(machine.asked) == FEWEST_RATIOS
    assert done.open == 0


def test_it_says_how_many_might_still_be_faster() -> None:
    truth = times(40, 1)
    done = Halving(candidates(truth, 0.2), Machine(truth), 4).run()
    assert done.used == 4
    assert done.open > 0


def test_what_was_measured_before_is_not_measured_shortly_again() -> None:
    truth = [1.0 + i / 4 for i in range(9)]
    found = candidates(truth, 0.0)
    found[0].measured.append(Measurement((1.0,) * 20))
    machine = Machine(truth)
    done = Halving(found, machine, 30).run()
    assert 0 not in [number for number, _ in machine.asked]
    assert done.best.what == 0


def test_a_candidate_that_fails_is_left_out_with_its_reason() -> None:
    truth = [1.0, 1.2, 1.4]
    machine = Machine(truth)

    def measure(number: int, budget_s: float) -> Measurement | str:
        return "ran out of memory" if number == 0 else machine(number, budget_s)

    done = Halving(candidates(truth, 0.0), measure, 10).run()
    assert done.best.what == 1
    assert done.candidates[0].failure == "ran out of memory"


def test_where_all_fail_the_reason_is_said() -> None:
    with pytest.raises(UnavailableError, match="could be measured: ran out of memory"):
        Halving(candidates([1.0, 2.0], 0.0), lambda number, budget: "ran out of memory", 10).run()


def test_no_measurement_is_refused() -> None:
    with pytest.raises(SpecError, match="--measure is 0"):
        Halving(candidates([1.0], 0.0), Machine([1.0]), 0)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_few_measurements_are_no_more_than_asked(most: int) -> None:
    truth = times(50, 3)
    machine = Machine(truth)
    assert Halving(candidates(truth, 0.1), machine, most).run().used == len(machine.asked) <= most
