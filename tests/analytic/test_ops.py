"""Operators in index notation, and the conventions of the counters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvtprof.analytic import ops
from pvtprof.analytic.cost import FVCORE, MACS, PAPER, TORCH, Cost, cost
from pvtprof.analytic.formulas import MLP_V2, SRA_CONV, attention_ops, model_terms
from pvtprof.analytic.geometry import attention_sizes, conv_out, token_grids
from pvtprof.analytic.ops import Op
from pvtprof.designs.published import MODELS
from pvtprof.designs.spec import StageSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.errors import SpecError

SIZES = {
    "b": 2,
    "n": 196,
    "m": 49,
    "c": 64,
    "e": 64,
    "h": 4,
    "d": 16,
    "i": 2,
    "j": 2,
    "t": 2,
    "f": 256,
    "x": 3,
    "y": 3,
}


def test_an_unknown_kind_is_an_error_and_not_zero() -> None:
    with pytest.raises(SpecError, match="unknown kind 'contrct'"):
        Op("q", "contrct", "b n c", "c e", "b n e")


def test_an_unknown_index_is_an_error() -> None:
    with pytest.raises(SpecError, match=r"unknown indices \['q'\]"):
        Op("q", "contract", "b n q", "q e", "b n e")


def test_a_linear_layer_is_a_matrix_product() -> None:
    q = SRA_CONV[0]
    assert ops.macs(q, SIZES) == 2 * 196 * 64 * 64
    assert ops.params(q, SIZES) == 64 * 64 + 64


def test_a_strided_convolution_multiplies_its_kernel_at_every_output() -> None:
    sr = SRA_CONV[1]
    assert ops.macs(sr, SIZES) == 2 * 49 * (2 * 2 * 64) * 64
    assert ops.params(sr, SIZES) == 2 * 2 * 64 * 64 + 64


def test_a_depthwise_convolution_does_not_mix_channels() -> None:
    dwconv = next(op for op in MLP_V2 if op.name == "dwconv")
    assert ops.macs(dwconv, SIZES) == 2 * 196 * 9 * 256
    assert ops.params(dwconv, SIZES) == 9 * 256 + 256


def test_scores_have_no_parameters() -> None:
    scores = next(op for op in SRA_CONV if op.name == "scores")
    assert ops.macs(scores, SIZES) == 2 * 4 * 196 * 49 * 16
    assert ops.params(scores, SIZES) == 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_fused_attention_has_the_same_macs_and_never_moves_the_scores(variant: str) -> None:
    sizes = SIZES | {"i": 1, "j": 1}
    eager, fused = (
        sum((cost(op, sizes) for op in attention_ops(variant, how)), Cost())
        for how in ("eager", "sdpa")
    )
    scores = 2 * 4 * 196 * 49
    assert (fused.macs, fused.params) == (eager.macs, eager.params)
    copies = 2 * (2 * 196 * 64) + 2 * (2 * 49 * 64)  # of q and the merged heads, of k and v
    assert eager.writes - fused.writes == 3 * scores + copies  # scores, scale, softmax
    assert eager.reads - fused.reads == 3 * scores + copies  # scale, softmax, mix


def test_conventions_count_a_norm_and_a_mac_in_their_own_way() -> None:
    norm, q = SRA_CONV[2], SRA_CONV[0]
    elements, macs = 2 * 49 * 64, 2 * 196 * 64 * 64
    assert [c.count(norm, SIZES) for c in (MACS, TORCH, FVCORE, PAPER)] == [
        0,
        0,
        5 * elements,
        2 * elements,
    ]
    assert [c.count(q, SIZES) for c in (MACS, TORCH, FVCORE, PAPER)] == [
        macs,
        2 * macs,
        macs,
        macs,
    ]


@given(
    st.integers(1, 4096), st.integers(1, 11), st.integers(1, 5), st.integers(0, 5)
)  # all that fit
def test_conv_out_counts_the_places_of_the_kernel(
    extent: int, kernel: int, stride: int, padding: int
) -> None:
    padded = extent + 2 * padding
    places = sum(1 for start in range(0, padded, stride) if start + kernel <= padded)
    assert max(0, conv_out(extent, kernel, stride, padding)) == places


@given(st.sampled_from(sorted(MODELS)), st.integers(64, 4096), st.integers(1, 64))
def test_batch_scales_macs_and_leaves_params(name: str, side: int, batch: int) -> None:
    spec = MODELS[name]
    one, many = (
        sum((term.cost for term in model_terms(spec, (side, side), b)), Cost()) for b in (1, batch)
    )
    assert many.macs == batch * one.macs
    assert many.params == one.params


@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 9))
def test_pooled_attention_is_linear_in_its_tokens(height: int, width: int, pool: int) -> None:
    stage = StageSpec(64, 1, 2, 4, 1, "sra_pool")

    def macs(rows: int) -> int:
        sizes = attention_sizes(stage, 1, (rows, width), pool)
        return sum(ops.macs(op, sizes) for op in attention_ops("sra_pool"))

    assert macs(3 * height) - macs(2 * height) == macs(2 * height) - macs(height)


def test_an_image_too_small_for_four_stages_names_the_smallest() -> None:
    with pytest.raises(SpecError, match="use at least 32 pixels"):
        token_grids(MODELS["pvt_tiny"], 31, 224)
    assert token_grids(MODELS["pvt_tiny"], 32, 32)[3] == (1, 1)


def test_totals_beyond_64_bits_stay_exact() -> None:
    terms = model_terms(MODELS["pvt_v2_b2"].with_attention("mha"), (16384, 16384), 4096)
    total = sum((term.cost for term in terms), Cost()).macs
    scores = 3 * 2 * 4096 * (4096 * 4096) ** 2 * 64  # of stage 1 alone, with mix
    assert total > scores > 2**63
    assert total % 4096 == 0
