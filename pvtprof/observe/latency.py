"""The clock: latency of several designs, interleaved round by round (A B C, A B C, ...)."""

from __future__ import annotations

import importlib.util
import timeit
from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch.utils.benchmark import timer

from pvtprof.records import FEWEST_FOR_INTERVAL, Measurement

Call: TypeAlias = Callable[[], object]
#: Runs a call several times and returns samples in seconds, each the mean of one or more calls.
Sampler: TypeAlias = Callable[[Call, int], list[float]]

BLOCK_S = 0.01  # a sample lasts at least this long, so that the clock's own cost does not show
WARM_UP_S = 0.2
MOST_ROUNDS = 200
WIDE = 0.10


def sampler(device: str, clock: Callable[[], float] = timer) -> Sampler:
    """How to time on ``device``: CUDA events (through triton where there is one), else a clock."""
    if not device.startswith("cuda"):
        return lambda call, calls: [timeit.Timer(call, timer=clock).timeit(calls) / calls]
    return _triton_samples if importlib.util.find_spec("triton") else _event_samples


def _triton_samples(call: Call, calls: int) -> list[float]:
    """Samples of single calls, the L2 cache flushed between them."""
    from triton.testing import do_bench

    return [ms / 1e3 for ms in do_bench(call, warmup=1, rep=20, return_mode="all")]


def _event_samples(call: Call, calls: int) -> list[float]:
    """One sample between two CUDA events."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(calls):
        call()
    end.record()
    torch.cuda.synchronize()
    return [begin.elapsed_time(end) / 1e3 / calls]


def measure(
    calls: Mapping[str, Call],
    budget_s: float,
    sample: Sampler,
    clock: Callable[[], float] = timer,
    keep: dict[str, Measurement] | None = None,
) -> dict[str, Measurement]:
    """Latency of each call, in interleaved rounds until the budget (seconds) would be exceeded.

    Warm-up is part of the budget. A call for which the budget left no round is absent. ``keep`` is
    filled after every round, so that whoever catches Ctrl-C has what was taken by then.
    """
    begin = clock()
    kept: dict[str, Measurement] = {} if keep is None else keep
    per_sample: dict[str, int] = {}
    round_s = 0.0
    for name, call in calls.items():
        if clock() - begin + round_s > budget_s:
            return kept
        once_s = _warm_up(call, clock)
        per_sample[name] = max(1, round(BLOCK_S / max(once_s, 1e-9)))
        round_s += per_sample[name] * once_s
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(MOST_ROUNDS):
        if clock() - begin + round_s > budget_s:
            break
        before = clock()
        new = {name: sample(call, per_sample[name]) for name, call in calls.items()}
        round_s = clock() - before
        for name, values in new.items():
            samples[name] += values
            kept[name] = Measurement(tuple(samples[name]), per_sample[name])
    for name, taken in kept.items():
        kept[name] = Measurement(taken.samples, taken.calls, warnings(taken))
    return kept


def _warm_up(call: Call, clock: Callable[[], float]) -> float:
    """Call until caches, pools and clocks are warm; return the seconds of the last call."""
    begin = clock()
    while True:
        before = clock()
        call()
        after = clock()
        if after - begin > WARM_UP_S:
            return after - before


def warnings(taken: Measurement) -> tuple[str, ...]:
    """What is doubtful about a measurement, each with a remedy."""
    interval = taken.interval
    if interval is None:
        return (
            f"{len(taken.samples)} samples are too few for a 95 % interval "
            f"({FEWEST_FOR_INTERVAL} are needed); raise --budget",
        )
    low, high = interval
    if high - low > WIDE * taken.median:
        width = 100 * (high - low) / taken.median
        return (f"the 95 % interval is {width:.0f} % wide; close other programs or raise --budget",)
    return ()
