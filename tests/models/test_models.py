"""The real networks: names, shapes and outputs against an independent implementation."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pvtprof
from pvtprof.designs.published import LINEAR, MODELS
from pvtprof.errors import SpecError
from pvtprof.models.build import build
from tests.trials import ALL, sample

V1, V2 = ([name for name in MODELS if MODELS[name].version == v] for v in (1, 2))
#: transformers' names of PVT v1 and v2 -> the official ones; {s} is the stage, counted from 1.
V1_NAMES = [
    (r"pvt\.encoder\.patch_embeddings\.(\d)\.position_embeddings", r"pos_embed{s}"),
    (r"pvt\.encoder\.patch_embeddings\.(\d)\.cls_token", r"cls_token"),
    (r"pvt\.encoder\.patch_embeddings\.(\d)\.projection\.", r"patch_embed{s}.proj."),
    (r"pvt\.encoder\.patch_embeddings\.(\d)\.layer_norm\.", r"patch_embed{s}.norm."),
    (r"pvt\.encoder\.block\.(\d)\.", r"block{s}."),
    (r"pvt\.encoder\.layer_norm\.", "norm."),
    (r"attention\.self\.sequence_reduction\.", "attn.sr."),
    (r"attention\.self\.layer_norm\.", "attn.norm."),
    (r"attention\.self\.", "attn."),
    (r"attention\.output\.dense\.", "attn.proj."),
]
V2_NAMES = [
    (r"pvt_v2\.encoder\.layers\.(\d)\.patch_embedding\.proj\.", r"patch_embed{s}.proj."),
    (r"pvt_v2\.encoder\.layers\.(\d)\.patch_embedding\.layer_norm\.", r"patch_embed{s}.norm."),
    (r"pvt_v2\.encoder\.layers\.(\d)\.blocks\.", r"block{s}."),
    (r"pvt_v2\.encoder\.layers\.(\d)\.layer_norm\.", r"norm{s}."),
    (r"attention\.spatial_reduction\.", "attn.sr."),
    (r"attention\.layer_norm\.", "attn.norm."),
    (r"attention\.", "attn."),
]
COMMON_NAMES = [
    (r"layer_norm_(\d)\.", r"norm\1."),
    (r"mlp\.dense(\d)\.", r"mlp.fc\1."),
    (r"\.query\.", ".q."),
    (r"^classifier\.", "head."),
]


def official(name: str, rules: list[tuple[str, str]]) -> str:
    for pattern, target in rules:
        found = re.search(pattern, name)
        if found:
            stage = str(int(found[1]) + 1) if found.groups() and "{s}" in target else ""
            name = re.sub(pattern, target.replace("{s}", stage), name)
    return name


def weights(theirs: nn.Module, rules: list[tuple[str, str]]) -> dict[str, Tensor]:
    """Their weights under the official names; key and value joined into ``kv``."""
    named = {official(name, rules + COMMON_NAMES): w for name, w in theirs.state_dict().items()}
    for name in [name for name in named if ".attn.key." in name]:
        value = named.pop(name.replace(".key.", ".value."))
        named[name.replace(".key.", ".kv.")] = torch.cat((named.pop(name), value))
    return named


def randomised(model: nn.Module, eps_1e5: str) -> nn.Module:
    """Random weights (also where zeros or ones would hide an error), and the official eps."""
    torch.manual_seed(1)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    for name, module in model.named_modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-5 if re.search(eps_1e5, name) else 1e-6
    return model.double().eval()


def assert_same_output(theirs: nn.Module, ours: nn.Module, image: Tensor) -> None:
    with torch.no_grad():
        expected, got = theirs(image).logits, ours(image)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "attention"), sample(product(V1 if ALL else V1[:2], ("eager", "sdpa")), 2)
)
def test_v1_outputs_equal_transformers(name: str, attention: str) -> None:
    from transformers import PvtConfig, PvtForImageClassification

    side = 64 if name in ("pvt_medium", "pvt_large") else 224
    spec = MODELS[name]
    config = PvtConfig(
        image_size=side,
        depths=[s.depth for s in spec.stages],
        num_labels=1000,
        hidden_sizes=[s.dim for s in spec.stages],
        mlp_ratios=[s.mlp_ratio for s in spec.stages],
        num_attention_heads=[s.num_heads for s in spec.stages],
    )
    theirs = randomised(PvtForImageClassification(config), r"patch_embeddings|attention\.self")
    ours = pvtprof.build_model(name, img=side, attention=attention).double()
    ours.load_state_dict(weights(theirs, V1_NAMES), strict=True)
    assert_same_output(theirs, ours, torch.randn(2, 3, side, side, dtype=torch.float64))


@pytest.mark.parametrize(
    ("name", "attention"),
    sample(product(V2 if ALL else ("pvt_v2_b0", "pvt_v2_b2_li"), ("eager", "sdpa")), 2),
)
def test_v2_outputs_equal_transformers(name: str, attention: str) -> None:
    from transformers import PvtV2Config, PvtV2ForImageClassification

    spec = MODELS[name]
    config = PvtV2Config(
        depths=[s.depth for s in spec.stages],
        hidden_sizes=[s.dim for s in spec.stages],
        mlp_ratios=[s.mlp_ratio for s in spec.stages],
        num_labels=1000,
        num_attention_heads=[s.num_heads for s in spec.stages],
        linear_attention=spec.mlp_relu,
    )
    theirs = randomised(PvtV2ForImageClassification(config), r"patch_embedding|attention\.")
    ours = pvtprof.build_model(name, attention=attention).double()
    ours.load_state_dict(weights(theirs, V2_NAMES), strict=True)
    assert_same_output(theirs, ours, torch.randn(2, 3, 96, 128, dtype=torch.float64))


@pytest.mark.parametrize("name", sample([(name,) for name in LINEAR], 2))
def test_linear_models_equal_transformers(name: tuple[str]) -> None:
    """The official code's ``linear=True``: names, shapes, counts and outputs, one block a stage."""
    from transformers import PvtV2Config, PvtV2ForImageClassification

    whole = LINEAR[name[0]]
    spec = replace(whole, stages=tuple(replace(stage, depth=1) for stage in whole.stages))
    config = PvtV2Config(
        depths=[1] * 4,
        hidden_sizes=[s.dim for s in spec.stages],
        mlp_ratios=[s.mlp_ratio for s in spec.stages],
        num_labels=1000,
        num_attention_heads=[s.num_heads for s in spec.stages],
        linear_attention=True,
    )
    theirs = randomised(PvtV2ForImageClassification(config), r"patch_embedding|attention\.")
    ours = build(spec).double()
    ours.load_state_dict(weights(theirs, V2_NAMES), strict=True)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
    assert_same_output(theirs, ours, torch.randn(1, 3, 64, 96, dtype=torch.float64))


@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_have_transformers_parameters(name: str) -> None:
    """Of the whole depth, on ``meta``: every name and shape, and the closed form's total."""
    from transformers import PvtV2Config, PvtV2ForImageClassification

    spec = LINEAR[name]
    with torch.device("meta"):
        theirs = PvtV2ForImageClassification(
            PvtV2Config(
                depths=[s.depth for s in spec.stages],
                hidden_sizes=[s.dim for s in spec.stages],
                mlp_ratios=[s.mlp_ratio for s in spec.stages],
                num_labels=1000,
                linear_attention=True,
            )
        )
        ours = build(spec)
    expected = {key: value.shape for key, value in weights(theirs, V2_NAMES).items()}
    assert {key: value.shape for key, value in ours.state_dict().items()} == expected
    assert pvtprof.models(64, name)[0]["params"] == sum(p.numel() for p in theirs.parameters())


def v1_state() -> nn.Module:
    model = pvtprof.build_model("pvt_tiny")
    torch.manual_seed(2)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.1)
    return model.double()


@pytest.mark.parametrize("image", [(448, 448), (896, 896), (224, 896), (112, 448), (320, 256)])
def test_v1_resizes_each_position_embedding_to_its_own_grid(image: tuple[int, int]) -> None:
    """The official code crashes at the first three and misplaces stage 1's at the fourth."""
    model = v1_state()
    height, width = image
    for number in range(1, 5):
        stored = getattr(model, f"pos_embed{number}")
        to = (height // (2 << number), width // (2 << number))
        skip = 1 if number == 4 else 0
        side = 56 >> (number - 1)
        grid = stored[0, skip:].T.reshape(1, -1, side, side)
        resized = F.interpolate(grid, to, mode="bilinear", align_corners=False)[0].flatten(1).T
        expected = torch.cat((stored[0, :skip], resized))[None]
        torch.testing.assert_close(model.position(number, *to), expected, rtol=0, atol=1e-12)


def test_v1_runs_where_the_official_code_crashes() -> None:
    model = pvtprof.build_model("pvt_tiny")
    with torch.no_grad():
        assert model(torch.randn(1, 3, 224, 896)).shape == (1, 1000)


def test_v1_uses_stage_1s_embedding_as_it_is_stored_only_on_its_own_grid() -> None:
    model = v1_state()
    assert model.position(1, 56, 56) is model.pos_embed1
    assert model.position(1, 28, 112) is not model.pos_embed1


def test_v1_built_for_another_size_stores_its_embeddings_for_it() -> None:
    model = pvtprof.build_model("pvt_tiny", img=(320, 256))
    shapes = [tuple(getattr(model, f"pos_embed{i}").shape) for i in range(1, 5)]
    assert shapes == [(1, 80 * 64, 64), (1, 40 * 32, 128), (1, 20 * 16, 320), (1, 10 * 8 + 1, 512)]


def test_official_parameter_names() -> None:
    v1 = set(pvtprof.build_model("pvt_tiny").state_dict())
    v2 = set(pvtprof.build_model("pvt_v2_b2_li").state_dict())
    assert {
        "cls_token",
        "pos_embed3",
        "block1.0.attn.sr.weight",
        "patch_embed2.proj.weight",
        "norm.weight",
        "head.bias",
    } <= v1
    assert {
        "block4.2.attn.sr.weight",
        "block1.0.mlp.dwconv.dwconv.weight",
        "norm4.weight",
        "head.bias",
    } <= v2
    assert "block4.0.attn.sr.weight" not in v1


def test_norm_eps_are_the_official_ones() -> None:
    for name in ("pvt_tiny", "pvt_v2_b2_li"):
        for path, module in pvtprof.build_model(name).named_modules():
            if isinstance(module, nn.LayerNorm):
                inner = "patch_embed" in path or ".attn." in path
                assert module.eps == (1e-5 if inner else 1e-6), path


def test_each_stage_may_have_its_own_attention_and_r() -> None:
    variants = ("mha", "sra_conv", "sra_pool", "sra_conv")
    model = pvtprof.build_model("pvt_v2_b0", variant=variants, sr_ratios=(1, 3, 1, 2), pool_size=3)
    attention = [getattr(model, f"block{i}")[0].attn for i in range(1, 5)]
    assert [a.reduction for a in attention] == list(variants)
    assert attention[1].sr.kernel_size == (3, 3)
    with torch.no_grad():
        assert model(torch.randn(1, 3, 100, 75)).shape == (1, 1000)


def test_another_attention_changes_nothing_else() -> None:
    """The ReLU of "li" belongs to that published model, not to pooling."""
    pooled = pvtprof.build_model("pvt_v2_b2", variant="sra_pool")
    li = pvtprof.build_model("pvt_v2_b2_li")
    assert set(pooled.state_dict()) == set(li.state_dict())
    assert sum(isinstance(m, nn.ReLU) for m in pooled.modules()) == 0
    assert sum(isinstance(m, nn.ReLU) for m in li.modules()) == 16


def test_pooling_v1_leaves_the_class_tokens_stage_plain() -> None:
    model = pvtprof.build_model("pvt_tiny", variant="sra_pool")
    assert [getattr(model, f"block{i}")[0].attn.reduction for i in range(1, 5)] == [
        "sra_pool"
    ] * 3 + ["mha"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "pvt_v2_b9"}, "did you mean pvt_v2_b5"),
        ({"name": "pvt_tiny", "sr_ratios": (8, 4, 2, 2)}, "class token"),
        ({"name": "pvt_tiny", "variant": ("mha", "mha", "mha", "sra_pool")}, "class token"),
        ({"name": "pvt_v2_b0", "variant": "sra"}, "unknown attention variant 'sra'"),
        ({"name": "pvt_v2_b0", "variant": ("mha", "mha")}, "2 attention variants"),
        ({"name": "pvt_v2_b0", "sr_ratios": (8, 4)}, "R has 2 values"),
        ({"name": "pvt_v2_b0", "sr_ratios": (8, 4, 0, 1)}, "R of stage 3 is 0"),
        ({"name": "pvt_v2_b0", "attention": "flash"}, "unknown attention 'flash'"),
        ({"name": "pvt_v2_b0", "num_classes": 0}, "num_classes is 0"),
        ({"name": "pvt_v2_b0", "img": 0}, "image height is 0"),
        ({"name": "pvt_tiny", "img": 16}, "too small"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_line(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        pvtprof.build_model(**options)
    assert "\n" not in str(caught.value)


def test_an_image_too_small_for_r_is_refused_when_it_arrives() -> None:
    with pytest.raises(SpecError, match="R 8 is larger than the 4x4 token grid; use R 1 to 4"):
        pvtprof.build_model("pvt_v2_b0")(torch.randn(1, 3, 16, 16))


def test_a_forward_pass_is_deterministic_and_finite() -> None:
    model = build(MODELS["pvt_v2_b0"])
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        first, second = model(image), model(image)
    assert torch.equal(first, second)
    assert torch.isfinite(first).all()


@pytest.mark.parametrize(
    ("name", "task"),
    [("pvt_tiny", "classify"), ("pvt_v2_b0", "retinanet"), ("pvt_v2_b2_li", "classify")],
)
def test_every_weight_is_set_although_torch_draws_none(name: str, task: str) -> None:
    torch.use_deterministic_algorithms(True)  # memory that nobody writes to is NaN
    try:
        assert not torch.isfinite(torch.empty(9)).any()
        model = pvtprof.build_model(name, task=task)
    finally:
        torch.use_deterministic_algorithms(False)
    found = [*model.named_parameters(), *model.named_buffers()]
    assert [key for key, tensor in found if not torch.isfinite(tensor).all()] == []
