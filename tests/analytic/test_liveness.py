"""Live bytes by closed form: 0 bytes off at every operator, in inference and in training."""

from __future__ import annotations

import random
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import pvtprof
from pvtprof.analytic import liveness, training
from pvtprof.analytic.formulas import Term, attention_ops, model_terms, running
from pvtprof.analytic.geometry import attention_sizes
from pvtprof.designs.published import MODELS
from pvtprof.designs.spec import StageSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import ATTENTIONS, DTYPES
from pvtprof.moment import Moment
from pvtprof.observe import live_bytes
from pvtprof.observe.subject import Subject, attention_subject, model_subject
from tests.builders import at, shallow
from tests.trials import ALL, sample

#: How many random attention modules are watched, on fake and on real tensors.
FAKE, REAL = (2000, 500) if ALL else (20, 10)
NAMES = tuple(MODELS) if ALL else ("pvt_tiny", "pvt_v2_b0", "pvt_v2_b2_li")
IMAGES = [(224, 224), (800, 1333), *([(384, 384), (2048, 2048), (4096, 4096)] if ALL else [])]


def random_case(rng: random.Random, largest: int) -> tuple[str, Subject, tuple[Term, ...], str]:
    """A random attention module: what it is, how to build it, its operators and its dtype."""
    variant, attention = rng.choice(list(VARIANTS)), rng.choice(ATTENTIONS)
    dtype = rng.choice(list(DTYPES))
    side = rng.choice([s for s in (4, 16, 64, 1024) if s <= largest])
    grid = rng.randint(1, side), rng.randint(1, side)
    batch = rng.choice([1, 1, 2, 3, 8, 64] if largest > 64 else [1, 1, 2, 3])
    heads, pool = rng.choice([1, 1, 2, 3, 5, 8]), rng.randint(1, 9)
    stage = StageSpec(heads * rng.randint(2, 64), 1, heads, 1, rng.randint(1, min(grid)), variant)
    extra = rng.randint(0, 1) if stage.runs_as == "mha" else 0
    sizes = attention_sizes(stage, batch, grid, pool, extra)
    terms = running(
        Term(op.inside("attn"), sizes) for op in attention_ops(stage.runs_as, attention)
    )
    subject = attention_subject(stage, grid, sizes["n"], at(batch, dtype, attention), pool)
    return (
        f"{stage}, {attention}, {dtype}, grid {grid}, batch {batch}, pool {pool}",
        subject,
        terms,
        dtype,
    )


def check(case: str, subject: Subject, terms: tuple[Term, ...]) -> None:
    """Formula and witness agree on every moment of a forward pass and of a training step."""
    watch, saved = subject.step
    assert list(training.timeline(terms, subject.dtype)) == watch.timeline, case
    assert liveness.saved(terms, subject.dtype) == saved, case
    assert liveness.peak(terms, subject.dtype) == subject.forward.peak, case


@pytest.mark.parametrize("seed", range(4 if ALL else 2))
def test_random_attention_on_fake_tensors(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(FAKE // 4):
        case, subject, terms, _ = random_case(rng, largest=1024)
        check(case, subject, terms)
        assert list(liveness.timeline(terms, subject.dtype)) == subject.forward.timeline, case


def test_random_attention_on_real_tensors() -> None:
    rng = random.Random("real")
    for _ in range(REAL):
        case, subject, terms, dtype = random_case(rng, largest=16)
        module, inputs = subject.real("cpu")
        assert live_bytes.forward(module, inputs).timeline == list(
            liveness.timeline(terms, dtype)
        ), case
        watch, saved = live_bytes.step(module, inputs)
        assert watch.timeline == list(training.timeline(terms, dtype)), case
        assert saved == liveness.saved(terms, dtype), case
        assert packed_bytes(module, inputs) == liveness.saved(terms, dtype), case


def packed_bytes(module: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """What autograd packs for backward beside input, parameters and output: a second witness."""
    storages: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = module(*inputs)
    held = [
        tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *inputs, output)
    ]
    return sum(nbytes for pointer, nbytes in storages.items() if pointer not in held)


@pytest.mark.parametrize(("name", "image", "batch"), sample(product(NAMES, IMAGES, (1, 2, 8)), 3))
def test_whole_models(name: str, image: tuple[int, int], batch: int) -> None:
    spec = MODELS[name] if ALL else shallow(MODELS[name], blocks=2)
    subject = model_subject(spec, at(batch, "float32", "eager", image))
    check(name, subject, model_terms(spec, image, batch))


@given(
    st.sampled_from(list(VARIANTS)),
    st.sampled_from(ATTENTIONS),
    st.sampled_from(sorted(DTYPES)),
    st.integers(2, 2048),
    st.integers(2, 2048),
    st.integers(1, 64),
    st.integers(1, 8),
    st.integers(2, 64),
)
@settings(max_examples=300)
def test_one_attention_module_in_one_line(
    variant: str,
    attention: str,
    dtype: str,
    height: int,
    width: int,
    batch: int,
    heads: int,
    d: int,
) -> None:
    """The form derived by hand: q + 2m + X + S + max(S, 2q, q + copy m), or fused without S."""
    stage = StageSpec(heads * d, 1, heads, 1, 2, variant)
    sizes = attention_sizes(stage, batch, (height, width), pool_size=7)
    terms = [Term(op, sizes) for op in attention_ops(variant, attention)]
    s = DTYPES[dtype]
    q, m = batch * sizes["n"] * stage.dim * s, batch * sizes["m"] * stage.dim * s
    scores = batch * heads * sizes["n"] * sizes["m"] * s
    x = 0 if variant == "mha" else m
    copy = batch > 1 and heads > 1
    if attention == "eager":
        expected = q + 2 * m + x + scores + max(scores, 2 * q, q + copy * m)
    else:
        expected = q + 2 * m + x + q + max(q, batch * heads * sizes["n"] * max(4, s))
    assert liveness.peak(running(terms), dtype).bytes == expected


@given(
    st.sampled_from(list(VARIANTS)),
    st.sampled_from(sorted(DTYPES)),
    st.integers(2, 512),
    st.integers(2, 512),
    st.integers(1, 8),
    st.integers(1, 8),
    st.integers(2, 64),
)
@settings(max_examples=200)
def test_what_one_attention_module_saves_in_one_line(
    variant: str, dtype: str, height: int, width: int, batch: int, heads: int, d: int
) -> None:
    """The form derived by hand: 2q + 2m + S (fused: the log-sum-exp), and the reduction's own."""
    stage = StageSpec(heads * d, 1, heads, 1, 2, variant)
    sizes = attention_sizes(stage, batch, (height, width), pool_size=7)
    s = DTYPES[dtype]
    q, m = batch * sizes["n"] * stage.dim * s, batch * sizes["m"] * stage.dim * s
    t = 2 * batch * sizes["m"] * s
    extras = {"mha": 0, "sra_conv": 2 * m + t, "sra_pool": 4 * m + t}[variant]
    scores = {"eager": sizes["m"] * s, "sdpa": max(4, s)}
    for attention, per_query in scores.items():
        terms = running(Term(op, sizes) for op in attention_ops(variant, attention))
        expected = 2 * q + 2 * m + batch * heads * sizes["n"] * per_query + extras
        assert liveness.saved(terms, dtype) == expected


@given(
    st.sampled_from(list(VARIANTS)),
    st.sampled_from(sorted(DTYPES)),
    st.integers(1, 8),
    st.integers(1, 8),
    st.integers(2, 64),
)
@settings(max_examples=200)
def test_a_training_step_whose_scores_dominate_in_one_line(
    variant: str, dtype: str, batch: int, heads: int, d: int
) -> None:
    """The form derived by hand: 3S + 2q + (3 - copy)m + extras + (C^2 + C)s, at the softmax."""
    stage = StageSpec(heads * d, 1, heads, 1, 2, variant)
    sizes = attention_sizes(stage, batch, (512, 512), pool_size=64)
    terms = running(Term(op, sizes) for op in attention_ops(variant))
    s, copy = DTYPES[dtype], batch > 1 and heads > 1
    q, m = batch * sizes["n"] * stage.dim * s, batch * sizes["m"] * stage.dim * s
    scores = batch * heads * sizes["n"] * sizes["m"] * s
    extras = {"mha": 0, "sra_conv": 2, "sra_pool": 4}[variant] * m
    extras += (variant != "mha") * 2 * batch * sizes["m"] * s
    projection = (stage.dim**2 + stage.dim) * s
    assert training.peak(terms, dtype) == Moment(
        3 * scores + 2 * q + (3 - copy) * m + extras + projection, "softmax _softmax_backward_data"
    )


def test_published_figures() -> None:
    """Trial figures: the MLP of stage 1 at 224, the scores of stage 1 at 4096."""
    for name in ("pvt_tiny", "pvt_small", "pvt_medium", "pvt_large"):
        terms = model_terms(MODELS[name], (224, 224))
        assert liveness.peak(terms, "float32") == Moment(15_253_504, "block1.mlp.act gelu")
    terms = model_terms(MODELS["pvt_tiny"], (4096, 4096))
    assert liveness.peak(terms, "float32") == Moment(138_256_842_752, "block1.attn.scores mul")


def test_the_timeline_ends_with_the_logits_and_what_they_are_made_of() -> None:
    moments = list(liveness.timeline(model_terms(MODELS["pvt_v2_b0"], (64, 64)), "float32"))
    assert moments[0] == Moment(4 * 16 * 16 * 32, "patch_embed1.proj convolution")
    assert moments[-1] == Moment(4 * (256 + 1000), "head addmm")


def test_a_copy_that_views_spare_is_not_there() -> None:
    stage = StageSpec(16, 1, 2, 1, 1, "mha")
    for batch, copies in ((1, {"merge"}), (2, {"q_copy", "k_copy", "v_copy", "merge"})):
        sizes = attention_sizes(stage, batch, (4, 4), 7)
        names = {t.op.name for t in running(Term(op, sizes) for op in attention_ops("mha"))}
        assert {n for n in names if n.endswith("copy") or n == "merge"} == copies


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_in_blocks_of_cuda_the_peak_is_a_little_more(dtype: str, attention: str) -> None:
    """At most one block for every tensor alive; statistics of a norm twice as wide for halves."""
    for image in ((224, 224), (333, 97)):
        terms = model_terms(MODELS["pvt_v2_b0"], image, 1, attention)
        plain, rounded = liveness.peak(terms, dtype).bytes, liveness.allocated_peak(terms, dtype)
        assert rounded % liveness.CUDA_BLOCK == 0
        assert 0 <= rounded - plain < 12 * liveness.CUDA_BLOCK


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_cudas_allocator_holds_what_the_formula_says_and_workspaces(
    dtype: str, attention: str
) -> None:
    run = pvtprof.compare(
        "pvt_v2_b2", img=512, dtype=dtype, attention=attention, device="cuda", budget_s=0
    )
    for row in run.rows:
        assert "allocator" in row.witnesses
        assert 0 <= row.witnesses["allocator"].rest <= 2**27, row.name


def test_only_the_statistics_of_norms_are_wider_on_cuda() -> None:
    """Small heads, where the log-sum-exp of fused attention holds much: it is float32 anyway."""
    stage = StageSpec(8, 1, 4, 1, 1, "mha")
    sizes = attention_sizes(stage, 1, (64, 64), 7)
    terms = running(Term(op.inside("attn"), sizes) for op in attention_ops("mha", "sdpa"))
    assert liveness.allocated_peak(terms, "bfloat16") == liveness.peak(terms, "bfloat16").bytes
