"""The witness of live tensor bytes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pvtprof.observe.live_bytes import LiveBytes
from pvtprof.observe.subject import attention_subject, model_subject
from pvtprof.records import Peak
from pvtprof.spec import MODELS, StageSpec


def test_the_peak_is_the_largest_sum_of_what_is_alive_together() -> None:
    x = torch.zeros(1000)
    with torch.no_grad(), LiveBytes([x]) as watch:
        y = x + 1  # 4000
        z = y * 2  # 8000
        del y
        z = z.neg()  # 8000
        z = torch.cat((z, z))  # 12000
    assert (watch.peak, watch.at) == (12000, "cat")
    assert watch.live == 8000


def test_views_and_what_was_there_before_hold_nothing() -> None:
    x = torch.zeros(10, 10)
    with torch.no_grad(), LiveBytes([x]) as watch:
        y = x.T.view(2, 5, 10)[0].T.reshape(50)
    assert watch.peak == 200  # views are free; the reshape of a transposed one copies 50 floats
    assert y.shape == (50,)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("variant", ["mha", "sra_conv", "sra_pool"])
def test_fake_tensors_peak_as_real_ones_do(variant: str, attention: str) -> None:
    stage = StageSpec(32, 1, 2, 4, 3, variant)
    subject = attention_subject(stage, (13, 9), 117, 2, "float32", attention, 4)
    module, inputs = subject.real("cpu")
    with torch.no_grad(), LiveBytes([*module.parameters(), *inputs]) as watch:
        module(*inputs)
    fake = subject.peak()
    assert (watch.peak, watch.at) == (fake.bytes, fake.at.split()[-1])


def test_written_out_mha_holds_two_score_matrices() -> None:
    """q + 2m + S + S, the peak at the scaling (M > 2d)."""
    stage = StageSpec(64, 1, 1, 4, 1, "mha")
    subject = attention_subject(stage, (56, 56), 3136, 1, "float32", "eager", 7)
    q, scores = 4 * 3136 * 64, 4 * 3136 * 3136
    assert subject.peak() == Peak(q + 2 * q + 2 * scores, "attn.scores mul")


def test_half_precision_halves_the_bytes() -> None:
    spec = MODELS["pvt_tiny"]
    full, half = (model_subject(spec, (224, 224), 1, d, "eager") for d in ("float32", "bfloat16"))
    assert full.peak() == Peak(15_253_504, "block1.mlp.act gelu")
    assert half.peak() == Peak(15_253_504 // 2, "block1.mlp.act gelu")
    assert full.resident_bytes() == 4 * (13_229_288 + 3 * 224 * 224)
    assert half.resident_bytes() == full.resident_bytes() // 2


def test_a_terabyte_is_watched_without_memory() -> None:
    spec = MODELS["pvt_tiny"].with_attention("mha")
    assert model_subject(spec, (4096, 4096), 1, "float32", "eager").peak().bytes > 2**40


def test_default_dtype_is_put_back() -> None:
    subject = model_subject(MODELS["pvt_v2_b0"], (64, 64), 1, "float64", "eager")
    module, inputs = subject.real("cpu")
    assert {p.dtype for p in module.parameters()} == {inputs[0].dtype} == {torch.float64}
    assert torch.get_default_dtype() == torch.float32
    assert nn.Linear(1, 1).weight.dtype == torch.float32
