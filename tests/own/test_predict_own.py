"""Predicted latency of a user's own module: where its operators' families are calibrated."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import pvtprof
from pvtprof.designs.spec import StageSpec
from pvtprof.models.build import build_attention
from pvtprof.observe.inputs import example
from pvtprof.observe.target_subject import TargetSubject
from pvtprof.predict import kernels, own_kernels
from pvtprof.report import own, terminal_full
from pvtprof.run.rows import terms_of
from tests.builders import made_up_calibration
from tests.derive import modules


@pytest.mark.parametrize("variant", ["mha", "sra_conv"])
def test_kernels_of_pvts_attention_are_those_of_the_operator_list(variant: str) -> None:
    """The same features of the same families, read off the module and off the list."""
    run = pvtprof.compare("pvt_v2_b2", batch=2, analytic=True)
    row = run.row(1, variant)
    hand = [kernel for _, kernel in kernels.kernels(terms_of(row), "float32")]
    with torch.device("meta"):
        stage = StageSpec(64, 1, 1, 8, 8, variant)
        module = build_attention(stage, (56, 56), "eager", 7)
    given = example(torch.zeros(2, 3136, 64))
    found = list(
        own_kernels.kernels(TargetSubject(module, given, given.sizes).calls(), "float32", 2)
    )
    same = ("addmm", "mm", "bmm", "_softmax", "native_layer_norm", "convolution")

    def told(its: list[kernels.Kernel]) -> list[tuple[str, tuple[float, ...], int]]:
        return [(k.aten, k.features, k.macs) for k in its if k.aten in same]

    assert [kernel.aten for kernel in found] == [kernel.aten for kernel in hand]
    assert told(found) == told(hand)
    if variant == "mha":  # what is read of a map has families by where it stands in PVT
        assert {k.family for k in found if k.aten in same} == {
            k.family for k in hand if k.aten in same
        }
    assert sum(kernel.macs for kernel in found) == sum(kernel.macs for kernel in hand) == row.macs


def test_a_module_of_calibrated_kernels_has_a_prediction() -> None:
    mlp = nn.Sequential(nn.LayerNorm(64), nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64))
    calibration = made_up_calibration()
    run = pvtprof.compare(
        mlp, example=torch.zeros(1, 49, 64), analytic=True, calibration=calibration
    )
    whole = run.rows[0]
    assert whole.predicted
    assert whole.predicted.low <= whole.predicted.seconds <= whole.predicted.high
    assert "calibration of PVT's kernels" in terminal_full.render(run, 200)
    assert (
        pvtprof.compare(mlp, example=torch.zeros(1, 49, 64), analytic=True).rows[0].macs
        == whole.macs
    )


def test_a_family_that_is_not_calibrated_is_named_and_nothing_is_predicted() -> None:
    module, inputs = modules.window()
    run = pvtprof.compare(module, example=inputs, analytic=True, calibration=made_up_calibration())
    (whole,) = own.wholes(run)
    assert whole.predicted is None
    assert "not calibrated are constant_pad_nd" in terminal_full.render(run, 200)
