"""A training step of a detector, by closed form: 0 bytes off at every moment."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest
import torch

from pvtprof.analytic import training
from pvtprof.analytic.formulas import model_terms
from pvtprof.analytic.liveness import allocating, unrolled
from pvtprof.analytic.optimizer import parameters
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.designs.tasks import CLASSIFY, TASKS
from pvtprof.designs.training import Training
from pvtprof.designs.variants import VARIANTS
from pvtprof.models.build import build
from pvtprof.observe import live_bytes
from pvtprof.observe.subject import model_subject
from tests.analytic.test_training_step import RECIPES, random_setting
from tests.trials import ALL, sample

DENSE = [task for task in TASKS if task != CLASSIFY]
REALLY = DENSE if ALL else ["semantic-fpn"]
#: The others have all that a pyramid and an fpn have.
FAKE = [task for task in DENSE if ALL or task not in ("pyramid", "fpn")]
#: How many random networks of each task are watched on fake tensors, and on real ones.
NETWORKS, REAL = (60, 6) if ALL else (1, 1)


def random_backbone(rng: random.Random, task: str) -> ModelSpec:
    """PVT, PVT v2 or PVT v2 li with narrow stages: as few as the task takes, up to four.

    Of one or two blocks; in a sample, of one.
    """
    neck = TASKS[task].neck
    kind, last = rng.choice(["v1", "v2", "li"]), rng.randint(neck.start if neck else 1, 4)
    stages = []
    for _ in range(last):
        heads = rng.randint(1, 2)
        stages.append(
            StageSpec(
                dim=heads * rng.choice([4, 5, 8]),
                depth=rng.randint(1, 2 if ALL else 1),
                num_heads=heads,
                mlp_ratio=rng.choice([1, 2]),
                sr_ratio=rng.randint(1, 2),
                variant=rng.choice(list(VARIANTS)),
                qkv_bias=rng.random() < 0.7,
            )
        )
    return ModelSpec(
        kind,
        1 if kind == "v1" else 2,
        tuple(stages),
        mlp_relu=kind == "li",
        pool_size=rng.randint(1, 3),
        built=rng.choice([(64, 64), (72, 104)]),
        in_chans=rng.choice([1, 3]),
        task=task,
        proposals=rng.randint(1, 3),
    )


def random_case(rng: random.Random, task: str, how: Training) -> tuple[ModelSpec, Setting]:
    """A network of a task, and images that leave R its room in every stage."""
    height, width = rng.choice([(64, 64), (72, 104)])
    setting = replace(random_setting(rng, how), height=height, width=width)
    return random_backbone(rng, task), setting


def cases(seed: str, count: int, tasks: Sequence[str]) -> list[tuple[str, random.Random, Training]]:
    """So many of each task, another way to train each time."""
    return [
        (
            task,
            random.Random(f"{seed} {task} {number}"),
            RECIPES[(5 * i + 7 * number) % len(RECIPES)],
        )
        for i, task in enumerate(tasks, 1)
        for number in range(count)
    ]


@pytest.mark.parametrize(("task", "rng", "how"), cases("fake", NETWORKS, FAKE))
def test_tasks_on_fake_tensors(task: str, rng: random.Random, how: Training) -> None:
    spec, setting = random_case(rng, task, how)
    terms = model_terms(spec, setting.image, setting.batch, setting.attention)
    watch, saved = model_subject(spec, setting).step
    case = f"{spec}, {setting}"
    assert list(training.timeline(terms, "float32", how)) == watch.timeline, case
    assert training.saved(terms, "float32", how) == saved, case


@pytest.mark.parametrize(("task", "rng", "how"), cases("real", REAL, REALLY))
def test_tasks_on_real_tensors(task: str, rng: random.Random, how: Training) -> None:
    spec, setting = random_case(rng, task, how)
    terms = model_terms(spec, setting.image, setting.batch, setting.attention)
    module, inputs = model_subject(spec, setting).real("cpu")
    watch, saved = live_bytes.step(module.train(), inputs, how)
    case = f"{spec}, {setting}"
    assert watch.timeline == list(training.timeline(terms, "float32", how)), case
    assert saved == training.saved(terms, "float32", how), case


@pytest.mark.parametrize(
    ("task", "model"), sample(product(DENSE, ("pvt_tiny", "pvt_v2_b2", "pvt_v2_b2_li")), 5)
)
def test_parameters_come_in_the_order_of_the_modules(task: str, model: str) -> None:
    spec = replace(MODELS[model], task=task, proposals=2)
    terms = unrolled(allocating(model_terms(spec, (64, 64))))
    with torch.device("meta"):
        network = build(spec)
    assert parameters(terms) == [p.numel() for p in network.parameters()]


def moments_of(task: str) -> Counter[str]:
    """How often each operator allocates in a step of four stages of one block."""
    stage = replace(MODELS["pvt_v2_b0"].stages[0], dim=8, depth=1, sr_ratio=1)
    terms = model_terms(ModelSpec("own", 2, (stage,) * 4, task=task), (64, 64))
    return Counter(moment.at for moment in training.timeline(terms, "float32"))


def test_the_gradient_of_a_map_is_no_place_to_add_to() -> None:
    """The caller holds it: what the next stage learns is added in a new tensor."""
    moments = moments_of("pyramid")
    assert [moments[f"patch_embed{number} add"] for number in range(1, 5)] == [0] * 4
    assert [moments[f"patch_embed{number}.proj add"] for number in range(1, 5)] == [0, 1, 1, 1]


def test_levels_run_backwards_each_and_add_up_in_place() -> None:
    moments = moments_of("retinanet")
    assert moments["bbox_head.retina_cls convolution_backward"] == 5
    assert moments["bbox_head.retina_cls add"] == 0
    assert moments["bbox_head.cls_convs.conv convolution_backward"] == 4 * 5


def test_a_shared_weight_is_cast_once() -> None:
    stage = replace(MODELS["pvt_v2_b0"].stages[0], dim=8, depth=1, sr_ratio=1)
    spec = ModelSpec("own", 2, (stage,) * 4, task="retinanet")
    how = Training(amp="bfloat16")
    moments = list(training.timeline(model_terms(spec, (64, 64)), "float32", how))
    casts = [m for m in moments if m.at == "bbox_head.retina_reg _to_copy"]
    assert len(casts) == 2 + 2  # weight and bias, and their gradients
