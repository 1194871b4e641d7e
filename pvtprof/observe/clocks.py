"""How a call is timed and watched: samples by every clock, operators, and a GPU's memory.

The worker loads it beside itself, whatever pvtprof it runs: it imports nothing but its neighbours.
"""

from __future__ import annotations

import sys
import time
import timeit
from collections.abc import Callable, Iterable
from typing import Any

from . import device as seam
from . import held as holding

Call = Callable[[], object]
Block = dict[str, float]  # one sample: seconds of one call by clock, and what disturbed it
Sampler = Callable[[int], Block]  # times so many calls, as one sample
DIGITS = 10  # of seconds: a tenth of a nanosecond is less than any clock shows


class Holds:
    """A call and its CUDA graph, if it has one, as they are held back; each time teaches them."""

    def __init__(self, device: Any, call: Call, graph: Call | None = None) -> None:
        self.plain = holding.Held(device, call)
        self.graph = holding.Held(device, graph) if graph else None


def timed(
    call: Call,
    calls: int,
    device: Any = "cpu",
    clock: Any = time.perf_counter,
    holds: Holds | None = None,
) -> Block:
    """Return one sample: seconds of one call, the mean of ``calls``, by every clock that there is.

    "wall" and "cpu" (the process's processor time, of all threads) are of a loop of calls that ends
    with a synchronisation; for "waited" of "wall" the calling thread had no core. On CUDA "device"
    is of kernels back to back (see ``held``), the L2 cache flushed before, and "graph" the same of
    a CUDA graph's replay, if ``holds`` has one. "switches" and "faults" are what disturbed the
    process, in all calls together.
    """
    device = seam.of(device) if isinstance(device, str) else device
    loop = timeit.Timer(call, timer=_ending(device, clock))
    begin = device.state()
    disturbed, cpu, own = _disturbances(), time.process_time_ns(), time.thread_time_ns()
    wall = loop.timeit(calls) / calls
    own, cpu = time.thread_time_ns() - own, time.process_time_ns() - cpu
    found = {
        "wall": round(wall, DIGITS),
        "cpu": round(cpu / calls / 1e9, DIGITS),
        "waited": round(max(0.0, wall - own / calls / 1e9), DIGITS),
    }
    found |= {name: now - disturbed[name] for name, now in _disturbances().items()}
    if device.is_cuda:
        found |= counted(begin, device.state(), calls)
        holds = holds or Holds(device, call)
        found["device"] = round(holds.plain.mean_s(calls), DIGITS)
        if holds.graph:
            found["graph"] = round(holds.graph.mean_s(calls), DIGITS)
        found["unheld"] = float(not holds.plain.is_held)
        found |= _busy_state(device, call)
    return found


def _disturbances() -> dict[str, int]:
    """What the system counts of this process so far; {} where it does not."""
    try:
        import resource
    except ImportError:  # Windows
        return {}
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"switches": used.ru_nivcsw, "faults": used.ru_minflt}


def _ending(device: Any, clock: Callable[[], float]) -> Callable[[], float]:
    """Return the clock, read when all that was launched has run."""

    def read() -> float:
        device.synchronize()
        return clock()

    return read if device.is_cuda else clock


def counted(begin: Block, end: Block, calls: int) -> Block:
    """Return a GPU's counters for so many calls: seconds of throttling, joules of one call."""
    found = {}
    for name, counter, one in (
        ("throttled_s", "violated_ns", 1e9),
        ("joules", "energy_mj", 1e3 * calls),
    ):
        if counter in begin and counter in end:
            found[name] = max(0.0, end[counter] - begin[counter]) / one
    return found


def _busy_state(device: Any, call: Call) -> Block:
    """Return clock, heat and throttling while the GPU works on a call: after it, it idles."""
    call()
    state = device.state()
    device.synchronize()
    return {name: state[name] for name in ("sm_mhz", "celsius", "throttled") if name in state}


def allocated(call: Call, device: Any) -> dict[str, int]:
    """Return the most bytes that a warm call takes on a GPU, and other memory."""
    call()
    device.synchronize()
    device.reset_peak()
    before = device.memory()
    call()
    device.synchronize()
    most, now = device.memory(peak=True), device.memory()
    return {
        "requested": most.requested - before.requested,
        "allocated": most.allocated - before.allocated,
        "reserved": now.reserved,
        "taken": now.taken,
    }


def _watched(call: Call, mark: Callable[[], Any], keep: Callable[[str, Any, Any], None]) -> object:
    """Return the result of a call, with name and marks of every operator in it."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Watch(TorchDispatchMode):
        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            """Whether to forbid compiling this: torch would load its compiler to do so, for 2 s."""
            return "torch._dynamo" in sys.modules

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            begin = mark()
            result = func(*args, **(kwargs or {}))
            keep(func._schema.name.partition("::")[2], begin, mark())
            return result

    with Watch():  # type: ignore[no-untyped-call] # torch's
        return call()


def profiled(call: Call, times: int, device: Any = "cpu") -> tuple[list[tuple[str, float]], bool]:
    """Return every operator of a call with its seconds in context, and whether it was held.

    The median over so many calls, one after the other; on a CPU by the clock around each operator,
    on CUDA by events while the stream is held back.
    """
    device = seam.of(device) if isinstance(device, str) else device

    def watched(mark: Callable[[], Any]) -> list[tuple[str, Any, Any]]:
        taken: list[tuple[str, Any, Any]] = []
        _watched(call, mark, lambda *one: taken.append(one))
        return taken

    ops, was_held = holding.operators(device, watched, times)
    return [(name, round(seconds, DIGITS)) for name, seconds in ops], was_held


def named(call: Call) -> tuple[object, list[str]]:
    """Return what a call returns, and the names of torch's operators in it."""
    names: list[str] = []

    def mark() -> None:
        return None

    output = _watched(call, mark, lambda name, begin, end: names.append(name))
    return output, names


#: What torch's operators of fused attention begin with, and how a backend is called.
_FUSED = "_scaled_dot_product_"
_BACKENDS = ("flash", "efficient", "cudnn", "fused", "math")


def fused_backend(names: Iterable[str]) -> str | None:
    """Return the backend of fused attention by the operators that ran; None if none ran.

    The math backend is no operator of its own: it is written out with a softmax that is safe.
    """
    for name in names:
        if name.startswith(_FUSED):
            return next((b for b in _BACKENDS if b in name), name.removeprefix(_FUSED))
        if name == "_safe_softmax":
            return "math"
    return None
