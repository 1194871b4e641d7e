"""The trial of `choose --measure`: designs that were all measured, and halving replayed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.observe.measurement import BESIDE, Measurement
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.choose import evaluated
from pvtprof.predict.search import Search
from pvtprof.predict.space import Option, spaces
from pvtprof.predict.wanted import key_of
from pvtprof.sweep.halving import Candidate, Halved, Halving, beside_s
from pvtprof.sweep.known import planned_of
from pvtprof.sweep.planned import Planned

DATA = Path(__file__).with_name("data") / "b0-128.json"
MODEL, SETTING, POOL_SIZE = "pvt_v2_b0", Setting(128, 128), 7
#: What is the same in the rows of all designs.
WORDS = Planned(MODEL, "", 0, 0, (), POOL_SIZE)


@dataclass(frozen=True)
class Measured:
    """A design that was measured once, with the row beside it, and its predicted seconds.

    ``timing_s`` is the timing of both, ``spent_s`` that and the building of the networks.
    """

    design: str
    predicted_s: float
    measurement: Measurement
    timing_s: float
    spent_s: float


def designs(count: int, calibration: Calibration, seed: int = 0) -> Iterator[tuple[Planned, float]]:
    """Yield the first ``count`` of a seeded draw of all R and variants, with predicted seconds."""
    model = MODELS[MODEL]
    space = next(spaces(model, SETTING, calibration, Search(pool_sizes=(POOL_SIZE,))))
    whole = int(np.prod(space.shape))
    for index in random.Random(seed).sample(range(whole), whole)[:count]:
        options: tuple[Option, ...] = space.options_of(index)
        found = evaluated(model, SETTING, calibration, options)
        yield planned_of(key_of(options, POOL_SIZE), SETTING, WORDS), found.latency.seconds


def paired(samples: Sequence[float], beside: Sequence[float]) -> Measurement:
    """Return a measurement of a row and the one beside it."""
    return Measurement(tuple(samples), series={BESIDE: tuple(beside)})


def dumps(found: Sequence[Measured]) -> str:
    """Return the data as JSON, in whole microseconds, a line a design."""

    def whole(seconds: Sequence[float]) -> list[int]:
        return [round(1e6 * value) for value in seconds]

    lines = [
        json.dumps(
            [
                one.design,
                *whole((one.predicted_s, one.timing_s, one.spent_s)),
                whole(one.measurement.samples),
                whole(one.measurement.series[BESIDE]),
            ],
            separators=(",", ":"),
        )
        for one in found
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def loads(text: str) -> list[Measured]:
    """Return the designs of such a text."""

    def seconds(whole: Sequence[int]) -> list[float]:
        return [1e-6 * value for value in whole]

    return [
        Measured(name, 1e-6 * predicted, paired(*map(seconds, pairs)), 1e-6 * timing, 1e-6 * spent)
        for name, predicted, timing, spent, *pairs in json.loads(text)
    ]


@dataclass
class Replay:
    """Answers a measurement from samples that were taken, and counts what it would have taken.

    A measurement of a part of the time takes that part of the samples, from a random one on: one of
    the full time, or two of the same design, have samples in common.
    """

    full_s: float
    seed: int = 0
    spent_s: float = 0.0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def __call__(self, one: Measured, budget_s: float) -> Measurement:
        share = budget_s / self.full_s
        self.spent_s += one.spent_s - one.timing_s + one.timing_s * share
        samples, beside = one.measurement.samples, one.measurement.series[BESIDE]
        count = min(len(samples), max(1, round(share * len(samples))))
        begin = self.chance.randrange(len(samples))
        chosen = [(begin + i) % len(samples) for i in range(count)]
        return paired([samples[i] for i in chosen], [beside[i] for i in chosen])


@dataclass(frozen=True)
class Trial:
    """The result: by what share the answer is slower than the true fastest, and the share of time.

    ``rank`` is the place of the true fastest in the order of the predictions, from 1.
    """

    slower: float
    time_share: float
    rank: int
    used: int
    halved: Halved[Measured]


def trial(found: Sequence[Measured], most: int, full_s: float, seed: int = 0) -> Trial:
    """Return how halving does with ``most`` measurements, against the measuring of all.

    ``full_s`` is what the timing of each was to take.
    """
    replay = Replay(full_s, seed)
    unit_s = beside_s(one.measurement for one in found)
    true = [Candidate(one, one.predicted_s, [one.measurement], beside_s=unit_s) for one in found]
    seconds = {one.what.design: one.seconds for one in true}
    done = Halving(
        [Candidate(one, one.predicted_s) for one in found], replay, most, seed=seed
    ).run()
    fastest = min(true, key=lambda one: one.seconds)
    in_order = sorted(true, key=lambda one: one.predicted_s)
    return Trial(
        seconds[done.best.what.design] / fastest.seconds - 1,
        replay.spent_s / sum(one.spent_s for one in found),
        in_order.index(fastest) + 1,
        done.used,
        done,
    )
