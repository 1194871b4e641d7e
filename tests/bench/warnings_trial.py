"""Runs of `compare` on a machine as it is, or beside one busy loop a core: who is warned?

    python -m tests.bench.warnings_trial idle [RUNS]     (20; nothing else may run)
    python -m tests.bench.warnings_trial busy [RUNS]

An idle run must mark no time as doubtful and say of no row that it waited for a core or was
interrupted; a busy one must mark every time that was taken. Prints one line a run, and ends with 1
where one was not so.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pvtprof
from pvtprof import cores

BUDGET_S = 12.0
SETTING = {"model": "pvt_v2_b0", "img": 224, "device": "cpu"}
#: Remarks on what other programs did; those on the budget are not about them.
DISTURBED = ("waited for a core", "interrupted by other programs")


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """One process that never rests for each core."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def one(is_busy: bool) -> tuple[bool, str]:
    """Whether a run warns as it should, and what it said."""
    with busy_loops(cores.count() if is_busy else 0):
        run = pvtprof.compare(**SETTING, budget_s=BUDGET_S)
    timed = [row for row in run.rows if row.latency]
    marked = sum(row.is_doubtful for row in timed)
    shares = sorted(row.latency.waited for row in timed)
    disturbed = sum(
        remark.what.startswith(DISTURBED) for row in timed for remark in row.latency.remarks
    )
    is_right = marked == len(timed) > 0 if is_busy else not (marked or disturbed)
    said = (
        f"{marked} of {len(timed)} times marked, {disturbed} rows disturbed, waited "
        f"{100 * shares[0]:.1f} to {100 * shares[-1]:.1f} % of the time"
    )
    return is_right, said


def main() -> int:
    """Run the trials; 1 where one did not warn as it should."""
    is_busy, runs = sys.argv[1] == "busy", int(sys.argv[2]) if len(sys.argv) > 2 else 20
    right = 0
    for number in range(runs):
        is_right, said = one(is_busy)
        right += is_right
        print(f"{sys.argv[1]} {number + 1}: {'right' if is_right else 'WRONG'}: {said}", flush=True)
    print(f"{right} of {runs} runs warned as they should")
    return right < runs


if __name__ == "__main__":
    sys.exit(main())
