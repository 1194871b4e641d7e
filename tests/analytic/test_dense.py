"""The closed forms of every task against independent witnesses: integer equality, no tolerance."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch

from pvtprof.analytic import liveness
from pvtprof.analytic.cost import FVCORE, TORCH
from pvtprof.analytic.formulas import Term, model_terms, model_total, total
from pvtprof.analytic.parts import costs_by_part, formula_by_module, timeline
from pvtprof.designs.published import MODELS
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY, TASKS
from pvtprof.designs.variants import VARIANTS
from pvtprof.models.build import build_model
from pvtprof.observe import fvcore
from pvtprof.observe.subject import Subject, model_subject
from tests.builders import at
from tests.trials import ALL, sample

#: Two of the four have odd sides.
SIZES = [((64, 64), 1), ((65, 97), 2), ((99, 72), 3), *([((160, 128), 1)] if ALL else [])]
#: The stages of a sample: as many heads as the published models, but narrow and with one block.
NARROW = (8, 16, 40, 64)
DENSE = tuple(task for task in TASKS if task != CLASSIFY)
CASES = list(product(DENSE, ("pvt_tiny", "pvt_v2_b0"), VARIANTS, SIZES, ("eager", "sdpa")))


def spec_of(task: str, model: str, variant: str) -> ModelSpec:
    """A published model as the backbone of a task, with R in v1's stage 4 where it may be.

    Narrow and shallow, unless everything is tried.
    """
    used = replace(MODELS[model], task=task, proposals=9)
    if not ALL:
        stages = zip(used.stages, NARROW, strict=True)
        used = replace(used, stages=tuple(replace(s, dim=dim, depth=1) for s, dim in stages))
    return used.with_attention(variant, (4, 2, 2, 1 if used.class_token else 2))


def case(
    task: str, model: str, variant: str, size: tuple[tuple[int, int], int], attention: str
) -> tuple[ModelSpec, tuple[Term, ...], Subject]:
    """The network of a case, its operators, and how to build it."""
    image, batch = size
    spec = spec_of(task, model, variant)
    setting = at(batch, "float32", attention, image)
    return spec, model_terms(spec, image, batch, attention), model_subject(spec, setting)


def named(found: tuple[object, ...]) -> str:
    """The name of a case."""
    return " ".join(map(str, found))


@pytest.mark.parametrize("found", [(one,) for one in sample(CASES, 3)], ids=named)
def test_counters_agree_by_submodule_and_no_byte_is_missing(found: tuple[object, ...]) -> None:
    ((task, model, variant, size, attention),) = found  # type: ignore[misc] # as in CASES
    spec, terms, subject = case(task, model, variant, size, attention)
    module, inputs = subject.real("cpu")
    counted = fvcore.count(module, *inputs)
    assert counted.by_module == formula_by_module(terms, FVCORE)
    assert counted.counted == model_total(spec, size[0], FVCORE, size[1], attention)
    assert subject.torch_count().by_module == formula_by_module(terms, TORCH)
    assert subject.params() == total(terms).params
    assert liveness.peak(terms, "float32") == subject.forward.peak
    assert liveness.saved(terms, "float32") == subject.step[1]


@pytest.mark.parametrize(("task", "model"), sample(product(DENSE, ("pvt_tiny", "pvt_v2_b0")), 5))
def test_every_moment_of_a_network_without_repeated_blocks(task: str, model: str) -> None:
    used = spec_of(task, model, "sra_conv")
    spec = replace(used, stages=tuple(replace(stage, depth=1) for stage in used.stages))
    setting = at(2, "float32", "eager", (70, 102))
    seen = model_subject(spec, setting).forward.timeline
    assert list(timeline(model_terms(spec, (70, 102), 2), setting)) == seen


@pytest.mark.parametrize(
    ("stages", "task"),
    sample([*product((1, 2, 6), ("pyramid", "fpn", "semantic-fpn")), (2, "retinanet")], 4),
)
def test_networks_with_other_stages(stages: int, task: str) -> None:
    first = replace(MODELS["pvt_tiny"].stages[0], dim=8, depth=1, sr_ratio=1)
    spec = ModelSpec("own", 1, (first,) * stages, task=task, built=(256, 128))
    for image in ((128, 128), (256, 128)):  # of the second, stage 1 stores position embeddings
        terms = model_terms(spec, image)
        subject = model_subject(spec, at(1, "float32", "eager", image))
        assert subject.params() == total(terms).params
        assert subject.torch_count().by_module == formula_by_module(terms, TORCH)
        assert subject.forward.peak == liveness.peak(terms, "float32")


def test_parts_add_up() -> None:
    for task in TASKS:
        spec = spec_of(task, "pvt_v2_b0", "sra_conv")
        terms = model_terms(spec, (64, 64))
        parts = costs_by_part(terms, spec)
        assert bool(parts) == (TASKS[task].neck is not None)
        if parts:
            assert sum(cost.macs for cost in parts.values()) == total(terms).macs
            assert sum(cost.params for cost in parts.values()) == total(terms).params


def test_the_class_token_is_there_for_classification_alone() -> None:
    classifier, pyramid = (MODELS["pvt_tiny"], replace(MODELS["pvt_tiny"], task="pyramid"))
    assert [spec.class_token for spec in (classifier, pyramid)] == [True, False]
    stage = pyramid.with_attention("sra_pool").stages[3]
    assert stage.runs_as == "sra_pool"
    names = dict(build_model("pvt_tiny", task="pyramid").named_parameters())
    assert not {"cls_token", "head.weight", "norm.weight"} & names.keys()
    assert names["pos_embed4"].shape == (1, 7 * 7 + 1, 512)  # so that checkpoints load


def test_names_of_parameters_are_those_of_mmdetection_and_mmsegmentation() -> None:
    names = {
        task: set(dict(build_model("pvt_v2_b0", task=task).named_parameters())) for task in TASKS
    }
    assert {
        "backbone.block1.0.attn.sr.weight",
        "neck.lateral_convs.0.conv.bias",
        "neck.fpn_convs.4.conv.weight",
        "bbox_head.cls_convs.3.conv.weight",
        "bbox_head.retina_cls.bias",
    } <= names["retinanet"]
    assert {
        "rpn_head.rpn_conv.weight",
        "roi_head.bbox_head.shared_fcs.1.weight",
        "roi_head.mask_head.upsample.weight",
        "roi_head.mask_head.conv_logits.bias",
    } <= names["mask-rcnn"]
    assert {"decode_head.scale_heads.3.4.bn.weight", "decode_head.conv_seg.weight"} <= names[
        "semantic-fpn"
    ]


def test_levels_share_the_weights_of_a_head() -> None:
    terms = model_terms(spec_of("retinanet", "pvt_v2_b0", "mha"), (64, 64))
    towers = [term for term in terms if term.op.module == "bbox_head.retina_cls"]
    assert [term.cost.params for term in towers] == [256 * 9 * 720 + 720, 0, 0, 0, 0]


def test_proposals_change_the_box_head_alone() -> None:
    few = spec_of("mask-rcnn", "pvt_v2_b0", "mha")
    many = replace(few, proposals=few.proposals + 1)
    each = 12544 * 1024 + 1024 * 1024 + 1024 * (81 + 320)
    assert total(model_terms(many, (64, 64))).macs - total(model_terms(few, (64, 64))).macs == each


def test_a_result_that_is_let_go_too_early_would_be_found() -> None:
    used = spec_of("fpn", "pvt_v2_b0", "mha")
    spec = replace(used, stages=tuple(replace(stage, depth=1) for stage in used.stages))
    setting = at(1, "float32", "eager", (64, 64))
    terms = model_terms(spec, (64, 64))
    seen = model_subject(spec, setting).forward.timeline
    forgotten = [replace(term, op=replace(term.op, until=None)) for term in terms]
    assert list(timeline(terms, setting)) == seen
    assert list(timeline(forgotten, setting)) != seen


def test_the_backbone_gives_the_maps_of_all_stages() -> None:
    module = build_model("pvt_tiny", task="pyramid")
    assert [tuple(x.shape) for x in module(torch.zeros(2, 3, 65, 97))] == [
        (2, 64, 16, 24),
        (2, 128, 8, 12),
        (2, 320, 4, 6),
        (2, 512, 2, 3),
    ]
