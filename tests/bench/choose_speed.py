"""How fast designs are evaluated: a million, on one core; and a whole search.

taskset -c 0 python -m tests.bench.choose_speed
"""

from __future__ import annotations

import resource
import time
import tracemalloc

import numpy as np

from pvtprof.predict import choose, space, wanted
from tests.builders import made_up_calibration, model_at

MILLION = 1_000_000


def main() -> None:
    machine, (model, setting) = made_up_calibration(), model_at("pvt_v2_b2", 512)
    begin = time.perf_counter()
    spaces = list(space.spaces(model, setting, machine))
    print(f"tables of {len(spaces)} spaces: {time.perf_counter() - begin:.2f} s")
    designs = np.random.default_rng(0).integers(0, int(np.prod(spaces[0].shape)), MILLION)
    tracemalloc.start()
    begin, done = time.perf_counter(), 0
    for part in range(0, MILLION, wanted.CHUNK):
        done += len(spaces[0].evaluated(designs[part : part + wanted.CHUNK], machine))
    seconds, (_, most) = time.perf_counter() - begin, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"{done:,} designs evaluated: {seconds:.2f} s, {most / 2**20:.0f} MiB at most")
    begin = time.perf_counter()
    found = choose.choose(model, setting, machine)
    print(
        f"search of {found.searched:,} designs, {len(found.front)} on the front: "
        f"{time.perf_counter() - begin:.1f} s"
    )
    print(f"resident at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
