"""What a sweep takes beyond the timing of its rows, and what that is made of.

    python -m tests.bench.sweep_overhead [ROWS] [BUDGET_S]

Measures ROWS (200) of small networks into a store in the temporary folder, each with one thread and
the budget that is the default. Prints (whole - timing) / timing, where the timing is the sum of
what the store says of its rows, and the seconds of everything else.
"""

from __future__ import annotations

import itertools
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from pvtprof.observe import sides
from pvtprof.sweep import worker
from pvtprof.sweep.measuring import Sweeping, sweep
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.store import Store
from pvtprof.sweep.worker import Timing

#: Rows are drawn from these: a model, three designs, sizes, batches, eager and fused.
AXES = (
    ("pvt_v2_b0",),
    (("mha", (1, 1, 1, 1)), ("sra_conv", (4, 2, 1, 1)), ("sra_pool", (1, 1, 1, 1))),
    range(64, 224, 16),
    (1, 2, 3, 4),
    ("eager", "sdpa"),
)
SPENT: dict[str, list[float]] = defaultdict(list)


def rows(count: int) -> list[Planned]:
    """Some rows, the same ones each time."""
    every = [
        Planned(model, design, side, side, ratios, 7, batch=batch, attention=attention, threads=1)
        for model, (design, ratios), side, batch, attention in itertools.product(*AXES)
    ]
    return random.Random(0).sample(every, min(count, len(every)))


def watch(owner: Any, name: str, label: Callable[..., str]) -> None:
    """Keep the seconds of every call of a function under its label."""
    function = getattr(owner, name)

    def watched(*args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            SPENT[label(*args)].append(time.perf_counter() - begin)

    setattr(owner, name, watched)


def asked(side: Any, request: dict[str, Any]) -> str:
    """What a request to a timed process is about."""
    return {
        "fork": "fork, build, first call",
        "end": "end of the fork",
        "calls": "(calls: the timing itself)",
    }[next(iter(request))]


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    timing = Timing(float(sys.argv[2])) if len(sys.argv) > 2 else Timing()
    watch(sides.Side, "ask", asked)
    watch(worker.Worker, "_side", lambda *_: "warm processes")
    watch(worker.Worker, "_where", lambda *_: "environment, import of torch")
    watch(worker.Worker, "reference", lambda *_: "the reference (with its timing)")
    watch(worker, "_check_memory", lambda *_: "memory that is free")
    watch(Planned, "row", lambda *_: "closed form")
    watch(Store, "lease", lambda *_: "lease")
    watch(Store, "record", lambda *_: "record")
    watch(Store, "progress", lambda *_: "progress")
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(Path(folder, "s.sqlite"), create=True) as store,
    ):
        begin = time.perf_counter()
        store.add(rows(count), seed=0)
        added, begin = time.perf_counter() - begin, time.perf_counter()
        SPENT.clear()
        sweep(store, Sweeping(timing), lambda text: print(text, file=sys.stderr))
        whole = time.perf_counter() - begin
        tries = [
            tuple(row)
            for row in store.read(
                "SELECT timing_s, json_extract(measurement, '$.stopped') FROM measured "
                "WHERE NOT is_reference AND median_s IS NOT NULL"
            )
        ]
    timed = sum(its[0] for its in tries)
    print(f"{len(tries)} rows, {count} closed forms added in {added:.2f} s")
    print(f"whole {whole:.1f} s, timing {timed:.1f} s: overhead {whole / timed - 1:.1%}")
    print(
        f"a row: timing {timed / len(tries):.3f} s; stopped by {dict(Counter(s for _, s in tries))}"
    )
    for label, seconds in sorted(SPENT.items(), key=lambda its: -sum(its[1])):
        middle = 1e3 * median(seconds)
        print(f"  {label:32} {sum(seconds):7.2f} s, {len(seconds)} times {middle:.1f} ms")


if __name__ == "__main__":
    main()
