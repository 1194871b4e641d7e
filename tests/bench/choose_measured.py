"""The trial of `choose --measure` on this machine: all designs measured, halving replayed.

    python -m tests.bench.choose_measured measure 500   # three times 0.6 s a design, and building
    python -m tests.bench.choose_measured replay        # from the data, in seconds

The first writes ``tests/sweep/data/b0-128.json``; run it when nothing else runs. It needs a
calibration of this machine (`pvtprof calibrate`), by which candidates are ordered. Interrupted, it
goes on where it was.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from pvtprof.predict.kept import known_calibration
from pvtprof.sweep.measuring import Sweeping, sweep
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import measurement_of
from pvtprof.sweep.worker import Timing
from tests.sweep.trial import DATA, MOST_SAMPLES, Measured, designs, dumps, loads, trial

#: Seconds of timing for each design in one process, and how many times each is measured, each
#: time in another process: a process can be lucky for all of its calls.
FULL_S, PASSES = 0.6, 3
MEASUREMENTS = (40, 60, 80, 100)
SEEDS = 20


def measure(count: int, path: Path) -> None:
    """Measure so many designs, into a store beside, and write what the replay needs."""
    drawn = dict(designs(count, known_calibration("cpu", "float32")))
    beside = Path(tempfile.gettempdir()) / f"choose-measured-{count}.sqlite"
    with Store.open(beside, create=True) as store:
        store.add(drawn, seed=0)
        least = 'SELECT min(tries) FROM "row" WHERE refused IS NULL'
        while next(store.read(least))[0] < PASSES:
            store.measure_again(drawn)
            sweep(store, Sweeping(Timing(FULL_S)), lambda text: print(text, file=sys.stderr))
        sql = (
            'SELECT r.key, r.design, r.sr_ratios, m.* FROM measured AS m JOIN "row" AS r '
            'ON r.id = m."row" WHERE m.measurement IS NOT NULL ORDER BY r.key'
        )
        lines = list(store.read(sql))
    by_key = {planned.key: predicted for planned, predicted in drawn.items()}
    found = [
        measured(by_key[key], list(tries))
        for key, tries in itertools.groupby(lines, lambda line: line["key"])
        if key in by_key
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text(dumps(found), encoding="utf-8")
    print(f"{len(found)} designs in {sum(line['spent_s'] for line in lines):.0f} s: {path}")


def measured(predicted_s: float, tries: Sequence[Any]) -> Measured:
    """Return one design, which was measured in several processes."""
    return Measured(
        f"{tries[0]['design']} {tries[0]['sr_ratios']}",
        predicted_s,
        tuple(measurement_of(line["measurement"]).samples[:MOST_SAMPLES] for line in tries),
        mean(line["timing_s"] for line in tries),
        mean(line["spent_s"] for line in tries),
    )


def replay(path: Path) -> None:
    """Print how halving does, with several numbers of measurements and several seeds."""
    found = loads(path.read_text(encoding="utf-8"))
    for most in MEASUREMENTS:
        done = [trial(found, min(most, 4 * len(found)), FULL_S, seed) for seed in range(SEEDS)]
        slower = sorted(one.slower for one in done)
        share = sum(one.time_share for one in done) / SEEDS
        print(
            f"--measure {most}: answer slower than the fastest by {slower[SEEDS // 2]:.1%} in the "
            f"middle, {slower[-1]:.1%} at most of {SEEDS}; {share:.1%} of the time of all "
            f"{len(found)}; {sum(one.used for one in done) / SEEDS:.0f} measurements"
        )
    ratios = sorted(one.seconds / one.predicted_s for one in found)
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
