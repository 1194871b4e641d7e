"""Ways to time one call on a GPU, pvtprof's own beside those that stand for the truth.

A way that is not possible here returns why, in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import torch

from pvtprof.observe import clocks
from pvtprof.observe.clocks import Call

TIMES = 20
Found = float | str


def events_as_before(device: Any, call: Call) -> float:
    """Events around a call behind the flush, nothing held: launch gaps count."""
    taken = []
    for _ in range(TIMES):
        device.synchronize()
        device.flush()
        begin = device.event()
        call()
        end = device.event()
        device.synchronize()
        taken.append(device.seconds(begin, end))
    return median(taken)


def kernels_by_cupti(call: Call) -> dict[str, float]:
    """Seconds of every kernel of one call, by its name, as NVIDIA's own tracing has them."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile, supported_activities

    if ProfilerActivity.CUDA not in supported_activities():
        return {}
    call()
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        for _ in range(TIMES):
            call()
        torch.cuda.synchronize()
    kernels = [its for its in seen.key_averages() if its.device_type == DeviceType.CUDA]
    return {its.key: its.self_device_time_total / TIMES / 1e6 for its in kernels}


def by_cupti(call: Call) -> float:
    """The sum of the kernels' seconds; raises RuntimeError where none was traced."""
    kernels = kernels_by_cupti(call)
    if not kernels:
        raise RuntimeError("no kernel was traced")
    return sum(kernels.values())


def by_triton(call: Call, graph: bool) -> float:
    """What triton's do_bench says, or its do_bench_cudagraph (which flushes no cache)."""
    from triton import testing

    bench = testing.do_bench_cudagraph if graph else testing.do_bench
    return float(bench(call, return_mode="median")) / 1e3


def in_every_way(built: Any) -> dict[str, Found]:
    """Seconds of one call of a row that was built, by every way that there is."""
    device, call, holds = built.device, built.call, built.holds
    ways: Mapping[str, Callable[[], float]] = {
        "wall": lambda: clocks.timed(call, TIMES, device, holds=holds)["wall"],
        "events, as before": lambda: events_as_before(device, call),
        "held": lambda: median(holds.plain.once_s() for _ in range(TIMES)),
        "graph": lambda: median(holds.graph.once_s() for _ in range(TIMES)),
        "CUPTI": lambda: by_cupti(call),
        "do_bench": lambda: by_triton(call, graph=False),
        "do_bench_cudagraph": lambda: by_triton(call, graph=True),
    }
    return {name: tried(way) for name, way in ways.items()}


def tried(way: Callable[[], float]) -> Found:
    """What a way says, or why it is not possible here."""
    try:
        return way()
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
