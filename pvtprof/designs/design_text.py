"""A network as the text of a design file, and as the values in one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from pvtprof.designs.design_file import LISTS, NUMBERS
from pvtprof.designs.spec import PATCHES, ModelSpec

#: Digits of the hash of a file's content.
DIGITS = 8
#: What a file says of the keys that need a word.
REMARKS = {
    "version": "1: PVT, 2: PVT v2",
    "sr_ratios": "R of the strided convolution; 1: plain attention",
    "qkv_bias": "as published; the official constructor's default is false",
    "linear": 'pooling in every stage and a ReLU in the MLP ("li")',
    "attention": "of every stage, or one per stage: mha, sra_conv, sra_pool",
    "pool_size": "side of the grid to which sra_pool pools",
}


def values_of(spec: ModelSpec) -> dict[str, object]:
    """Return what a design file says of a network, without its name.

    What is as where nothing is said is left out, save the bias and the attention.

    >>> from pvtprof.designs.published import model_spec
    >>> values_of(model_spec("pvt_v2_b2"))["depths"]
    [3, 4, 6, 3]
    """
    fields = ("dim", "depth", "num_heads", "mlp_ratio", "sr_ratio")
    values: dict[str, object] = {"version": spec.version}
    for key, field in zip(LISTS, fields, strict=True):
        values[key] = [getattr(stage, field) for stage in spec.stages]
    values["qkv_bias"] = _joined([stage.qkv_bias for stage in spec.stages])
    if spec.version == 2:
        values["linear"] = spec.mlp_relu
    variants = _joined([stage.variant for stage in spec.stages])
    if variants != ("sra_pool" if spec.mlp_relu else "sra_conv"):
        values["attention"] = variants
    if spec.patches:
        values |= _patches(spec)
    for key, (default, _) in NUMBERS.items():
        if getattr(spec, key) != default:
            values[key] = getattr(spec, key)
    if spec.built != (224, 224):
        values["img_size"] = list(spec.built)
    return values


def digest(spec: ModelSpec) -> str:
    """Return a short hash of what a design file says of a network, without its name.

    >>> from pvtprof.designs.published import model_spec
    >>> digest(model_spec("pvt_v2_b0")) == digest(model_spec("pvt_v2_b1"))
    False
    """
    said = json.dumps(values_of(spec), sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:DIGITS]


def text(spec: ModelSpec, name: str | None = None) -> str:
    """Return the text of a design file; ``name`` None: the file's own name is the network's.

    >>> from pvtprof.designs.published import model_spec
    >>> print(text(model_spec("pvt_v2_b0")).splitlines()[1])
    embed_dims = [32, 64, 160, 256]
    """
    named = {} if name is None else {"name": name}
    return "".join(f"{_line(key, value)}\n" for key, value in (named | values_of(spec)).items())


def _joined(values: list[object] | list[str] | list[bool]) -> object:
    """Return the one value of all stages, or the list."""
    return values[0] if len(set(values)) == 1 else values


def _patches(spec: ModelSpec) -> Mapping[str, object]:
    kernels, strides, paddings = (list(column) for column in zip(*spec.patches, strict=True))
    if spec.version == 1:
        later = PATCHES[1][1][0]
        is_first = kernels[1:] == [later] * (spec.last - 1)
        return {"patch_size": kernels[0]} if is_first else {"patch_sizes": kernels}
    padded = {} if paddings == [k // 2 for k in kernels] else {"paddings": paddings}
    return {"patch_sizes": kernels, "strides": strides, **padded}


def _line(key: str, value: object) -> str:
    """Return one line of TOML; JSON writes such numbers, lists, words and flags as TOML does."""
    said = json.dumps(value, ensure_ascii=False)
    remark = REMARKS.get(key)
    return f"{key} = {said}" + (f"  # {remark}" if remark else "")
