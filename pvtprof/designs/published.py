"""The eleven published models, as one table of data.

Facts: the official code, https://github.com/whai362/PVT (``classification/pvt.py`` and
``pvt_v2.py``); papers arXiv:2102.12122 (PVT) and arXiv:2106.13797 (PVT v2)."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from pvtprof.designs.checks import one_of
from pvtprof.designs.spec import BUILT, ModelSpec, StageSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import DEFAULT_POOL_SIZE
from pvtprof.errors import SpecError

_V1_DIMS = (64, 128, 320, 512)
_HEADS = (1, 2, 5, 8)
_RATIOS = (8, 4, 2, 1)
#: name: (version, dims, depths, mlp ratios, attention variant). Heads and R are the same in all.
_PUBLISHED = {
    "pvt_tiny": (1, _V1_DIMS, (2, 2, 2, 2), (8, 8, 4, 4), "sra_conv"),
    "pvt_small": (1, _V1_DIMS, (3, 4, 6, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_medium": (1, _V1_DIMS, (3, 4, 18, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_large": (1, _V1_DIMS, (3, 8, 27, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b0": (2, (32, 64, 160, 256), (2, 2, 2, 2), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b1": (2, _V1_DIMS, (2, 2, 2, 2), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b2": (2, _V1_DIMS, (3, 4, 6, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b3": (2, _V1_DIMS, (3, 4, 18, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b4": (2, _V1_DIMS, (3, 8, 27, 3), (8, 8, 4, 4), "sra_conv"),
    "pvt_v2_b5": (2, _V1_DIMS, (3, 6, 40, 3), (4, 4, 4, 4), "sra_conv"),
    "pvt_v2_b2_li": (2, _V1_DIMS, (3, 4, 6, 3), (8, 8, 4, 4), "sra_pool"),
}


def _published(name: str) -> ModelSpec:
    version, dims, depths, mlp_ratios, variant = _PUBLISHED[name]
    columns = zip(dims, depths, _HEADS, mlp_ratios, _RATIOS, strict=True)
    stages = tuple(StageSpec(*column, variant) for column in columns)
    return ModelSpec(name, version, stages, mlp_relu=variant == "sra_pool")


def _linear(name: str) -> ModelSpec:
    """Return a model of PVT v2 as the official code builds it with ``linear=True``."""
    spec = replace(_published(name), name=f"{name}_li", mlp_relu=True)
    return spec.with_attention("sra_pool")


#: The eleven published models.
MODELS = {name: _published(name) for name in _PUBLISHED}
#: PVT v2 b0 to b5 with linear attention; of b2 alone there are published weights.
LINEAR = {f"pvt_v2_b{i}_li": _linear(f"pvt_v2_b{i}") for i in range(6)}
#: Every network that has a name of its own.
NAMEABLE = MODELS | LINEAR

#: ImageNet-1K top-1 accuracy in percent at 224x224, as the papers print it: PVT in table 2 of
#: arXiv:2102.12122 (as an error there), PVT v2 in table 2 of arXiv:2106.13797.
TOP_1 = {
    "pvt_tiny": 75.1,
    "pvt_small": 79.8,
    "pvt_medium": 81.2,
    "pvt_large": 81.7,
    "pvt_v2_b0": 70.5,
    "pvt_v2_b1": 78.7,
    "pvt_v2_b2": 82.0,
    "pvt_v2_b3": 83.1,
    "pvt_v2_b4": 83.6,
    "pvt_v2_b5": 83.8,
    "pvt_v2_b2_li": 82.1,
}


def published_as(spec: ModelSpec) -> str | None:
    """Return the name of the published model that runs exactly as ``spec`` in its task, or None.

    >>> published_as(MODELS["pvt_v2_b2"].with_attention("sra_conv", (8, 4, 2, 1)))
    'pvt_v2_b2'

    >>> published_as(MODELS["pvt_v2_b2"].with_attention("mha")) is None
    True
    """
    this = as_run(spec)
    used = ((name, model.used_for(spec.task, spec.proposals)) for name, model in MODELS.items())
    known = (name for name, model in used if as_run(model) == this)
    return next(known, None)


@lru_cache(maxsize=64)
def as_run(spec: ModelSpec) -> ModelSpec:
    """Return the same network without what makes no difference: its name, an unused R."""
    stages = tuple(
        replace(stage, variant=name, sr_ratio=stage.sr_ratio if VARIANTS[name].has_ratio else 1)
        for stage in spec.stages
        for name in [stage.runs_as]
    )
    pools = any(VARIANTS[stage.variant].pools for stage in stages)
    return replace(
        spec,
        name="",
        stages=stages,
        pool_size=spec.pool_size if pools else DEFAULT_POOL_SIZE,
        built=spec.built if spec.version == 1 else BUILT,
        patches=tuple(map(spec.patch, range(1, spec.last + 1))),
    )


def model_spec(name: str) -> ModelSpec:
    """Return the model of that name: published, or PVT v2 with linear attention.

    Raises SpecError for another name.

    >>> model_spec("PVTv2-B2-Linear").name, model_spec("pvt_v2_b2.in1k").name
    ('pvt_v2_b2_li', 'pvt_v2_b2')
    >>> model_spec("pvt_v2_b0_linear").name
    'pvt_v2_b0_li'

    >>> model_spec("pvt_v2_b9")
    Traceback (most recent call last):
    ...
    pvtprof.errors.SpecError: unknown model 'pvt_v2_b9'; did you mean pvt_v2_b5 or pvt_v2_b4 or \
pvt_v2_b3? use one of pvt_tiny, pvt_small, pvt_medium, pvt_large, pvt_v2_b0, pvt_v2_b1, \
pvt_v2_b2, pvt_v2_b3, pvt_v2_b4, pvt_v2_b5, pvt_v2_b2_li, or the path of a design file (.toml)
    """
    known = canonical(name)
    if known in NAMEABLE:
        return NAMEABLE[known]
    try:
        return MODELS[one_of("model", name, tuple(MODELS))]
    except SpecError as error:
        raise SpecError(f"{error}, or the path of a design file (.toml)") from None


def canonical(name: str) -> str:
    """Return the name in the table for other spellings: case, hyphens, tags, owners.

    >>> canonical("OpenGVLab/pvt-v2-b0"), canonical("PVT-Tiny")
    ('pvt_v2_b0', 'pvt_tiny')
    """
    plain = str(name).rpartition("/")[2].partition(".")[0].strip().lower().replace("-", "_")
    return re.sub("^pvt_?(v2_?)?", lambda m: "pvt_v2_" if m[1] else "pvt_", plain).replace(
        "_linear", "_li"
    )
