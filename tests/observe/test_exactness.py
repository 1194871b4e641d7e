"""What breaks exactness: each case is modelled to the byte, refused, or seen by the witness.

The rest of the list in docs/memory.md, "What would break it": dropout (the networks have none), and
what lives below the tensor level (allocator rounding, workspaces).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import pvtprof
from pvtprof.analytic import liveness, training
from pvtprof.analytic.formulas import Term, attention_ops, running
from pvtprof.analytic.geometry import attention_sizes
from pvtprof.analytic.ops import Op
from pvtprof.designs.spec import StageSpec
from pvtprof.errors import SpecError
from pvtprof.models.build import build_attention
from pvtprof.moment import Moment
from pvtprof.observe.subject import Built, Subject
from tests.builders import TWO
from tests.trials import ALL

GRID, BATCH = (12, 10), 2
STAGE = StageSpec(32, 1, 2, 1, 2, "sra_conv")
SIZES = attention_sizes(STAGE, BATCH, GRID, 7)
N, M, C = SIZES["n"], SIZES["m"], STAGE.dim
SCORES = 4 * BATCH * STAGE.num_heads * N * M


def changed(change: Callable[[Any], None], x: Callable[[], Tensor] | None = None) -> Subject:
    """The attention module with something done another way, and its input."""

    def build() -> Built:
        module = build_attention(STAGE, GRID)
        change(module.attn)
        tokens = x() if x else torch.randn(BATCH, N, C)
        return module, (tokens.requires_grad_(),)

    return Subject(build)


def terms(edit: Callable[[Op], list[Op]]) -> tuple[Term, ...]:
    """The operator list with each operator edited."""
    ops = [new for op in attention_ops("sra_conv") for new in edit(op)]
    return running(Term(op.inside("attn"), SIZES) for op in ops)


def agrees(subject: Subject, expected: tuple[Term, ...]) -> bool:
    watch, saved = subject.step
    return (
        subject.forward.timeline == list(liveness.timeline(expected, "float32"))
        and watch.timeline == list(training.timeline(expected, "float32"))
        and saved == liveness.saved(expected, "float32")
    )


class ScalesInPlace(nn.Module):
    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        return (q @ k.transpose(-2, -1)).mul_(0.25)


class ScalesQ(nn.Module):
    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        return (q * 0.25) @ k.transpose(-2, -1)


class UpcastSoftmax(nn.Module):
    def forward(self, scores: Tensor) -> Tensor:
        return scores.softmax(-1, dtype=torch.float64).to(scores.dtype)


def test_as_it_is() -> None:
    assert agrees(changed(lambda attn: None), terms(lambda op: [op]))


def test_an_in_place_scale_is_one_score_matrix_less_in_inference() -> None:
    """Modelled: the operator list without the scale."""
    subject = changed(lambda attn: setattr(attn, "scores", ScalesInPlace()))
    expected = terms(
        lambda op: (
            []
            if op.name == "scale"
            else [replace(op, of=("scores",)) if op.name == "softmax" else op]
        )
    )
    assert subject.forward.timeline == list(liveness.timeline(expected, "float32"))


def test_a_scaled_q_is_modelled() -> None:
    """The scale runs on q (B, h, N, d), whose own layout it keeps, before the copies."""
    scale = Op("scale", "scale", "b h n d", "", "b h n d", where="scores", of=("q",))

    def edit(op: Op) -> list[Op]:
        if op.name == "q_copy":
            return [scale, replace(op, of=("scale",))]
        if op.name == "scores":  # an argument of the matrix product, which holds it
            return [replace(op, of=(*op.of, "scale"))]
        if op.name == "softmax":
            return [replace(op, of=("scores",))]
        return [] if op.name == "scale" else [op]

    subject = changed(lambda attn: setattr(attn, "scores", ScalesQ()))
    assert subject.forward.timeline == list(liveness.timeline(terms(edit), "float32"))


def test_an_upcast_softmax_is_seen_by_the_witness_with_its_operator() -> None:
    """Scores, their float64 copy, and its softmax: 1 + 2 + 2 score matrices, where 2 would be."""
    upcast = changed(lambda attn: setattr(attn, "softmax", UpcastSoftmax())).forward.peak
    q, m = 4 * BATCH * N * C, 4 * BATCH * M * C
    assert upcast == Moment(q + 3 * m + 5 * SCORES, "attn.softmax _softmax")


def test_indexing_keys_and_values_instead_of_unbinding_costs_backward_more() -> None:
    """``kv[0], kv[1]``: two gradients of the whole of kv are filled and added up; not one stack."""

    def change(attn: Any) -> None:
        def forward(x: Tensor, height: int, width: int) -> Tensor:
            q = attn.q(x).reshape(BATCH, N, attn.num_heads, -1).permute(0, 2, 1, 3)
            keys = attn.reduced(x, height, width)
            kv = attn.kv(keys)
            kv = kv.reshape(BATCH, M, 2, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
            weights = attn.softmax(attn.scores(q, kv[0]))
            mixed: Tensor = attn.proj(attn.mix(weights, kv[1]).transpose(1, 2).reshape(x.shape))
            return mixed

        attn.forward = forward

    subject = changed(change)
    plain = changed(lambda attn: None)
    assert subject.forward.timeline == plain.forward.timeline
    (watch, saved), (plain_watch, plain_saved) = subject.step, plain.step
    assert saved == plain_saved
    operators = [moment.at for moment in watch.timeline]
    assert operators.count("attn select_backward") == 2
    assert "attn stack" not in operators
    assert watch.peak.bytes > plain_watch.peak.bytes


def test_an_input_that_is_not_contiguous_costs_the_bias_an_operator_of_its_own() -> None:
    """Linear layers then run as mm and add: one more q where there was none."""
    subject = changed(lambda attn: None, lambda: torch.randn(1, C, N).transpose(1, 2))
    operators = [moment.at for moment in subject.forward.timeline]
    assert operators[:2] == ["attn.q mm", "attn.q add"]


def test_there_is_no_dropout() -> None:
    for name in ("pvt_tiny", "pvt_v2_b2_li"):
        model = pvtprof.build_model(name)
        assert not model.training
        assert not any(isinstance(m, nn.Dropout) for m in model.modules())


def test_autocast_is_refused() -> None:
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(SpecError, match="autocast is on"):
        pvtprof.compare("pvt_v2_b0", img=64, budget_s=0, device="cpu")


def test_anomaly_mode_is_refused() -> None:
    with (
        torch.autograd.set_detect_anomaly(True, check_nan=False),
        pytest.raises(SpecError, match="anomaly mode"),
    ):
        pvtprof.compare("pvt_v2_b0", img=64, budget_s=0, device="cpu")


@pytest.mark.parametrize(
    "off", [torch.no_grad, torch.inference_mode] if ALL else [torch.inference_mode]
)
def test_whoever_calls_without_autograd_gets_the_same(off: Callable[[], Any]) -> None:
    with off():
        run = pvtprof.compare(TWO, img=64, mode="training", budget_s=0, device="cpu")
    assert run.agrees


def test_the_math_backend_is_refused_for_sdpa_alone() -> None:
    with sdpa_kernel(SDPBackend.MATH):
        with pytest.raises(SpecError, match=r"flash kernel .* is switched off"):
            pvtprof.compare(TWO, img=64, attention="sdpa", budget_s=0, device="cpu")
        assert pvtprof.compare(TWO, img=64, budget_s=0, device="cpu").agrees
