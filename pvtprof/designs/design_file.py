"""A network of the user's own as a design file: TOML with the official constructors' names.

The constructors: ``PyramidVisionTransformer`` and ``PyramidVisionTransformerV2`` of
https://github.com/whai362/PVT (``classification/pvt.py``, ``pvt_v2.py``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pvtprof.designs.checks import MAX_SIDE, one_of
from pvtprof.designs.file_values import counted, flag, list_of, per_stage, shown, whole
from pvtprof.designs.spec import IN_CHANNELS, MOST_STAGES, PATCHES, ModelSpec, StageSpec
from pvtprof.designs.toml_file import toml_in
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import DEFAULT_POOL_SIZE
from pvtprof.errors import SpecError

#: Lists with one whole number per stage, each with the largest that is taken.
LISTS = {
    "embed_dims": 2**16,
    "depths": 1000,
    "num_heads": 2**12,
    "mlp_ratios": 2**8,
    "sr_ratios": MAX_SIDE,
}
#: Lists that a file may leave out.
PATCH_LISTS = ("patch_sizes", "strides", "paddings")
#: Single whole numbers with their defaults and the largest that is taken.
NUMBERS = {
    "in_chans": (IN_CHANNELS, 2**16),
    "num_classes": (1000, 2**24),
    "pool_size": (DEFAULT_POOL_SIZE, MAX_SIDE),
}
KEYS = (
    *("name", "version", "num_stages", *LISTS, "qkv_bias", "linear", "attention", "pool_size"),
    *("patch_size", *PATCH_LISTS, "in_chans", "num_classes", "img_size"),
)
#: Words of the official constructors that change no figure of pvtprof, or none that it has.
WITHOUT_COST = (
    *("drop_rate", "attn_drop_rate", "drop_path_rate", "qk_scale", "norm_layer", "F4"),
    "pretrained",
)
#: What transformers' ``PvtConfig`` and ``PvtV2Config`` call a key.
ELSEWHERE = {
    "hidden_sizes": "embed_dims",
    "num_attention_heads": "num_heads",
    "sequence_reduction_ratios": "sr_ratios",
    "num_encoder_blocks": "num_stages",
    "linear_attention": "linear",
    "num_channels": "in_chans",
    "image_size": "img_size",
    "num_labels": "num_classes",
}


def read(path: str | os.PathLike[str]) -> ModelSpec:
    """Return the network that a design file describes; raise SpecError or StoreError otherwise."""
    values = values_in(path)
    try:
        return spec_of(values, default_name(path))
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from None


def values_in(path: str | os.PathLike[str]) -> dict[str, object]:
    """Return the values in a design file as TOML has them, not yet checked."""
    return toml_in(
        path,
        "a design file",
        "write KEY = VALUE, lists in [ ], true or false, as `pvtprof models --show pvt_v2_b2` "
        "prints them",
        "write one to start from with `pvtprof models --show pvt_v2_b2`",
    )


def default_name(path: str | os.PathLike[str]) -> str:
    """Return the name of a network whose file gives none: the file's, without its suffix.

    >>> default_name("designs/my pvt.toml")
    'my-pvt'
    """
    return re.sub(r"[^\w.+=,-]+|^\W+", "-", Path(path).stem).strip("-.")[:100] or "design"


def spec_of(values: Mapping[str, object], name: str) -> ModelSpec:
    """Return the network of these values, by the names of a design file.

    ``name`` is what it is called where no value says so. Raises SpecError for what cannot be.

    >>> values = {"version": 2, "embed_dims": [8, 16], "depths": [1, 1], "num_heads": [1, 2]}
    >>> spec_of(values | {"mlp_ratios": [4, 4], "sr_ratios": [2, 1]}, "small").sr_ratios
    (2, 1)
    """
    _check_keys(values)
    name = checked_name(values.get("name", name))
    version = values.get("version")
    if version not in PATCHES or isinstance(version, bool):
        was = "missing" if version is None else shown(version)
        raise SpecError(f"version is {was}; use 1 (PVT) or 2 (PVT v2)")
    columns = _columns(values)
    count = len(columns["depths"])
    linear = flag("linear", values.get("linear", False))
    if linear and version == 1:
        raise SpecError("only PVT v2 has linear, and version is 1; use attention for PVT v1")
    biases = _biases(values.get("qkv_bias", True), count)
    stages = _stages(columns, _attention(values, linear, version, count), biases)
    numbers: dict[str, Any] = {
        key: whole(key, values.get(key, default), most) for key, (default, most) in NUMBERS.items()
    }
    return ModelSpec(
        name,
        version,
        stages,
        mlp_relu=linear,
        built=_image(values.get("img_size", 224)),
        patches=_patches(values, version, count),
        **numbers,
    )


def _check_keys(values: Mapping[str, object]) -> None:
    for key in values:
        if key in WITHOUT_COST:
            raise SpecError(f"{key} is nothing that pvtprof's networks have; leave it out")
        if key in ELSEWHERE:
            raise SpecError(f"unknown key {key!r}; write {ELSEWHERE[key]}")
        one_of("key", key, KEYS)


def checked_name(name: object) -> str:
    """Return a name that can stand in a table and in the name of a file."""
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.+=,-]{0,149}", name):
        raise SpecError(
            f"name is {shown(name)}; use a text of letters, digits and . _ - + = , (150 at most), "
            "a letter or digit first"
        )
    return name


def _columns(values: Mapping[str, object]) -> dict[str, list[int]]:
    """Return the lists of whole numbers, each of one value per stage."""
    found = {key: list_of(key, values.get(key)) for key in LISTS}
    count = _count(values, {key: len(listed) for key, listed in found.items()})
    return {
        key: [
            whole(f"{key} of stage {i}", value, LISTS[key])
            for i, value in enumerate(listed[:count], 1)
        ]
        for key, listed in found.items()
    }


def _count(values: Mapping[str, object], lengths: Mapping[str, int]) -> int:
    """Return how many stages there are; raise SpecError where lists do not have so many values."""
    first = next(iter(lengths))
    given = values.get("num_stages")
    if given is not None:
        count = whole("num_stages", given, MOST_STAGES)
        short = [key for key, length in lengths.items() if length < count]
        if short:
            raise SpecError(
                f"num_stages is {count}, and {short[0]} has {counted(lengths[short[0]])}; "
                "give one per stage"
            )
        return count
    for key, length in lengths.items():
        if length != lengths[first]:
            raise SpecError(
                f"{first} has {counted(lengths[first])} and {key} has {length}; give one per stage"
            )
    if not 1 <= lengths[first] <= MOST_STAGES:
        raise SpecError(
            f"{first} has {counted(lengths[first])}: use 1 to {MOST_STAGES} stages, one value each"
        )
    return lengths[first]


def _biases(value: object, count: int) -> list[bool]:
    if isinstance(value, bool):
        return [value] * count
    listed = per_stage("qkv_bias", value, count) if isinstance(value, list | tuple) else [value]
    return [flag("qkv_bias", one) for one in listed]


def _attention(values: Mapping[str, object], linear: bool, version: int, count: int) -> list[str]:
    """Return the variant of each stage; one word is that of every stage.

    A class token has no place in a grid: pooling leaves v1's last stage plain, as elsewhere.
    """
    value = values.get("attention", "sra_pool" if linear else "sra_conv")
    if isinstance(value, str):
        one_of("attention", value, tuple(VARIANTS))
        plain = version == 1 and VARIANTS[value].pools
        return [value] * (count - 1) + ["mha" if plain else value]
    if not isinstance(value, list | tuple):
        raise SpecError(
            f"attention is {shown(value)}; use {', '.join(VARIANTS)}, or a list of one per stage"
        )
    variants = [str(one) for one in per_stage("attention", value, count)]
    return [
        one_of(f"attention of stage {i}", v, tuple(VARIANTS)) for i, v in enumerate(variants, 1)
    ]


def _stages(
    columns: Mapping[str, list[int]], variants: Sequence[str], biases: Sequence[bool]
) -> tuple[StageSpec, ...]:
    stages = []
    for i, (variant, bias) in enumerate(zip(variants, biases, strict=True)):
        dim, depth, num_heads, mlp_ratio, sr_ratio = (columns[key][i] for key in LISTS)
        try:
            stages.append(StageSpec(dim, depth, num_heads, mlp_ratio, sr_ratio, variant, bias))
        except SpecError as error:
            raise SpecError(f"stage {i + 1}: {error}") from None
    return tuple(stages)


def _image(value: object) -> tuple[int, int]:
    sides = list(value) if isinstance(value, list | tuple) else [value, value]
    if len(sides) != 2:
        raise SpecError(f"img_size is {shown(value)}; use a side, or [height, width]")
    height, width = (whole("img_size", side, MAX_SIDE) for side in sides)
    return height, width


def _patches(
    values: Mapping[str, object], version: int, count: int
) -> tuple[tuple[int, int, int], ...]:
    """Return (kernel, stride, padding) of each stage; none where they are the official ones."""
    official = [PATCHES[version][0], *[PATCHES[version][1]] * (count - 1)]
    kernels = [kernel for kernel, _, _ in official]
    if "patch_size" in values:
        kernels = _first_patch(values, version, kernels)
    given = {
        key: [
            _padding(i, one) if key == "paddings" else whole(f"{key} of stage {i}", one, MAX_SIDE)
            for i, one in enumerate(per_stage(key, values[key], count), 1)
        ]
        for key in PATCH_LISTS
        if key in values
    }
    kernels = given.get("patch_sizes", kernels)
    strides = given.get("strides", kernels if version == 1 else [s for _, s, _ in official])
    padded = [0] * count if version == 1 else [kernel // 2 for kernel in kernels]
    found = tuple(zip(kernels, strides, given.get("paddings", padded), strict=True))
    return () if found == tuple(official) else found


def _first_patch(values: Mapping[str, object], version: int, kernels: list[int]) -> list[int]:
    """Return the kernels with ``patch_size``, which is stage 1's in v1 and without effect in v2."""
    side = whole("patch_size", values["patch_size"], MAX_SIDE)
    if "patch_sizes" in values:
        raise SpecError("patch_size and patch_sizes both give patches; give only one of them")
    if version == 2 and side != PATCHES[2][0][1]:
        raise SpecError(
            f"patch_size is {side}, and PVT v2's official code ignores it (patches 7,3,3,3 at "
            "strides 4,2,2,2); leave it out, or give patch_sizes and strides"
        )
    return [side, *kernels[1:]] if version == 1 else kernels


def _padding(stage: int, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SIDE:
        raise SpecError(
            f"paddings of stage {stage} is {shown(value)}; use a whole number of 0 or more"
        )
    return value
