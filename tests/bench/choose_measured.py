"""The trial of `choose --measure` on this machine: all designs measured, halving replayed.

    python -m tests.bench.choose_measured measure 500   # 2.5 s a design, as a sweep does
    python -m tests.bench.choose_measured replay        # from the data, in seconds

The first writes ``tests/sweep/data/b0-128.json``; run it when nothing else runs. A design of which
too few samples for an interval were taken is measured again. It needs a calibration of this machine
(`pvtprof calibrate`), by which candidates are ordered. Interrupted, it goes on where it was.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from pvtprof.designs.published import MODELS
from pvtprof.designs.words import ROW_BUDGET_S
from pvtprof.predict.kept import known_calibration
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import measurement_of
from pvtprof.sweep.telling import row_beside, tried
from pvtprof.sweep.worker import Timing, Worker
from tests.sweep.trial import (
    DATA,
    MODEL,
    SETTING,
    WORDS,
    Measured,
    designs,
    dumps,
    loads,
    trial,
)

MEASUREMENTS = (20, 40, 60)
SEEDS = 40
TRIES = 5


def measure(count: int, path: Path) -> None:
    """Measure so many designs, into a store beside, and write what the replay needs."""
    drawn = dict(designs(count, known_calibration("cpu", "float32")))
    beside = row_beside(MODELS[MODEL], SETTING, WORDS)
    file = Path(tempfile.gettempdir()) / f"choose-measured-{count}.sqlite"
    with Store.open(file, create=True) as store, Worker(Timing(ROW_BUDGET_S)) as worker:
        there = taken(store)
        for _ in range(TRIES):
            left = [planned for planned in drawn if planned.key not in there]
            for number, planned in enumerate(random.Random(1).sample(left, len(left))):
                tried(store, "trial", planned, lambda row: worker.tried(row, beside=beside))
                print(f"{number + 1} of {len(left)}", end="\r", file=sys.stderr, flush=True)
            there = taken(store)
    if missing := [planned.key for planned in drawn if planned.key not in there]:
        sys.exit(f"{len(missing)} have no interval after {TRIES} tries: {missing[0]}")
    found = []
    for planned, predicted_s in drawn.items():
        line = there[planned.key]
        name = f"{planned.design} {','.join(map(str, planned.sr_ratios))}"
        its = measurement_of(line["measurement"])
        found.append(Measured(name, predicted_s, its, line["timing_s"], line["spent_s"]))
    path.parent.mkdir(exist_ok=True)
    path.write_text(dumps(found), encoding="utf-8")
    print(f"{len(found)} designs in {sum(one.spent_s for one in found):.0f} s: {path}")


def taken(store: Store) -> dict[str, Any]:
    """Return the measurements that have an interval: a machine that stands still leaves none."""
    sql = 'SELECT r.key, m.* FROM measured AS m JOIN "row" AS r ON r.id = m."row" ORDER BY m.id'
    return {
        line["key"]: line
        for line in store.read(sql)
        if line["measurement"] is not None and measurement_of(line["measurement"]).interval
    }


def replay(path: Path) -> None:
    """Print how halving does, with several numbers of measurements and several seeds."""
    found = loads(path.read_text(encoding="utf-8"))
    for most in MEASUREMENTS:
        done = [trial(found, most, ROW_BUDGET_S, seed) for seed in range(SEEDS)]
        slower = sorted(one.slower for one in done)
        share = sum(one.time_share for one in done) / SEEDS
        print(
            f"--measure {most}: answer slower than the fastest by {slower[SEEDS // 2]:.1%} in the "
            f"middle, {slower[-1]:.1%} at most of {SEEDS}, within 3 % in "
            f"{sum(one <= 0.03 for one in slower)}; {share:.1%} of the time of all "
            f"{len(found)}; {sum(one.used for one in done) / SEEDS:.0f} measurements"
        )
    ratios = sorted(one.measurement.median / one.predicted_s for one in found)
    print(
        f"the fastest is number {done[0].rank} in the order of predictions; measured over "
        f"predicted: {ratios[len(ratios) // 20]:.2f} to {ratios[-1 - len(ratios) // 20]:.2f}"
    )


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["measure"]:
        measure(int(words[1]), Path(words[2]) if len(words) > 2 else DATA)
    else:
        replay(Path(words[1]) if len(words) > 1 else DATA)
