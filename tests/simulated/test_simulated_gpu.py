"""Timing on a simulated GPU: one processor that launches, one stream in order, a virtual clock."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from pvtprof.analytic import liveness
from pvtprof.analytic.formulas import Term, attention_ops, running
from pvtprof.analytic.geometry import attention_sizes
from pvtprof.observe import clocks, held
from pvtprof.observe.measurement import LAUNCH_BOUND, Measurement
from tests.builders import random_stage
from tests.simulated.stream import Stream
from tests.trials import ALL

FLUSH_S = 103e-6
CASES = 2000 if ALL else 600
MIB = 2**20


class Simulated:
    """A device on a clock that moves when something is launched or waited for."""

    is_cuda = True

    def __init__(self) -> None:
        self.clock = 0.0
        self.stream = Stream(self.now, self.sleep)

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def launch(self, launch_s: float, kernel_s: float) -> None:
        self.clock += launch_s
        self.stream.launch(kernel_s)

    def synchronize(self) -> None:
        self.stream.synchronize()

    def event(self) -> float:
        return self.stream.mark()

    def has_passed(self, event: float) -> bool:
        return self.clock >= event

    def seconds(self, begin: float, end: float) -> float:
        return end - begin

    def hold(self, seconds: float) -> None:
        self.stream.launch(seconds)

    def flush(self) -> None:
        self.stream.launch(FLUSH_S)


def network(device: Simulated, kernels: list[float], launch_s: float) -> Callable[[], None]:
    def call() -> None:
        for kernel_s in kernels:
            device.launch(launch_s, kernel_s)

    return call


def wall_s(device: Simulated, call: Callable[[], None], calls: int = 5) -> float:
    device.synchronize()
    begin = device.now()
    for _ in range(calls):
        call()
    device.synchronize()
    return (device.now() - begin) / calls


def events_s(device: Simulated, call: Callable[[], None]) -> float:
    """As it was before: events around a call behind the flush, nothing held."""
    device.synchronize()
    device.flush()
    begin = device.event()
    call()
    return device.seconds(begin, device.event())


@pytest.mark.parametrize(
    ("count", "kernel_s", "launch_s", "shown_before"),
    [(15, 4e-6, 15e-6, 2.1), (350, 4e-6, 8e-6, 1.9), (350, 2e-6, 12e-6, 5.9)],
)
def test_launch_gaps_are_no_time_on_the_device(
    count: int, kernel_s: float, launch_s: float, shown_before: float
) -> None:
    """Fault 3 of the review of the GPU path: launch gaps were shown as the device's time."""
    device = Simulated()
    call = network(device, [kernel_s] * count, launch_s)
    assert events_s(device, call) / (count * kernel_s) == pytest.approx(shown_before, rel=0.05)
    found = held.Held(device, call)
    assert found.mean_s(3) == pytest.approx(count * kernel_s, rel=0.02)
    assert found.is_held


def test_over_random_networks_device_time_is_the_sum_of_kernels_and_launches_are_told() -> None:
    rng = random.Random(13)
    for _ in range(CASES):
        device = Simulated()
        kernels = [10 ** rng.uniform(-6, -3.5) for _ in range(rng.randint(1, 200))]
        launch_s = 10 ** rng.uniform(-5.7, -4.3)
        call = network(device, kernels, launch_s)
        true = sum(kernels)
        seconds = held.Held(device, call).mean_s(2)
        assert seconds == pytest.approx(true, rel=0.02)
        wall = wall_s(device, call)
        replay = held.Held(device, network(device, [true], 8e-6)).mean_s(2)
        assert replay <= seconds * (1 + 1e-9)
        said = Measurement((seconds,) * 6, series={"wall": (wall,) * 6}).warnings
        is_bound = wall > LAUNCH_BOUND * true
        assert any("launch-bound" in text for text in said) == is_bound


def test_over_random_networks_operators_add_up_to_the_time_on_the_device() -> None:
    """Fault 4 of the review: an operator's event contained the cost of watching it, 25 us."""
    rng = random.Random(14)
    for _ in range(CASES // 4):
        device = Simulated()
        kernels = [10 ** rng.uniform(-6, -4) for _ in range(rng.randint(1, 60))]

        def watched(
            mark: Callable[[], float], its: list[float] = kernels, on: Simulated = device
        ) -> list[tuple[str, float, float]]:
            found = []
            for kernel_s in its:
                begin = mark()
                on.launch(25e-6, kernel_s)
                found.append(("op", begin, mark()))
            return found

        ops, was_held = held.operators(device, watched, 3)
        assert was_held
        assert [seconds for _, seconds in ops] == pytest.approx(kernels, rel=1e-6)


class Counting(Simulated):
    """A card that is fast while it works, and that counts what each kernel costs."""

    def __init__(self) -> None:
        super().__init__()
        self.launches = 0

    def launch(self, launch_s: float, kernel_s: float) -> None:
        super().launch(launch_s, kernel_s)
        self.launches += 1

    def state(self) -> dict[str, float]:
        busy = self.stream.free_at > self.clock
        found = {"sm_mhz": 1980.0 if busy else 210.0, "throttled": float(busy)}
        return found | {"energy_mj": 5.0 * self.launches, "violated_ns": 2e3 * self.launches}


def test_a_cards_state_is_read_while_it_works_and_its_counters_before_and_after() -> None:
    """Fault 17 of the review: NVML was read once after the synchronisation, when the card idles."""
    device = Counting()
    seen = clocks.timed(network(device, [1e-4] * 20, 5e-6), 3, device, clock=device.now)
    assert (seen["sm_mhz"], seen["throttled"]) == (1980.0, 1.0)
    assert seen["joules"] == pytest.approx(20 * 5e-3)
    assert seen["throttled_s"] == pytest.approx(3 * 20 * 2e-6)


@pytest.mark.parametrize("launches", [1, 1500])
def test_a_call_that_cannot_be_held_is_said_to_be_so(launches: int) -> None:
    """One waits for the device inside; one launches more than the queue takes."""
    device = Simulated()

    def call() -> None:
        for _ in range(launches):
            device.launch(5e-6, 4e-6)
        if launches == 1:
            device.synchronize()

    found = held.Held(device, call)
    assert found.once_s() > 0
    assert not found.is_held


class Allocator:
    """Blocks by the rules of CUDACachingAllocator: rounding, two pools, what is split and what not.

    Source: c10/cuda/CUDACachingAllocator.cpp: blocks of 512 bytes; small ones to 1 MiB from
    segments of 2 MiB; to 10 MiB from segments of 20 MiB, larger from whole multiples of 2 MiB; the
    rest of a large block is split off where it is more than 1 MiB.
    """

    def __init__(self) -> None:
        self.free: dict[bool, list[int]] = {True: [], False: []}
        self.now = self.peak = 0

    def allocate(self, size: int) -> int:
        size = max(512, -(-size // 512) * 512)
        small = size <= MIB
        fitting = [block for block in self.free[small] if block >= size]
        if fitting:
            block = min(fitting)
            self.free[small].remove(block)
        elif small:
            block = 2 * MIB
        else:
            block = 20 * MIB if size < 10 * MIB else -(-size // (2 * MIB)) * 2 * MIB
        rest = block - size
        if rest >= (512 if small else MIB + 1):
            self.free[small].append(rest)
            block = size
        self.now += block
        self.peak = max(self.peak, self.now)
        return block

    def release(self, block: int) -> None:
        self.free[block <= MIB].append(block)
        self.now -= block


def test_the_allocators_peak_is_the_formula_and_at_most_a_mebibyte_a_large_block() -> None:
    rng = random.Random(15)
    for case in range(CASES):
        variant = ("mha", "sra_conv", "sra_pool")[case % 3]
        grid = (rng.randint(4, 56), rng.randint(4, 56))
        stage = random_stage(rng, variant, grid)
        sizes = attention_sizes(stage, rng.randint(1, 4), grid, rng.randint(1, 7))
        terms = running(Term(op, sizes) for op in attention_ops(stage.runs_as))
        formula = liveness.allocated_peak(terms, "float32")
        allocator, large = replayed(terms)
        assert 0 <= allocator.peak - formula <= MIB * large, (stage, grid)


def replayed(terms: tuple[Term, ...]) -> tuple[Allocator, int]:
    """The operators, run against the allocator; and the most large blocks that lived at once."""
    allocator = Allocator()
    run = liveness.allocating(terms)
    released = liveness.releases(run)
    alive: dict[str, int] = {}
    most = 0
    for i, term in enumerate(run):
        beside: list[int] = []
        for _, taken, extra in liveness.allocations(term, "float32"):
            halves = (extra // 2, extra // 2) if term.op.kind == "layernorm" else (extra,)
            made = allocator.allocate(taken) if taken else 0
            beside += [allocator.allocate(one) for one in halves if one]
            alive[term.op.name], before = made, alive.get(term.op.name)
            if before:
                allocator.release(before)
            most = max(most, sum(block > MIB for block in (*alive.values(), *beside)))
        for block in beside:
            allocator.release(block)
        for name in released.get(i, ()):
            if block := alive.pop(name):
                allocator.release(block)
    return allocator, most
