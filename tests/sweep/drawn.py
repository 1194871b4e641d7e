"""A store whose times are drawn, in place of measured: quick, and the truth is known."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pvtprof.observe.environment import environment
from pvtprof.observe.machine import Environment
from pvtprof.observe.measurement import BESIDE, Measurement
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import Outcome


def here(**changes: Any) -> Environment:
    """This machine, as the timed process sees it."""
    return replace(environment("cpu", timed=True), **changes)


@dataclass
class Drawn:
    """Measures by drawing: samples around a true time, noise of ``share`` of it."""

    truth: Callable[[Planned], float]
    share: float = 0.01
    seed: int = 0
    spent_s: float = 0.0
    tries: int = 0

    def __call__(self, planned: Planned, budget_s: float, beside: Planned | None = None) -> Any:
        self.tries += 1
        self.spent_s += budget_s
        chance = random.Random(f"{self.seed} {planned.key} {self.tries}")
        true = self.truth(planned) * (1 + chance.gauss(0, self.share / 4))
        count = max(6, round(40 * budget_s))
        samples = tuple(true * (1 + abs(chance.gauss(0, self.share))) for _ in range(count))
        series = {}
        if beside is not None:  # on a machine that is slower by up to a half just now
            slow, own = 1 + chance.random() / 2, self.truth(beside)
            samples = tuple(slow * sample for sample in samples)
            series = {BESIDE: tuple(slow * own for _ in samples)}
        found = Measurement(samples, stopped="budget", series=series)
        outcome = Outcome(found, spent_s=budget_s, timing_s=budget_s)
        return SimpleNamespace(outcome=outcome, environment=HERE, machine=None)


HERE = here()


def filled(
    path: Path, rows: Iterable[Planned], attempt: Any, where: Environment = HERE, seed: int = 0
) -> None:
    """Add rows to a store, and measure all of them once."""
    with Store.open(path, create=True) as store:
        store.add(rows, seed)
        while leased := store.lease("drawn"):
            number, planned = leased
            store.record(number, "drawn", where, attempt(planned, 0.5).outcome)
