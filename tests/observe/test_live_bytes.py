"""The witness of live tensor bytes."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from pvtprof.designs.published import MODELS
from pvtprof.designs.spec import StageSpec
from pvtprof.moment import Moment
from pvtprof.observe import live_bytes
from pvtprof.observe.live_bytes import LiveBytes
from pvtprof.observe.subject import attention_subject, model_subject
from tests.builders import at, shallow
from tests.trials import ALL, sample


def test_the_peak_is_the_largest_sum_of_what_is_alive_together() -> None:
    x = torch.zeros(1000)
    with torch.no_grad(), LiveBytes([x]) as watch:
        y = x + 1  # 4000
        z = y * 2  # 8000
        del y
        z = z.neg()  # 8000
        z = torch.cat((z, z))  # 12000
    assert watch.peak == Moment(12000, "cat")
    assert watch.live == 8000


def test_views_and_what_was_there_before_hold_nothing() -> None:
    x = torch.zeros(10, 10)
    with torch.no_grad(), LiveBytes([x]) as watch:
        y = x.T.view(2, 5, 10)[0].T.reshape(50)
    assert watch.peak.bytes == 200  # views are free; reshaping a transposed one copies 50 floats
    assert y.shape == (50,)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("variant", ["mha", "sra_conv", "sra_pool"])
def test_fake_tensors_peak_as_real_ones_do(variant: str, attention: str) -> None:
    stage = StageSpec(32, 1, 2, 4, 3, variant)
    subject = attention_subject(stage, (13, 9), 117, at(2, "float32", attention), 4)
    module, inputs = subject.real("cpu")
    assert live_bytes.forward(module, inputs).timeline == subject.forward.timeline
    (real, real_saved), (fake, fake_saved) = live_bytes.step(module, inputs), subject.step
    assert real.timeline == fake.timeline
    assert real_saved == fake_saved


@pytest.mark.parametrize(
    ("name", "batch"), sample(product(("pvt_tiny", "pvt_v2_b0", "pvt_v2_b2_li"), (1, 2)), 3)
)
def test_whole_networks_on_fake_tensors_do_as_real_ones_do(name: str, batch: int) -> None:
    """Layouts too: a convolution at batch 1, a layer norm's gradient; they decide about copies."""
    spec = MODELS[name] if ALL else shallow(MODELS[name], blocks=1)
    subject = model_subject(spec, at(batch, "float32", "eager", (96, 64)))
    (real, real_saved), (fake, fake_saved) = live_bytes.step(*subject.real("cpu")), subject.step
    assert real.timeline == fake.timeline
    assert real_saved == fake_saved


def test_gradients_add_up_in_place_as_they_do_when_nobody_watches() -> None:
    """A dispatch mode keeps autograd from adding in place; the witness does it in its stead."""
    spec = shallow(MODELS["pvt_tiny"], blocks=1)
    subject = model_subject(spec, at(1, "float32", "eager", (64, 64)))
    module, inputs = subject.real("cpu")
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        module(*inputs).sum().backward()
    events = sorted(profiled.events(), key=lambda event: event.time_range.start)
    begin = next(i for i, event in enumerate(events) if "Backward" in event.name)
    out_of_place = sum(event.name == "aten::add" for event in events[begin:])
    timeline = subject.step[0].timeline
    half = next(i for i, moment in enumerate(timeline) if moment.at == "head sum")
    assert sum(moment.at.endswith(" add") for moment in timeline[half:]) == out_of_place > 0


def test_written_out_mha_holds_two_score_matrices() -> None:
    """q + 2m + S + S, the peak at the scaling (M > 2d)."""
    stage = StageSpec(64, 1, 1, 4, 1, "mha")
    subject = attention_subject(stage, (56, 56), 3136, at(1, "float32", "eager"), 7)
    q, scores = 4 * 3136 * 64, 4 * 3136 * 3136
    assert subject.forward.peak == Moment(q + 2 * q + 2 * scores, "attn.scores mul")


def test_half_precision_halves_the_bytes() -> None:
    spec = MODELS["pvt_tiny"]
    full, half = (
        model_subject(spec, at(1, d, "eager", (224, 224))) for d in ("float32", "bfloat16")
    )
    assert full.forward.peak == Moment(15_253_504, "block1.mlp.act gelu")
    assert half.forward.peak == Moment(15_253_504 // 2, "block1.mlp.act gelu")
    assert full.resident_bytes() == 4 * (13_229_288 + 3 * 224 * 224)
    assert half.resident_bytes() == full.resident_bytes() // 2


def test_a_terabyte_is_watched_without_memory() -> None:
    spec = MODELS["pvt_tiny"].with_attention("mha")
    assert model_subject(spec, at(1, "float32", "eager", (4096, 4096))).forward.peak.bytes > 2**40


def test_default_dtype_is_put_back() -> None:
    subject = model_subject(MODELS["pvt_v2_b0"], at(1, "float64", "eager", (64, 64)))
    module, inputs = subject.real("cpu")
    assert {p.dtype for p in module.parameters()} == {inputs[0].dtype} == {torch.float64}
    assert torch.get_default_dtype() == torch.float32
    assert nn.Linear(1, 1).weight.dtype == torch.float32


class TwoOutputs(torch.nn.Module):
    """An output that the other is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(4, 4, bias=False)
        self.second = torch.nn.Linear(4, 4, bias=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both."""
        one = self.first(x)
        return one, self.second(one)


def test_a_gradient_that_the_caller_holds_is_not_added_to_in_place() -> None:
    module, x = TwoOutputs(), torch.randn(3, 4)
    watch, _ = live_bytes.step(module, (x,))
    assert "second add" in [moment.at for moment in watch.timeline]
    given = [torch.ones(3, 4), torch.ones(3, 4)]
    torch.autograd.backward(module(x), given)
    assert all(torch.equal(gradient, torch.ones(3, 4)) for gradient in given)
