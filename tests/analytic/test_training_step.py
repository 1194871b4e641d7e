"""A training step as people run it, by closed form: 0 bytes off at every moment."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product

import pytest
import torch

from pvtprof.analytic import training
from pvtprof.analytic.formulas import Term, attention_ops, model_terms, running
from pvtprof.analytic.geometry import attention_sizes
from pvtprof.analytic.liveness import allocating, unrolled
from pvtprof.analytic.optimizer import parameters, state_bytes
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.designs.training import PLAIN_TRAINING, Training
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import AMPS, ATTENTIONS, OPTIMIZERS
from pvtprof.models.build import build
from pvtprof.observe import live_bytes
from pvtprof.observe.subject import attention_subject, model_subject
from tests.trials import ALL, sample

#: How many random networks and attention modules are watched on fake tensors, and on real ones.
NETWORKS, MODULES, REAL = (240, 400, 40) if ALL else (8, 10, 3)
RECIPES = [Training(*one) for one in product(OPTIMIZERS, AMPS, (False, True))]


def random_network(rng: random.Random) -> ModelSpec:
    """PVT, PVT v2 or PVT v2 li with one to three stages (a sample: two) of dim 4 to 24."""
    kind, last = rng.choice(["v1", "v2", "li"]), rng.randint(1, 3 if ALL else 2)
    stages = []
    for number in range(1, last + 1):
        heads = rng.randint(1, 3)
        plain = kind == "v1" and number == last
        stages.append(
            StageSpec(
                dim=heads * rng.choice([4, 5, 8]),
                depth=rng.randint(1, 2),
                num_heads=heads,
                mlp_ratio=rng.choice([1, 2, 4]),
                sr_ratio=1 if plain else rng.randint(1, 2),
                variant="mha" if plain else rng.choice(list(VARIANTS)),
                qkv_bias=rng.random() < 0.7,
            )
        )
    return ModelSpec(
        kind,
        1 if kind == "v1" else 2,
        tuple(stages),
        mlp_relu=kind == "li",
        pool_size=rng.randint(1, 3),
        num_classes=5,
        built=rng.choice([(32, 32), (64, 64)]),
        in_chans=rng.choice([1, 3, 4]),
    )


def random_setting(rng: random.Random, how: Training) -> Setting:
    """A small image at batch 1 or 2, written out or fused, trained as ``how`` says."""
    height, width = rng.choice([(32, 32), (64, 64), (40, 72)])
    return Setting(
        height,
        width,
        rng.randint(1, 2),
        attention=rng.choice(ATTENTIONS),
        mode="training",
        optimizer=how.optimizer,
        amp=how.amp,
        checkpoint=how.checkpoint,
    )


def drawn(seed: str, count: int) -> list[tuple[random.Random, Training]]:
    """``count`` ways to train, each with numbers of its own; all ways occur where there is room."""
    return [(random.Random(f"{seed} {i}"), RECIPES[(i * 7) % len(RECIPES)]) for i in range(count)]


@pytest.mark.parametrize(("rng", "how"), drawn("network", NETWORKS))
def test_networks_on_fake_tensors(rng: random.Random, how: Training) -> None:
    spec, setting = random_network(rng), random_setting(rng, how)
    terms = model_terms(spec, setting.image, setting.batch, setting.attention)
    watch, saved = model_subject(spec, setting).step
    case = f"{spec}, {setting}"
    assert list(training.timeline(terms, "float32", how)) == watch.timeline, case
    assert training.saved(terms, "float32", how) == saved, case


@pytest.mark.parametrize(("rng", "how"), drawn("real", REAL))
def test_networks_on_real_tensors(rng: random.Random, how: Training) -> None:
    spec, setting = random_network(rng), random_setting(rng, how)
    terms = model_terms(spec, setting.image, setting.batch, setting.attention)
    watch, saved = live_bytes.step(*model_subject(spec, setting).real("cpu"), how)
    case = f"{spec}, {setting}"
    assert watch.timeline == list(training.timeline(terms, "float32", how)), case
    assert saved == training.saved(terms, "float32", how), case


@pytest.mark.parametrize(("rng", "how"), drawn("module", MODULES))
def test_attention_modules_on_fake_tensors(rng: random.Random, how: Training) -> None:
    grid, heads = (rng.randint(1, 16), rng.randint(1, 16)), rng.randint(1, 3)
    variant, attention = rng.choice(list(VARIANTS)), rng.choice(ATTENTIONS)
    stage = StageSpec(heads * rng.randint(2, 9), 1, heads, 1, rng.randint(1, min(grid)), variant)
    setting = replace(random_setting(rng, how), attention=attention)
    sizes = attention_sizes(stage, setting.batch, grid, 3)
    ops = attention_ops(stage.runs_as, attention)
    terms = running(Term(op.inside("attn"), sizes) for op in ops)
    watch, saved = attention_subject(stage, grid, sizes["n"], setting, 3).step
    case = f"{stage}, {grid}, {setting}"
    assert list(training.timeline(terms, "float32", how)) == watch.timeline, case
    assert training.saved(terms, "float32", how) == saved, case


@pytest.mark.parametrize(
    ("optimizer", "dtype"), sample(product(OPTIMIZERS, ("bfloat16", "float64")), 4)
)
def test_the_state_is_in_the_dtype_of_the_parameters(optimizer: str, dtype: str) -> None:
    """And the counts of steps in float32, or float64 where that is the default."""
    spec = random_network(random.Random("state"))
    how = Training(optimizer, checkpoint=True)
    setting = replace(random_setting(random.Random(0), how), dtype=dtype)
    terms = model_terms(spec, setting.image, setting.batch, setting.attention)
    watch, _ = model_subject(spec, setting).step
    assert list(training.timeline(terms, dtype, how)) == watch.timeline


@pytest.mark.parametrize("seed", range(12))
def test_parameters_come_in_the_order_of_the_modules(seed: int) -> None:
    spec = random_network(random.Random(seed))
    terms = unrolled(allocating(model_terms(spec, (64, 64))))
    with torch.device("meta"):
        network = build(spec)
    assert parameters(terms) == [p.numel() for p in network.parameters()]


def test_adamw_holds_two_copies_and_a_count_a_parameter() -> None:
    layer = torch.nn.Linear(3, 5)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    held = [t.nbytes for its in optimizer.state.values() for t in its.values()]
    assert state_bytes([15, 5], "float32", "adamw") == sum(held) == 2 * 4 * 20 + 2 * 4


def test_what_a_recomputed_network_saves_are_inputs_of_its_blocks() -> None:
    """PVT v2, one stage of two blocks at batch 2: what is outside of blocks, and two inputs."""
    stage = StageSpec(8, 2, 2, 4, 1, "mha")
    terms = model_terms(ModelSpec("one", 2, (stage,), num_classes=5), (32, 32), 2)
    tokens = 4 * 2 * 64 * 8  # (2, 64, 8) in float32
    statistics = 2 * 4 * 2 * 64
    embedding = tokens + statistics  # the convolution's result, which the norm reads
    last_norm = tokens + statistics
    head = 4 * 2 * 8  # the mean of the tokens
    saved = training.saved(terms, "float32", Training(checkpoint=True))
    assert saved == embedding + 2 * tokens + last_norm + head


@pytest.mark.parametrize("how", sample([(one,) for one in RECIPES], 6))
def test_an_optimizer_adds_its_state_to_every_moment(how: tuple[Training]) -> None:
    (one,) = how
    spec = random_network(random.Random("adds"))
    terms = model_terms(spec, (64, 64))
    without = list(training.timeline(terms, "float32", replace(one, optimizer="none")))
    state = state_bytes(parameters(unrolled(allocating(terms))), "float32", one.optimizer)
    found = list(training.timeline(terms, "float32", one))
    assert [m.bytes - state for m in found[: len(without)]] == [m.bytes for m in without]
    assert {m.at.split()[0] for m in found[len(without) :]} <= {"optimizer.step"}


def test_a_plain_step_is_what_it_was() -> None:
    terms = model_terms(random_network(random.Random("plain")), (64, 64))
    plain = list(training.timeline(terms, "float32"))
    assert plain == list(training.timeline(terms, "float32", PLAIN_TRAINING))
    assert training.peak(terms, "float32", Training("sgd")) == training.peak(terms, "float32")
