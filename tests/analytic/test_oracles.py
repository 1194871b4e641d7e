"""The closed forms against independent counters: integer equality, no tolerance."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from pvtprof.analytic.cost import FVCORE, TORCH, Cost
from pvtprof.analytic.formulas import Term, attention_ops, model_terms, model_total
from pvtprof.analytic.geometry import attention_sizes
from pvtprof.analytic.parts import formula_by_module
from pvtprof.designs.published import MODELS
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import ATTENTIONS
from pvtprof.observe import flop_counter, fvcore
from pvtprof.observe.subject import attention_subject, model_subject
from tests.builders import at, random_stage
from tests.trials import ALL, sample

BLOCKS_PER_CASE = 170 if ALL else 16  # x 3 variants x 2 kinds of attention: 1020 of all
#: Of every kind one: version 1, version 2, and its linear form.
FEW = ("pvt_tiny", "pvt_v2_b0", "pvt_v2_b2_li")
IMAGES = [(224, 224), (255, 255), (448, 448), (320, 256), (800, 1333)]


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_random_attention_blocks_equal_both_counters(variant: str, attention: str) -> None:
    rng = random.Random(f"{variant} {attention}")
    for _ in range(BLOCKS_PER_CASE):
        grid, batch, pool = (
            (rng.randint(1, 15), rng.randint(1, 15)),
            rng.randint(1, 4),
            rng.randint(1, 8),
        )
        stage = random_stage(rng, variant, grid)
        extra = rng.randint(0, 1) if stage.runs_as == "mha" else 0
        sizes = attention_sizes(stage, batch, grid, pool, extra)
        terms = [Term(op.inside("attn"), sizes) for op in attention_ops(stage.runs_as, attention)]
        subject = attention_subject(stage, grid, sizes["n"], at(batch, "float32", attention), pool)
        case = f"{stage}, grid {grid}, batch {batch}, pool {pool}"
        module, inputs = subject.real("cpu")
        assert fvcore.count(module, *inputs).by_module == formula_by_module(terms, FVCORE), case
        assert subject.torch_count().by_module == formula_by_module(terms, TORCH), case
        assert subject.params() == sum((term.cost for term in terms), Cost()).params, case


@pytest.mark.parametrize(
    ("name", "variant", "image", "attention"),
    sample(product(MODELS, VARIANTS, IMAGES, ATTENTIONS), 11),
)
def test_whole_models_equal_torchs_counter(
    name: str, variant: str, image: tuple[int, int], attention: str
) -> None:
    spec = MODELS[name].with_attention(variant)
    terms = model_terms(spec, image, 1, attention)
    subject = model_subject(spec, at(1, "float32", attention, image))
    count = subject.torch_count()
    assert count.by_module == formula_by_module(terms, TORCH)
    assert count.counted == sum(term.count(TORCH) for term in terms)
    assert subject.params() == sum((term.cost for term in terms), Cost()).params


@pytest.mark.parametrize(("name", "variant"), sample(product(MODELS if ALL else FEW, VARIANTS), 3))
def test_whole_models_equal_fvcore(name: str, variant: str) -> None:
    assert_equals_fvcore(name, variant, (224, 224), "eager")


OTHER_SIZES = [
    ("pvt_tiny", (112, 448), "eager"),  # as many tokens in stage 1 as at 224, another grid
    ("pvt_v2_b0", (255, 255), "sdpa"),
    ("pvt_v2_b2_li", (320, 256), "sdpa"),
]
LARGE = [
    ("pvt_tiny", (320, 256), "sdpa"),
    ("pvt_tiny", (448, 448), "eager"),
    ("pvt_v2_b0", (800, 1333), "eager"),
    ("pvt_v2_b2_li", (448, 448), "eager"),
]


@pytest.mark.parametrize(("name", "image", "attention"), OTHER_SIZES + LARGE * ALL)
@pytest.mark.parametrize("variant", ["sra_conv", "sra_pool"])
def test_other_sizes_equal_fvcore(
    name: str, image: tuple[int, int], attention: str, variant: str
) -> None:
    assert_equals_fvcore(name, variant, image, attention)


@pytest.mark.parametrize("name", MODELS if ALL else FEW[:2])
def test_whole_models_with_fused_attention_equal_fvcore(name: str) -> None:
    assert_equals_fvcore(name, "sra_conv", (224, 224), "sdpa")


@pytest.mark.parametrize(("name", "image"), sample(product(FEW, [(255, 255), (320, 256)]), 2))
def test_plain_attention_at_other_sizes_equals_fvcore(name: str, image: tuple[int, int]) -> None:
    assert_equals_fvcore(name, "mha", image, "sdpa")


def assert_equals_fvcore(name: str, variant: str, image: tuple[int, int], attention: str) -> None:
    spec = MODELS[name].with_attention(variant)
    terms = model_terms(spec, image, 1, attention)
    module, inputs = model_subject(spec, at(1, "float32", attention, image)).real("cpu")
    count = fvcore.count(module, *inputs)
    assert count.by_module == formula_by_module(terms, FVCORE)
    assert count.counted == model_total(spec, image, FVCORE, 1, attention)


def test_a_wrong_formula_would_be_found() -> None:
    spec = MODELS["pvt_v2_b0"]
    wrong = replace(spec, stages=(replace(spec.stages[0], sr_ratio=5), *spec.stages[1:]))
    count = model_subject(spec, at(1, "float32", "eager", (224, 224))).torch_count()
    formula = formula_by_module(model_terms(wrong, (224, 224)), TORCH)
    differing = {where for where in formula if formula[where] != count.by_module[where]}
    assert differing == {
        "block1.attn.sr",
        "block1.attn.kv",
        "block1.attn.scores",
        "block1.attn.mix",
    }


def test_what_a_counter_skips_is_named() -> None:
    subject = attention_subject(
        MODELS["pvt_v2_b2"].stages[0], (8, 8), 64, at(1, "float32", "eager"), 7
    )
    module, inputs = subject.real("cpu")
    assert set(fvcore.count(module, *inputs).skipped) == {"aten::mul", "aten::softmax"}
    skipped = subject.torch_count().skipped
    assert {"aten::_softmax", "aten::native_layer_norm", "aten::mul"} <= set(skipped)


def test_fused_attention_is_taught_to_fvcore_and_said_so() -> None:
    stage = MODELS["pvt_v2_b2"].stages[0]
    counts = {}
    for attention in ATTENTIONS:
        subject = attention_subject(stage, (8, 8), 64, at(1, "float32", attention), 7)
        module, inputs = subject.real("cpu")
        counts[attention] = fvcore.count(module, *inputs)
    assert counts["sdpa"].counted == counts["eager"].counted
    assert counts["sdpa"].handles == ("aten::scaled_dot_product_attention",)
    assert counts["eager"].handles == ()


def test_fvcores_log_does_not_reach_the_user(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    module, inputs = model_subject(MODELS["pvt_v2_b0"], at(1, "float32", "eager", (64, 64))).real(
        "cpu"
    )
    fvcore.count(module, *inputs)
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


class _InInferenceMode(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.linear(x).relu()  # type: ignore[no-any-return] # torch has no types there


def test_what_is_counted_under_inference_mode_is_not_listed_as_skipped() -> None:
    with torch.device("meta"):
        count = flop_counter.count(_InInferenceMode(), (torch.randn(3, 8),))
    assert count.by_module == {"linear": 2 * 3 * 8 * 4}
    assert count.skipped == {"aten::relu": 1}
