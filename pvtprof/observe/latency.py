"""The clock: latency of several designs, interleaved round by round (A B C, A B C, ...)."""

from __future__ import annotations

import importlib.util
import resource
import timeit
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

import torch
from torch.utils.benchmark import timer

from pvtprof.records import Measurement

Call: TypeAlias = Callable[[], object]
#: Runs a call about so often; returns samples in seconds, and of how many calls each is the mean.
Sampler: TypeAlias = Callable[[Call, int], tuple[list[float], int]]

BLOCK_S = 0.01  # a sample lasts at least this long, so that the clock's own cost does not show
WARM_UP_S = 0.2
MOST_ROUNDS = 200


def on(device: str) -> AbstractContextManager[object]:
    """Makes ``device`` the current one, which is what CUDA events and synchronisation refer to."""
    return torch.cuda.device(device) if device.startswith("cuda") else nullcontext()


def sampler(device: str, clock: Callable[[], float] = timer) -> Sampler:
    """How to time on ``device``: CUDA events (through triton where there is one), else a clock."""
    if not device.startswith("cuda"):
        return lambda call, calls: ([timeit.Timer(call, timer=clock).timeit(calls) / calls], calls)
    return _triton_samples if importlib.util.find_spec("triton") else _event_samples


def _triton_samples(call: Call, calls: int) -> tuple[list[float], int]:
    """Samples of single calls, the L2 cache flushed between them."""
    from triton.testing import do_bench

    return [ms / 1e3 for ms in do_bench(call, warmup=1, rep=20, return_mode="all")], 1


def _event_samples(call: Call, calls: int) -> tuple[list[float], int]:
    """One sample between two CUDA events."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(calls):
        call()
    end.record()
    torch.cuda.synchronize()
    return [begin.elapsed_time(end) / 1e3 / calls], calls


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
        once_s = _warm_up(call, clock, min(WARM_UP_S, budget_s / (4 * len(calls))))
        per_sample[name] = max(1, round(BLOCK_S / max(once_s, 1e-9)))
        round_s += per_sample[name] * once_s
    samples: dict[str, list[float]] = {name: [] for name in calls}
    disturbed: dict[str, Counter[str]] = {name: Counter() for name in calls}
    for _ in range(MOST_ROUNDS):
        if clock() - begin + round_s > budget_s:
            break
        before = clock()
        new = {name: _disturbed(sample, call, per_sample[name]) for name, call in calls.items()}
        round_s = clock() - before
        for name, (values, averaged, by) in new.items():
            samples[name] += values
            disturbed[name].update(by)
            switches, faults = disturbed[name]["switches"], disturbed[name]["faults"]
            kept[name] = Measurement(tuple(samples[name]), averaged, switches, faults)
    return kept


def _disturbed(
    sample: Sampler, call: Call, calls: int
) -> tuple[list[float], int, Mapping[str, int]]:
    """Samples, and by what the process was disturbed meanwhile."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    values, averaged = sample(call, calls)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return values, averaged, {
        "switches": after.ru_nivcsw - before.ru_nivcsw,
        "faults": after.ru_minflt - before.ru_minflt,
    }  # fmt: skip


def _warm_up(call: Call, clock: Callable[[], float], seconds: float) -> float:
    """Call for some seconds, until caches and pools are warm; return those of the last call."""
    begin = clock()
    while True:
        before = clock()
        call()
        after = clock()
        if after - begin >= seconds:
            return after - before
