"""The clock, driven by a fake one; and on real devices."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pvtprof.observe import latency
from pvtprof.records import Measurement


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


def measure(clock: FakeClock, budget_s: float, **seconds: float) -> dict[str, Measurement]:
    calls = {name: clock.call(name, s) for name, s in seconds.items()}
    return latency.measure(calls, budget_s, latency.sampler("cpu", clock), clock)


def test_samples_are_the_time_of_one_call() -> None:
    taken = measure(FakeClock(), 30, a=0.001, b=0.5)
    assert taken["a"].samples == pytest.approx([0.001] * len(taken["a"].samples))
    assert taken["b"].median == pytest.approx(0.5)


def test_short_calls_are_timed_in_blocks() -> None:
    taken = measure(FakeClock(), 30, a=0.001, b=0.5)
    assert (taken["a"].calls, taken["b"].calls) == (10, 1)


def test_rounds_are_interleaved() -> None:
    clock = FakeClock()
    taken = measure(clock, 10, a=0.3, b=0.3, c=0.3)
    rounds = len(taken["a"].samples)
    assert clock.log[-3 * rounds :] == ["a", "b", "c"] * rounds
    assert rounds > 2


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

    latency.measure({"a": slowing}, 5.0, latency.sampler("cpu", clock), clock)
    assert clock.now <= 6.0


def test_a_small_budget_is_not_spent_on_warming_up() -> None:
    taken = measure(FakeClock(), 0.5, a=0.001, b=0.001, c=0.001)
    assert min(len(taken[name].samples) for name in "abc") >= 6


def test_ctrl_c_leaves_the_rounds_that_were_complete() -> None:
    clock, kept = FakeClock(), {}
    remaining = iter(range(9))

    def stopped() -> None:
        clock.now += 0.3
        if next(remaining, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        latency.measure({"a": stopped}, 60, latency.sampler("cpu", clock), clock, keep=kept)
    assert len(kept["a"].samples) == 8  # 9 calls, one of them warm-up


def test_no_interval_below_six_samples_and_a_warning_instead() -> None:
    few = Measurement((1.0, 2.0, 3.0, 4.0, 5.0))
    assert few.interval is None
    assert "5 samples are too few" in few.warnings[0]


def test_the_interval_is_that_of_the_order_statistics() -> None:
    """With 6 samples the smallest and the largest: 1 - 2 / 2^6 = 96.9 %."""
    assert Measurement((3.0, 1.0, 2.0, 6.0, 5.0, 4.0)).interval == (1.0, 6.0)


def test_a_wide_interval_is_said_to_be_wide() -> None:
    assert "wide" in Measurement((1.0, 1.0, 1.0, 2.0, 2.0, 2.0)).warnings[0]
    assert Measurement((1.0, 1.0, 1.0, 1.01, 1.01, 1.01)).warnings == ()


def test_a_real_matrix_product_is_timed() -> None:
    x = torch.randn(64, 64)
    taken = latency.measure({"mm": lambda: x @ x}, 0.5, latency.sampler("cpu"))["mm"]
    assert 0 < taken.median < 0.1
    assert len(taken.samples) >= 6


def test_what_disturbed_is_said_with_a_remedy() -> None:
    quiet = (1.0, 1.0, 1.0, 1.01, 1.01, 1.01)
    assert Measurement(quiet, 2, switches=1000, faults=1000).warnings == ()
    (often,) = Measurement(quiet, 2, switches=2000).warnings
    assert often == "interrupted 166 times a second; close other programs"
    (mapped,) = Measurement(quiet, 2, faults=12 * 16384).warnings
    assert mapped.startswith("64.0 MiB of memory are mapped afresh in each call")
    assert "MALLOC_MMAP_MAX_=0" in mapped


HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts glibc's page faults")
@pytest.mark.skipif(
    HUGE_PAGES.exists() and "[always]" in HUGE_PAGES.read_text(), reason="one fault maps 2 MiB here"
)
def test_memory_that_is_mapped_afresh_is_seen() -> None:
    """glibc maps blocks of 32 MiB or more at each call: each page of them is a fault."""
    large = torch.zeros(40 * 2**20, dtype=torch.uint8)
    calls = {"maps": lambda: large + 1, "spares": lambda: large.add_(1)}
    taken = latency.measure(calls, 1.0, latency.sampler("cpu"))
    assert 0.9 * 40 * 2**20 < taken["maps"].mapped_bytes < 1.2 * 40 * 2**20
    assert taken["spares"].mapped_bytes < 2**20
    assert taken["maps"].switches is not None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("sample", [latency._event_samples, latency._triton_samples])
def test_device_time_grows_with_the_work(sample: latency.Sampler) -> None:
    small, large = (torch.randn(n, n, device="cuda") for n in (256, 4096))
    calls = {"small": lambda: small @ small, "large": lambda: large @ large}
    taken = latency.measure(calls, 2.0, sample)
    assert taken["large"].median > 10 * taken["small"].median > 0
