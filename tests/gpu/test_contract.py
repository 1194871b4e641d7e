"""What pvtprof relies on of a GPU, through the one seam to it: `pytest -m gpu tests/gpu`.

The same tests run over the pretended card in CI (tests/pretended), so that it cannot drift from a
real one. They use modules alone, whose operators the pretended card can watch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
import torch

from pvtprof.observe import clocks, cuda, held
from pvtprof.observe import device as seam
from pvtprof.observe.device import DeviceError

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
NAME = "cuda:0"
HOLD_S = 0.05


@pytest.fixture
def card() -> Iterator[cuda.Cuda]:
    """The first GPU, started."""
    device = cuda.Cuda(NAME)
    device.start()
    yield device
    device.let_go()


def relu(size: int) -> Callable[[], object]:
    """An elementwise kernel over so many float32 on the GPU: it takes no workspace."""
    module = torch.nn.ReLU().to(NAME)
    x = torch.randn(size).to(NAME)

    def call() -> object:
        with torch.no_grad():
            return module(x)

    return call


class TestDevice:
    def test_it_starts_by_a_name_with_an_index_alone(self, card: cuda.Cuda) -> None:
        card.start()  # a second time is no error
        with pytest.raises(ValueError, match="index"):
            torch.cuda.set_device("cuda")

    def test_one_that_is_not_there_is_one_line(self) -> None:
        with pytest.raises(DeviceError) as caught:
            cuda.Cuda("cuda:99").start()
        assert str(caught.value).startswith("cuda:99 does not start: ")
        assert "\n" not in str(caught.value)

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # Python 3.12: of threads
    def test_a_fork_of_a_process_that_has_used_it_cannot_use_it(self, card: cuda.Cuda) -> None:
        child = os.fork()
        if not child:
            try:
                torch.empty(1, device=NAME)
            except RuntimeError as error:
                os._exit(0 if "re-initialize CUDA" in str(error) else 2)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    def test_the_facts_that_an_environment_needs_are_there(self, card: cuda.Cuda) -> None:
        facts = card.facts()
        assert facts["device"] == NAME
        assert facts["memory_bytes"] > 0
        assert facts["torch"] == torch.__version__
        assert facts["cuda"] == torch.version.cuda is not None
        assert facts["settings"].startswith("cudnn.benchmark ")
        assert set(facts) == {
            *("device", "name", "memory_bytes", "memory", "torch", "cuda", "cudnn", "driver"),
            "settings",
        }

    def test_tf32_is_set_for_products_and_convolutions_alike(self, card: cuda.Cuda) -> None:
        for allowed in (True, False):
            seam.set_tf32(allowed)
            assert tf32_of_products_and_convolutions() == (allowed, allowed)


def tf32_of_products_and_convolutions() -> tuple[bool, bool]:
    backends = torch.backends
    if hasattr(backends.cuda.matmul, "fp32_precision"):  # torch 2.9
        kinds = (backends.cuda.matmul.fp32_precision, backends.cudnn.conv.fp32_precision)
        return kinds[0] == "tf32", kinds[1] == "tf32"
    return backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32


class TestStream:
    def test_a_hold_keeps_events_from_passing_and_lasts(self, card: cuda.Cuda) -> None:
        card.hold(1e-4)  # the first one measures how fast the card counts
        card.synchronize()
        begin = card.event()
        card.hold(HOLD_S)
        end = card.event()
        assert not card.has_passed(end)
        with pytest.raises(RuntimeError):
            card.seconds(begin, end)
        card.synchronize()
        assert card.has_passed(end)
        assert 0.5 * HOLD_S < card.seconds(begin, end) < 4 * HOLD_S

    def test_a_call_is_held_and_its_kernels_take_time(self, card: cuda.Cuda) -> None:
        call = relu(2**20)
        call()
        one = held.Held(card, call)
        assert 0 < one.mean_s(5) < 1
        assert one.is_held

    def test_a_call_that_waits_inside_cannot_be_held(self, card: cuda.Cuda) -> None:
        work = relu(2**10)

        def call() -> None:
            work()
            card.synchronize()

        one = held.Held(card, call)
        assert one.once_s() > 0
        assert not one.is_held

    def test_a_sample_has_every_clock(self, card: cuda.Cuda) -> None:
        call = relu(2**20)
        taken = clocks.timed(call, 3, card, holds=clocks.Holds(card, call, card.graph(call)))
        assert all(taken[name] > 0 for name in ("wall", "device", "graph"))
        assert taken["unheld"] == 0

    def test_operators_are_timed_while_the_stream_is_held(self, card: cuda.Cuda) -> None:
        ops, was_held = clocks.profiled(relu(2**20), 3, card)
        assert [name for name, _ in ops] == ["relu"]
        assert 0 < ops[0][1] < 1
        assert was_held

    def test_a_call_that_waits_inside_cannot_become_a_graph(self, card: cuda.Cuda) -> None:
        work = relu(2**10)

        def call() -> None:
            work()
            card.synchronize()

        with pytest.raises(RuntimeError, match="captur"):
            card.graph(call)
        card.synchronize()

    def test_counters_of_the_card_do_not_run_backwards(self, card: cuda.Cuda) -> None:
        before = card.state()
        relu(2**20)()
        card.synchronize()
        after = card.state()
        known = {"sm_mhz", "celsius", "throttled", "violated_ns", "energy_mj"}
        assert set(before) <= known
        for name in {"violated_ns", "energy_mj"} & set(before) & set(after):
            assert after[name] >= before[name]


class TestMemory:
    def test_what_is_asked_for_is_counted_exactly_and_in_blocks(self, card: cuda.Cuda) -> None:
        before = card.memory()
        x = torch.empty(1000, dtype=torch.uint8, device=NAME)
        now = card.memory()
        assert now.requested - before.requested == 1000
        assert now.allocated - before.allocated == 1024
        assert now.reserved >= now.allocated
        del x
        assert card.memory().requested == before.requested

    def test_the_peak_of_a_call_is_what_it_makes(self, card: cuda.Cuda) -> None:
        seen = clocks.allocated(relu(3 * 2**20), card)
        assert seen["requested"] == 4 * 3 * 2**20
        assert 0 <= seen["allocated"] - seen["requested"] <= 2**20
        assert seen["taken"] > 0

    def test_all_of_the_card_is_reserved_free_or_taken(self, card: cuda.Cuda) -> None:
        its = card.memory()
        total = torch.cuda.mem_get_info(NAME)[1]
        assert its.reserved + its.free + its.taken == total

    def test_too_much_is_out_of_memory_and_the_card_goes_on(self, card: cuda.Cuda) -> None:
        total = torch.cuda.mem_get_info(NAME)[1]
        with pytest.raises(torch.OutOfMemoryError) as caught:
            torch.empty(2 * total, dtype=torch.uint8, device=NAME)
        assert seam.failure(caught.value) == "memory"
        assert relu(16)() is not None
        card.synchronize()
