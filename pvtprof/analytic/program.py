"""The formulas as data, for an interpreter in another language.

The operator lists are the very ones that Python reads; the report's explorer reads them from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from pvtprof.analytic.formulas import attention_ops, layout
from pvtprof.analytic.geometry import COUNTS
from pvtprof.analytic.liveness import ATEN
from pvtprof.analytic.ops import Op
from pvtprof.designs.checks import MAX_BATCH, MAX_SIDE
from pvtprof.designs.design_file import LISTS
from pvtprof.designs.published import MODELS
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.variants import PLAIN, VARIANTS
from pvtprof.designs.words import ATTENTIONS, DTYPES, MODES


def program(specs: Sequence[ModelSpec] = ()) -> dict[str, Any]:
    """Return operator lists, models and limits as values for JSON.

    ``specs`` are networks beside the published models; they come first. ``attention`` maps a
    variant and an implementation to its operators, outside of any module; ``unbiased`` does so for
    queries, keys and values without a bias, where a network has some. ``layouts`` maps a family to
    the operators of each stage, with ``{"attention": prefix, "x": name}`` where a block calls its
    attention. An operator has the fields of ``Op`` that are not empty; a copy of its gradient is
    (torch's operator, submodule, when).
    """
    models = {spec.name: spec for spec in specs}
    models |= {name: spec for name, spec in MODELS.items() if name not in models}
    has_unbiased = any(not s.qkv_bias for spec in models.values() for s in spec.stages)
    return {
        "attention": _attention(qkv_bias=True),
        "unbiased": _attention(qkv_bias=False) if has_unbiased else {},
        "layouts": dict(layout for spec in models.values() for layout in _layouts(spec)),
        "models": {name: _model(spec) for name, spec in models.items()},
        "counts": COUNTS,
        "aten": ATEN,
        "dtypes": DTYPES,
        "variants": list(VARIANTS),
        "keys": {name: variant.keys for name, variant in VARIANTS.items()},
        "attentions": ATTENTIONS,
        "modes": MODES,
        "lists": {
            name: LISTS[name] for name in ("embed_dims", "depths", "num_heads", "mlp_ratios")
        },
        "max_side": MAX_SIDE,
        "max_batch": MAX_BATCH,
    }


def _attention(qkv_bias: bool) -> dict[str, dict[str, list[dict[str, Any]]]]:
    return {
        variant: {a: [_op(op) for op in attention_ops(variant, a, qkv_bias)] for a in ATTENTIONS}
        for variant in VARIANTS
    }


def _family(spec: ModelSpec) -> str:
    """Return the name of a layout: all networks of a family have the same, but for attention."""
    name = "v1" if spec.version == 1 else "li" if spec.mlp_relu else "v2"
    return name if spec.last == 4 else f"{name} of {spec.last}"


def _layouts(spec: ModelSpec) -> Iterator[tuple[str, list[list[dict[str, Any]]]]]:
    """Yield the layout of a network's family; of v1 also that with a resized embedding."""
    yield _family(spec), _stages(spec, stored=spec.version == 1)
    if spec.version == 1:
        yield f"{_family(spec)} resized", _stages(spec, stored=False)


def _op(op: Op) -> dict[str, Any]:
    values = {f.name: getattr(op, f.name) for f in fields(op) if f.name != "regrads"}
    values["regrads"] = [(one.aten, one.where, one.when) for one in op.regrads]
    return {name: value for name, value in values.items() if value} | {"where": op.module}


def _stages(spec: ModelSpec, stored: bool) -> list[list[dict[str, Any]]]:
    placed = layout(spec.with_attention(PLAIN, [1] * spec.last), stored, "eager")
    return [
        list(_skeleton([op for op, at, _ in placed if at == stage], f"block{stage}.attn"))
        for stage in range(1, spec.last + 1)
    ]


def _skeleton(ops: Sequence[Op], attention: str) -> Iterator[dict[str, Any]]:
    """Yield the operators of a stage, with those of its attention as one entry."""
    for op in ops:
        if not op.name.startswith(f"{attention}."):
            yield _op(op)
        elif op.name == f"{attention}.q":
            yield {"attention": attention, "x": op.of[0]}


def _model(spec: ModelSpec) -> dict[str, Any]:
    return {
        "version": spec.version,
        "family": _family(spec),
        "classes": spec.num_classes,
        "built": spec.built,
        "channels": spec.in_chans,
        "patches": [spec.patch(stage) for stage in range(1, spec.last + 1)],
        "sr_ratios": spec.sr_ratios,
        "stages": [
            {
                "dim": stage.dim,
                "depth": stage.depth,
                "num_heads": stage.num_heads,
                "mlp_ratio": stage.mlp_ratio,
                "qkv_bias": stage.qkv_bias,
            }
            for stage in spec.stages
        ],
    }
