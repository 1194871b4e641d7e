"""False alarms and power of times against a stored baseline, measured on this machine.

    python -m tests.bench.stored_power --turns 20

The attention row of aa_power, timed once as `pvtprof check FILE --update --latency` does; then, in
turns, the same code and 10, 20 and 30 % more queries are held to that as `pvtprof check FILE`
does. Prints what was said of each.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter
from dataclasses import replace

from pvtprof.check import stored_times
from pvtprof.check.baseline import Baseline
from pvtprof.check.request import AT_TWO_TIMES, Checked, Timing
from pvtprof.designs.workload import workload
from pvtprof.observe.environment import environment
from tests.bench.aa_power import written

TURN = (0, 10, 20, 30)  # per cent more work
TARGET = "row_design:factory"


def main() -> None:
    """Print the verdicts as they come, and their counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--budget", type=float, default=8.0)
    options = parser.parse_args()
    here, work = environment("cpu"), replace(workload(), device="cpu")
    verdicts: Counter[tuple[int, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        folders = {percent: written(folder, percent) for percent in TURN}
        os.chdir(folders[0])
        times = stored_times.timed(here, Checked(work, TARGET), [TARGET], 1, Timing(options.budget))
        old = Baseline(here, work, TARGET, {TARGET: None}, times)  # type: ignore[dict-item] # times alone
        for turn in range(options.turns):
            for percent in TURN:
                os.chdir(folders[percent])
                timing = Timing(options.budget, AT_TWO_TIMES)
                found = stored_times.gate("b.json", old, old, True, timing, lambda text: None)
                verdicts[percent, found.cases[0].status] += 1
                print(turn, percent, found.text.splitlines()[0], flush=True)
        os.chdir("/")
    for (percent, status), count in sorted(verdicts.items()):
        print(f"{percent} % more work: {status} {count} of {options.turns}")


if __name__ == "__main__":
    main()
