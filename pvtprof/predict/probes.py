"""What is timed for a calibration: random attention modules and networks like PVT's."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import cycle, product
from typing import Any

from pvtprof.analytic.formulas import Term, attention_ops, model_terms, running, total
from pvtprof.analytic.geometry import attention_sizes
from pvtprof.analytic.liveness import peak
from pvtprof.designs.published import MODELS
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import DEFAULT_POOL_SIZE
from pvtprof.errors import SpecError
from pvtprof.predict.kernels import Kernel, kernels

#: Widths that calibration leaves out: those of the published models.
_REAL_DIMS = {stage.dim for spec in MODELS.values() for stage in spec.stages}
#: Widths of probes: multiples of 16 as PVT's, for which convolutions run other kernels than for the
#: rest; small ones are drawn as often as large ones.
_DIMS = [dim for dim in range(16, 577, 16) if dim not in _REAL_DIMS]
_HEAD_DIMS = (16, 32, 48, 64, 80, 96)
#: Images of networks; no side is larger.
_HEIGHTS, _WIDTHS = (96, 128, 176, 208, 272), (96, 112, 144, 240, 272)
LARGEST_IMAGE = max(*_HEIGHTS, *_WIDTHS)
#: Versions, and whether v2 has the ReLU of its "li" model.
_NETWORKS = ((1, False), (2, False), (2, True))
#: Work and memory of the largest probes: a calibration is a matter of seconds.
MOST_MACS = {"attention": 6e8, "model": 5e9}
MOST_PEAK_BYTES = 2**28


@dataclass(frozen=True)
class Probe:
    """Something to time: what the worker builds, and the operators that it runs.

    ``kind`` is "attention" or "model"; ``group`` is shared by probes that differ in variant alone.
    """

    name: str
    kind: str
    recipe: dict[str, Any]
    terms: tuple[Term, ...]
    dtype: str = "float32"
    group: str = ""

    @cached_property
    def runs(self) -> tuple[tuple[Kernel, int], ...]:
        """Its kernels, and how often each runs."""
        return tuple((kernel, term.times) for term, kernel in kernels(self.terms, self.dtype))

    @property
    def work(self) -> int:
        """MACs of all of it."""
        return total(self.terms).macs

    @property
    def is_fit(self) -> bool:
        """Whether it is small enough."""
        return (
            self.work < MOST_MACS[self.kind]
            and peak(self.terms, self.dtype).bytes < MOST_PEAK_BYTES
        )


def attention_probe(
    stage: StageSpec, grid: tuple[int, int], batch: int, attention: str, dtype: str, group: str = ""
) -> Probe:
    """Return a probe of one attention module over a grid of tokens."""
    sizes = attention_sizes(stage, batch, grid, DEFAULT_POOL_SIZE)
    ops = attention_ops(stage.runs_as, attention, stage.qkv_bias)
    terms = running(Term(op.inside("attn"), sizes) for op in ops)
    recipe = {
        "stage": asdict(stage),
        "grid": grid,
        "attention": attention,
        "pool_size": DEFAULT_POOL_SIZE,
        "input": [batch, grid[0] * grid[1], stage.dim],
    }
    name = f"{stage.variant} {stage.dim}/{stage.num_heads} R {stage.sr_ratio} {grid} x{batch}"
    return Probe(f"{name} {attention}", "attention", recipe, terms, dtype, group)


def model_probe(
    spec: ModelSpec, image: tuple[int, int], batch: int, attention: str, dtype: str
) -> Probe:
    """Return a probe of one whole network."""
    recipe = {
        "network": asdict(spec),
        "attention": attention,
        "input": [batch, spec.in_chans, *image],
    }
    name = f"{spec.name} {spec.stages[0].variant} {image} x{batch} {attention}"
    return Probe(name, "model", recipe, model_terms(spec, image, batch, attention), dtype)


def random_probes(seed: int, dtype: str) -> Iterator[Probe]:
    """Yield probes without end: four attention modules, then a network, not of PVT's widths.

    Six networks in turn are of every version at batch 1 and at more: between them they run every
    family of kernels.
    """
    chance = random.Random(seed)
    for (version, mlp_relu), batches in cycle(product(_NETWORKS, ((1,), (2, 3, 5)))):
        for _ in range(4):
            yield _small(_random_attention, chance, dtype)
        yield _small(partial(_random_model, version, mlp_relu, batches), chance, dtype)


def _small(draw: Any, chance: random.Random, dtype: str) -> Probe:
    while True:
        try:
            probe: Probe = draw(chance, dtype)
        except SpecError:
            continue  # no token left, or R larger than its grid
        if probe.is_fit:
            return probe


def _random_attention(chance: random.Random, dtype: str) -> Probe:
    grid = random_grid(chance, 6, 64)
    variant = chance.choice((*VARIANTS, "sra_conv"))  # whose kernels depend on the most sizes
    stage = _stage(chance, variant, min(8, *grid))
    return attention_probe(
        stage, grid, chance.choice((1, 1, 1, 2, 3, 5, 6)), _implementation(chance), dtype
    )


def random_grid(chance: random.Random, low: int, high: int) -> tuple[int, int]:
    """Return rows and columns, square half of the time."""
    height = chance.randint(low, high)
    return height, height if chance.random() < 0.5 else chance.randint(low, high)


def _stage(chance: random.Random, variant: str, most_ratio: int) -> StageSpec:
    dim = chance.choices(_DIMS, [1 / dim for dim in _DIMS])[0]
    heads = chance.choice([dim // size for size in _HEAD_DIMS if dim % size == 0])
    return StageSpec(
        dim=dim,
        depth=1,
        num_heads=heads,
        mlp_ratio=chance.choice((3, 4, 6, 8)),
        sr_ratio=chance.randint(2, max(2, most_ratio)),
        variant=variant,
    )


def _random_model(
    version: int, mlp_relu: bool, batches: Sequence[int], chance: random.Random, dtype: str
) -> Probe:
    variants = [chance.choice(tuple(VARIANTS)) for _ in range(4)]
    if version == 1:
        variants[3] = "mha"
    stages = tuple(
        _stage(chance, variant, most) for variant, most in zip(variants, (8, 4, 3, 2), strict=True)
    )
    spec = ModelSpec("random", version, stages, mlp_relu=mlp_relu)
    image = (chance.choice(_HEIGHTS), chance.choice(_WIDTHS))
    return model_probe(spec, image, chance.choice(batches), _implementation(chance), dtype)


def _implementation(chance: random.Random) -> str:
    return chance.choice(("eager", "eager", "sdpa"))


#: Widths and heads of PVT's stages, for what is held out.
_REAL = ((32, 1), (64, 1), (64, 2), (128, 2), (160, 5), (256, 8), (320, 5), (512, 8))


def held_out(seed: int, attentions: int, models: int, dtype: str) -> list[Probe]:
    """Return probes that test predictions: PVT's own widths and networks, other batches and sizes.

    In groups of the three variants, so that their ratios can be tested too.
    """
    chance = random.Random(f"held out {seed}")
    found: list[Probe] = []
    while len(found) < attentions:
        found += _group(chance, f"attention {len(found)}", dtype)
    return [*found, *(_small(_published, chance, dtype) for _ in range(models))]


def _group(chance: random.Random, name: str, dtype: str) -> Sequence[Probe]:
    while True:
        dim, heads = chance.choice(_REAL)
        grid, ratio = random_grid(chance, 7, 72), chance.choice((2, 4, 8))
        batch, attention = chance.choice((1, 1, 2, 4, 8)), _implementation(chance)
        if ratio > min(grid):
            continue
        stages = [StageSpec(dim, 1, heads, 1, ratio, variant) for variant in VARIANTS]
        probes = [attention_probe(s, grid, batch, attention, dtype, name) for s in stages]
        if all(probe.is_fit for probe in probes):
            return probes


def _published(chance: random.Random, dtype: str) -> Probe:
    spec = MODELS[chance.choice(list(MODELS))]
    variant = chance.choice((*VARIANTS, spec.stages[0].variant))
    image = random_grid(chance, 160, 352)
    return model_probe(
        spec.with_attention(variant),
        image,
        chance.choice((1, 2, 4)),
        _implementation(chance),
        dtype,
    )
