"""The trial of `choose --measure`: designs that were all measured, and halving replayed."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.observe.measurement import Measurement
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.choose import evaluated
from pvtprof.predict.search import Search
from pvtprof.predict.space import Option, spaces
from pvtprof.predict.wanted import key_of
from pvtprof.sweep.halving import Candidate, Halved, Halving
from pvtprof.sweep.known import planned_of
from pvtprof.sweep.planned import Planned

DATA = Path(__file__).with_name("data") / "b0-128.json"
MODEL, SETTING, POOL_SIZE = "pvt_v2_b0", Setting(128, 128), 7
#: So many samples of each process are kept: all together they stay below 300 KB.
MOST_SAMPLES = 20


@dataclass(frozen=True)
class Measured:
    """A design that was measured: predicted seconds, samples, and seconds that a process took.

    There are the samples of each process in which it was measured. ``timing_s`` is the timing,
    ``spent_s`` that and the building of the network.
    """

    design: str
    predicted_s: float
    processes: tuple[tuple[float, ...], ...]
    timing_s: float
    spent_s: float

    @property
    def seconds(self) -> float:
        """The median of all samples."""
        return Measurement(tuple(itertools.chain(*self.processes))).median


def designs(count: int, calibration: Calibration, seed: int = 0) -> Iterator[tuple[Planned, float]]:
    """Yield the first ``count`` of a seeded draw of all R and variants, with predicted seconds."""
    model = MODELS[MODEL]
    space = next(spaces(model, SETTING, calibration, Search(pool_sizes=(POOL_SIZE,))))
    whole = int(np.prod(space.shape))
    words = Planned(MODEL, "", 0, 0, (), POOL_SIZE)
    for index in random.Random(seed).sample(range(whole), whole)[:count]:
        options: tuple[Option, ...] = space.options_of(index)
        found = evaluated(model, SETTING, calibration, options)
        yield planned_of(key_of(options, POOL_SIZE), SETTING, words), found.latency.seconds


def dumps(found: Sequence[Measured]) -> str:
    """Return the data as JSON, in whole microseconds, a line a design."""
    lines = [
        json.dumps(
            [
                one.design,
                *(round(1e6 * value) for value in (one.predicted_s, one.timing_s, one.spent_s)),
                [[round(1e6 * sample) for sample in samples] for samples in one.processes],
            ],
            separators=(",", ":"),
        )
        for one in found
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def loads(text: str) -> list[Measured]:
    """Return the designs of such a text."""
    return [
        Measured(
            name,
            1e-6 * predicted,
            tuple(tuple(1e-6 * one for one in samples) for samples in processes),
            1e-6 * timing,
            1e-6 * spent,
        )
        for name, predicted, timing, spent, processes in json.loads(text)
    ]


@dataclass
class Replay:
    """Answers a measurement from samples that were taken, and counts what it would have taken.

    A measurement takes the samples of one process at random; of a part of the time, that part of
    them, from a random one on.
    """

    full_s: float = 1.0
    seed: int = 0
    spent_s: float = 0.0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def __call__(self, one: Measured, budget_s: float) -> Measurement:
        share = budget_s / self.full_s
        self.spent_s += one.spent_s - one.timing_s + one.timing_s * share
        samples = self.chance.choice(one.processes)
        count = max(1, round(share * len(samples)))
        begin = self.chance.randrange(len(samples))
        around = [samples[(begin + i) % len(samples)] for i in range(count)]
        return Measurement(tuple(around))


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


def trial(found: Sequence[Measured], most: int, full_s: float = 1.0, seed: int = 0) -> Trial:
    """Return how halving does with ``most`` measurements, against the measuring of all."""
    replay = Replay(full_s, seed)
    candidates = [Candidate(one, one.predicted_s) for one in found]
    done = Halving(candidates, replay, most, seed=seed).run()
    fastest = min(found, key=lambda one: one.seconds)
    in_order = sorted(found, key=lambda one: one.predicted_s)
    return Trial(
        done.best.what.seconds / fastest.seconds - 1,
        replay.spent_s / sum(one.spent_s for one in found),
        in_order.index(fastest) + 1,
        done.used,
        done,
    )
