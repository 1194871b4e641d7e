"""The clock, driven by a fake one; and on real devices."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from pvtprof.observe import clocks, cuda, latency
from pvtprof.observe.clocks import Sampler
from pvtprof.observe.latency import Plan
from pvtprof.observe.measurement import Measurement, median_interval
from tests.rounds import PLENTY_S, eight_rounds


def of_real_calls(**calls: Callable[[], object]) -> dict[str, Measurement]:
    """By the real clock."""
    with eight_rounds():
        samplers = {name: latency.sampler(call) for name, call in calls.items()}
        return latency.measure(samplers, Plan(PLENTY_S))


class FakeClock:
    """A clock that moves only when something is called."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[str] = []

    def __call__(self) -> float:
        return self.now

    def call(self, name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            self.log.append(name)
            self.now += seconds

        return run

    def sampler(self, call: Callable[[], None]) -> Sampler:
        return partial(clocks.timed, call, clock=self)


def measure(clock: FakeClock, budget_s: float, **seconds: float) -> dict[str, Measurement]:
    calls = {name: clock.sampler(clock.call(name, s)) for name, s in seconds.items()}
    return latency.measure(calls, Plan(budget_s, clock=clock))


def test_samples_are_the_time_of_one_call() -> None:
    taken = measure(FakeClock(), 30, a=0.001, b=0.5)
    assert taken["a"].samples == pytest.approx([0.001] * len(taken["a"].samples))
    assert taken["b"].median == pytest.approx(0.5)


def test_short_calls_are_timed_in_blocks() -> None:
    taken = measure(FakeClock(), 30, a=0.001, b=0.5)
    assert (taken["a"].calls, taken["b"].calls) == (10, 1)


def test_rounds_are_interleaved_in_random_order() -> None:
    clock = FakeClock()
    taken = measure(clock, 10, a=0.3, b=0.3, c=0.3)
    rounds = len(taken["a"].samples)
    log = clock.log[-3 * rounds :]
    orders = {"".join(log[i : i + 3]) for i in range(0, len(log), 3)}
    assert {"".join(sorted(order)) for order in orders} == {"abc"}
    assert len(orders) > 2
    assert clock.log == measured_log(10, a=0.3, b=0.3, c=0.3)  # the same seed, the same order


def measured_log(budget_s: float, **seconds: float) -> list[str]:
    clock = FakeClock()
    measure(clock, budget_s, **seconds)
    return clock.log


def varying(clock: FakeClock, name: str, seconds: float, by: float) -> Sampler:
    """A call whose time varies by so large a share, at random."""
    rng = random.Random(name)

    def run() -> None:
        clock.now += seconds * (1 + by * rng.uniform(-1, 1))

    return clock.sampler(run)


def test_measuring_stops_when_every_ratio_is_narrow() -> None:
    clock = FakeClock()
    calls = {name: varying(clock, name, 0.1, 0.03) for name in "abc"}
    said: list[str] = []
    taken = latency.measure(calls, Plan(1000, clock=clock, progress=said.append))
    assert {m.stopped for m in taken.values()} == {"interval"}
    assert clock.now < 30
    for name in "bc":
        low, high = median_interval(
            [x / y for x, y in zip(taken[name].samples, taken["a"].samples, strict=True)]
        ) or (0, 1)
        assert high / low - 1 < latency.TARGET_WIDTH
    assert said[-1].startswith(f"round {len(taken['a'].samples)}: b ±0.")


def test_a_wide_ratio_takes_the_budget_and_a_row_says_so() -> None:
    clock = FakeClock()
    calls = {"a": varying(clock, "a", 0.1, 0.5), "b": varying(clock, "b", 0.1, 0.5)}
    taken = latency.measure(calls, Plan(10, clock=clock))
    assert {m.stopped for m in taken.values()} == {"budget"}
    assert clock.now > 9


def test_what_was_seen_with_each_sample_is_kept() -> None:
    x = torch.randn(64, 64)
    begin = time.process_time()
    taken = of_real_calls(mm=lambda: x @ x)["mm"]
    spent_s = time.process_time() - begin
    assert set(taken.series) >= {"cpu"}
    assert {len(values) for values in taken.series.values()} == {len(taken.samples)}
    assert 0 < taken.calls * sum(taken.series["cpu"]) <= spent_s
    assert taken.middle("wall") is None  # what the samples are


def test_a_reading_that_fails_later_leaves_its_series_out_and_loses_nothing_else() -> None:
    """Fault 10 of the review of the GPU path: it was a KeyError, and the report was lost."""
    clock = FakeClock()

    def sample(calls: int) -> clocks.Block:
        clock.now += 0.1
        read = {"sm_mhz": 1980.0} if clock.now < 0.45 else {}  # in the first rounds alone
        return {"wall": 0.1, "device": 0.05, "celsius": 61.0} | read

    taken = latency.measure({"a": sample}, Plan(100, clock=clock))["a"]
    assert set(taken.samples) == {0.05}
    assert set(taken.series) == {"wall", "celsius"}


@pytest.mark.parametrize("budget_s", [0.0, 0.5, 3.0, 17.0])
def test_the_budget_bounds_the_measuring(budget_s: float) -> None:
    clock = FakeClock()
    measure(clock, budget_s, a=0.4, b=0.4)
    assert clock.now <= max(budget_s, 0.4) + 0.4  # a warm-up call under way is finished


def test_a_call_that_the_budget_leaves_out_is_absent() -> None:
    assert measure(FakeClock(), 1.0, a=0.9, b=0.9) == {}


def test_a_call_that_grows_slow_ends_the_rounds_early() -> None:
    clock = FakeClock()
    seconds = iter([0.3] + [1.0] * 100)

    def slowing() -> None:
        clock.now += next(seconds)

    latency.measure({"a": clock.sampler(slowing)}, Plan(5.0, clock=clock))
    assert clock.now <= 6.0


def test_a_small_budget_is_not_spent_on_warming_up() -> None:
    taken = measure(FakeClock(), 0.5, a=0.001, b=0.001, c=0.001)
    assert min(len(taken[name].samples) for name in "abc") >= 6


def test_ctrl_c_leaves_the_rounds_that_were_complete() -> None:
    clock, kept = FakeClock(), {}
    remaining = iter(range(9))

    noise = random.Random(0)

    def stopped() -> None:
        clock.now += noise.choice((0.2, 0.4))
        if next(remaining, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        latency.measure({"a": clock.sampler(stopped)}, Plan(60, clock=clock), keep=kept)
    assert len(kept["a"].samples) == 8  # 9 calls, one of them warm-up


def test_no_interval_below_six_samples_and_a_warning_instead() -> None:
    few = Measurement((1.0, 2.0, 3.0, 4.0, 5.0))
    assert few.interval is None
    assert few.warnings[0].startswith("fewer samples than the 6 that a 95 % interval needs (5)")


def test_the_interval_is_that_of_the_order_statistics() -> None:
    """With 6 samples the smallest and the largest: 1 - 2 / 2^6 = 96.9 %."""
    assert Measurement((3.0, 1.0, 2.0, 6.0, 5.0, 4.0)).interval == (1.0, 6.0)


def test_a_wide_interval_is_said_to_be_wide() -> None:
    assert "wide" in Measurement((1.0, 1.0, 1.0, 2.0, 2.0, 2.0)).warnings[0]
    assert Measurement((1.0, 1.0, 1.0, 1.01, 1.01, 1.01)).warnings == ()


def test_a_real_matrix_product_is_timed() -> None:
    x = torch.randn(64, 64)
    begin = time.perf_counter()
    taken = of_real_calls(mm=lambda: x @ x)["mm"]
    spent_s = time.perf_counter() - begin
    assert 0 < taken.calls * sum(taken.samples) <= spent_s
    assert 6 <= len(taken.samples) <= 8


def test_what_disturbed_is_said_with_a_remedy() -> None:
    quiet = (1.0, 1.0, 1.0, 1.01, 1.01, 1.01)
    assert Measurement(quiet, 2, switches=1000, faults=1000).warnings == ()
    (often,) = Measurement(quiet, 2, switches=2000).warnings
    assert often == "interrupted by other programs (166 times a second); close other programs"
    (mapped,) = Measurement(quiet, 2, faults=12 * 16384).warnings
    assert mapped.startswith("memory is mapped afresh in each call, which takes time (64.0 MiB)")
    assert "MALLOC_MMAP_MAX_=0" in mapped


HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts glibc's page faults")
@pytest.mark.skipif(
    HUGE_PAGES.exists() and "[always]" in HUGE_PAGES.read_text(), reason="one fault maps 2 MiB here"
)
def test_memory_that_is_mapped_afresh_is_seen() -> None:
    """glibc maps blocks of 32 MiB or more at each call: each page of them is a fault.

    In a process of its own, whose heap has no room that other tests have left.
    """
    code = (
        "import torch\n"
        "from tests.observe.test_latency import of_real_calls\n"
        f"large = torch.zeros({40 * 2**20}, dtype=torch.uint8)\n"
        "taken = of_real_calls(maps=lambda: large + 1, spares=lambda: large.add_(1))\n"
        "print(*(taken[name].mapped_bytes for name in ('maps', 'spares')))\n"
        "print(taken['maps'].switches)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    maps, spares, switches = map(int, done.stdout.split())
    assert 0.9 * 40 * 2**20 < maps < 1.2 * 40 * 2**20
    assert spares < 2**20
    assert switches >= 0


def test_what_a_gpu_does_not_do_at_full_speed_is_said() -> None:
    quiet = (1e-3,) * 6
    (hot,) = Measurement(quiet, series={"throttled": (0.0,) * 4 + (1.0,) * 2}).warnings
    assert hot.startswith(
        "samples were taken while the GPU was throttled by power or heat (2 of 6)"
    )
    (bound,) = Measurement(quiet, series={"wall": (2e-3,) * 6}).warnings
    assert bound.startswith("launch-bound: ")
    assert Measurement(quiet, series={"wall": (2e-3,) * 6}).launch_ratio == 2
    assert Measurement(quiet, series={"wall": (1e-3,) * 6, "graph": (5e-4,) * 6}).warnings == ()
    (gaps,) = Measurement(quiet, series={"unheld": (1.0,) * 6}).warnings
    assert gaps.startswith("its stream cannot be held back")
    assert Measurement(quiet, series={"wall": (1.1e-3,) * 6}).warnings == ()


class FakeNvml:
    """What worker asks of nvidia-ml-py."""

    NVMLError = RuntimeError
    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0
    reasons = 0x1

    def __getattr__(self, name: str) -> Callable[..., object]:
        status = types.SimpleNamespace(violationTime=5)
        answers = {
            "ByUUID": "gpu",
            "ViolationStatus": status,
            "EnergyConsumption": 7,
            "ClocksThrottleReasons": self.reasons,
            "ClockInfo": 1980,
            "Temperature": 61,
        }
        return lambda *asked: next((v for key, v in answers.items() if name.endswith(key)), None)


@pytest.mark.parametrize(("reasons", "throttled"), [(0x1, 0.0), (0x4, 1.0), (0x40 | 0x1, 1.0)])
def test_nvml_says_clock_heat_and_throttling(
    reasons: int, throttled: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeNvml()
    fake.reasons = reasons
    monkeypatch.setitem(sys.modules, "pynvml", fake)  # type: ignore[arg-type]
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: FakeNvml())
    seen = cuda.Cuda("cuda:0").state()
    assert {name: seen[name] for name in ("sm_mhz", "celsius", "throttled")} == {
        "sm_mhz": 1980,
        "celsius": 61,
        "throttled": throttled,
    }


def test_without_nvml_nothing_is_said_of_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)  # type: ignore[arg-type]
    assert cuda.Cuda("cuda:0").state() == {}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_device_time_grows_with_the_work() -> None:
    small, large = (torch.randn(n, n, device="cuda") for n in (256, 4096))
    calls = {"small": lambda: small @ small, "large": lambda: large @ large}
    samplers = {name: latency.sampler(call, "cuda:0") for name, call in calls.items()}
    taken = latency.measure(samplers, Plan(4.0, "cuda"))
    assert taken["large"].median > 10 * taken["small"].median > 0
    assert set(taken["small"].series) >= {"cpu", "wall"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_graph_replays_the_same_kernels_without_launches() -> None:
    x = torch.randn(64, 64, device="cuda")

    def many() -> object:
        y = x
        for _ in range(100):
            y = y + 1
        return y

    card = cuda.Cuda("cuda:0")
    block = clocks.timed(many, 10, card, holds=clocks.Holds(card, many, card.graph(many)))
    assert 0 < block["graph"] < block["wall"]
