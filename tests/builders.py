"""Runs made by hand, for everything that works on records: no torch, no clock."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from itertools import product

from pvtprof.analytic.formulas import model_terms
from pvtprof.api import Run
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import ATTENTIONS
from pvtprof.designs.workload import workload
from pvtprof.observe.machine import Environment
from pvtprof.observe.measurement import Measurement
from pvtprof.observe.witness import Count
from pvtprof.predict.calibration import Calibration, Fitted, Quality
from pvtprof.predict.kernels import kernels
from pvtprof.predict.prediction import Ceilings
from pvtprof.run.compare import compare, workloads
from pvtprof.run.measuring import Measuring
from pvtprof.run.row import Row, joined
from pvtprof.run.rows import terms_of
from pvtprof.run.witnesses import WITNESSES

ENVIRONMENT = Environment(
    pvtprof="0.1.0",
    date="2026-01-02T03:04:05+00:00",
    python="3.11.7",
    system="Linux x86_64",
    device="Test CPU, 2 cores",
    threads=2,
    torch="2.13.0",
    fvcore="0.1.5",
)

#: Three stages, one without a bias, patches of its own.
MINE = ModelSpec(
    "mine",
    2,
    (
        StageSpec(24, 2, 1, 4, 8),
        StageSpec(60, 1, 3, 4, 4, qkv_bias=False),
        StageSpec(96, 3, 4, 2, 1),
    ),
    num_classes=10,
    in_chans=4,
    patches=((7, 4, 3), (3, 2, 1), (5, 3, 2)),
)


#: Four stages of one block, for tests that need some real network.
FOUR = ModelSpec(
    "four",
    2,
    tuple(
        StageSpec(dim, 1, heads, 2, ratio)
        for dim, heads, ratio in ((8, 1, 8), (16, 2, 4), (24, 3, 2), (32, 4, 1))
    ),
    num_classes=10,
)
#: The first two of them, for tests that need any.
TWO = replace(FOUR, name="two", stages=FOUR.stages[:2])


def shallow(spec: ModelSpec, blocks: int) -> ModelSpec:
    """The network with so many blocks a stage at most, under a name of its own."""
    stages = tuple(replace(stage, depth=min(stage.depth, blocks)) for stage in spec.stages)
    return replace(spec, name="shallow", stages=stages)


def observed_run(**options: object) -> Run:
    """A run whose witnesses agree and whose samples are simple: k ms, 1 to 7 times over."""
    asked = workloads(**options)  # type: ignore[arg-type] # passed through as given
    run = compare(asked, Measuring(), analytic=True)
    rows = tuple(_observed(row, i) for i, row in enumerate(run.rows, 1))
    return Run(ENVIRONMENT, rows, "pvtprof compare --img 224 --R 8,4,2,1 --device cpu")


def _observed(row: Row, number: int) -> Row:
    terms = terms_of(row)
    witnesses = {}
    for name, witness in WITNESSES.items():
        if witness.is_exact:
            formula = witness.formula(terms, row.setting)
            skipped = {"aten::softmax": 1} if witness.by_module else {}
            witnesses[name] = joined(formula, Count(sum(formula.values()), formula, skipped))
    samples = tuple(1e-3 * number * (1 + k / 100) for k in range(7))
    return replace(
        row,
        setting=replace(row.setting, device="cpu"),
        witnesses=witnesses,
        latency=Measurement(samples, calls=2),
    )


def with_row(run: Run, stage: int | None, variant: str, **changes: object) -> Run:
    """The run with one row changed."""
    rows = tuple(
        replace(row, **changes) if (row.part.stage, row.design.name) == (stage, variant) else row  # type: ignore[arg-type]
        for row in run.rows
    )
    return replace(run, rows=rows)


def with_witness(run: Run, stage: int | None, variant: str, name: str, counted: int) -> Run:
    """The run with another figure of one witness in one row."""
    row = run.row(stage, variant)
    found = replace(row.witnesses[name], counted=counted)
    return with_row(run, stage, variant, witnesses={**row.witnesses, name: found})


def model_at(
    model: str, img: int | tuple[int, int] = 224, **options: object
) -> tuple[ModelSpec, Setting]:
    """A published model, and a setting for it."""
    asked = workload(model, img, **options)  # type: ignore[arg-type] # passed through as given
    return MODELS[model], asked.setting


def at(
    batch: int = 1,
    dtype: str = "float32",
    attention: str = "eager",
    image: tuple[int, int] = (1, 1),
) -> Setting:
    """A setting; of an attention module alone, which has its grid, the image does not matter."""
    return Setting(*image, batch=batch, dtype=dtype, attention=attention)


def random_stage(rng: random.Random, variant: str, grid: tuple[int, int]) -> StageSpec:
    """A random attention: heads, head dim and an R that mostly does not divide the grid."""
    heads = rng.randint(1, 6)
    return StageSpec(
        dim=heads * rng.randint(1, 24),
        depth=1,
        num_heads=heads,
        mlp_ratio=1,
        sr_ratio=rng.randint(1, min(grid)),
        variant=variant,
    )


@cache  # half a second, and fifty tests
def made_up_calibration(dtype: str = "float32") -> Calibration:
    """A machine that was never measured: a nanosecond for this, a microsecond for that."""
    families: dict[str, Fitted] = {}
    images = ((192, 224), (32, 64))
    for spec, variant, image, batch, attention in product(
        MODELS.values(), VARIANTS, images, (1, 2), ATTENTIONS
    ):
        terms = model_terms(spec.with_attention(variant), image, batch, attention)
        for _, kernel in kernels(terms, dtype):
            size = len(kernel.features)
            families.setdefault(
                kernel.family,
                Fitted(
                    kernel.kind,
                    (
                        1e-6,
                        *(1e-11 * (len(families) + i + 1) for i in range(size - 1)),
                    ),
                ),
            )
    quality = {kind: Quality(0.08, 0.05, 0.9, 1.2, 9) for kind in ("attention", "model")}
    return Calibration(
        ENVIRONMENT,
        dtype,
        families,
        1.1,
        2e-6,
        False,
        Ceilings(1e11, 2e10),
        {"GEMM": (5e10, 1e9)},
        quality,
    )
