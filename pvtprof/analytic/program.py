"""The formulas as data, for an interpreter in another language.

The operator lists are the very ones that Python reads; the report's explorer reads them from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from pvtprof.analytic.formulas import attention_ops, layout
from pvtprof.analytic.liveness import ATEN
from pvtprof.analytic.ops import Op
from pvtprof.designs.checks import MAX_BATCH, MAX_SIDE
from pvtprof.designs.published import MODELS
from pvtprof.designs.spec import IN_CHANNELS, PATCHES, ModelSpec
from pvtprof.designs.variants import PLAIN, VARIANTS
from pvtprof.designs.words import ATTENTIONS, DEFAULT_MODEL, DTYPES

#: A model that stands for all of its family, and whether v1's embedding is used as it is stored.
_FAMILIES = {
    "v1": ("pvt_tiny", True),
    "v1 resized": ("pvt_tiny", False),
    "v2": ("pvt_v2_b0", False),
    "li": ("pvt_v2_b2_li", False),
}


def program() -> dict[str, Any]:
    """Return operator lists, models and limits as values for JSON.

    ``attention`` maps a variant and an implementation to its operators, outside of any module.
    ``layouts`` maps a family to the operators of each stage, with ``{"attention": prefix, "x":
    name}`` where a block calls its attention. An operator has the fields of ``Op`` that are not
    empty, without what only training needs.
    """
    return {
        "attention": {
            variant: {a: [_op(op) for op in attention_ops(variant, a)] for a in ATTENTIONS}
            for variant in VARIANTS
        },
        "layouts": {name: _stages(*of) for name, of in _FAMILIES.items()},
        "models": {name: _model(spec) for name, spec in MODELS.items()},
        "patches": {str(version): patches for version, patches in PATCHES.items()},
        "aten": ATEN,
        "dtypes": DTYPES,
        "variants": list(VARIANTS),
        "keys": {name: variant.keys for name, variant in VARIANTS.items()},
        "attentions": ATTENTIONS,
        "default_model": DEFAULT_MODEL,
        "channels": IN_CHANNELS,
        "max_side": MAX_SIDE,
        "max_batch": MAX_BATCH,
    }


def _op(op: Op) -> dict[str, Any]:
    values = {f.name: getattr(op, f.name) for f in fields(op) if f.name != "regrads"}
    return {name: value for name, value in values.items() if value} | {"where": op.module}


def _stages(name: str, stored: bool) -> list[list[dict[str, Any]]]:
    placed = layout(MODELS[name].with_attention(PLAIN, (1, 1, 1, 1)), stored, "eager")
    return [
        list(_skeleton([op for op, at, _ in placed if at == stage], f"block{stage}.attn"))
        for stage in range(1, 5)
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
        "family": "li" if spec.mlp_relu else f"v{spec.version}",
        "classes": spec.num_classes,
        "built": spec.built,
        "stages": [
            {
                "dim": stage.dim,
                "depth": stage.depth,
                "num_heads": stage.num_heads,
                "mlp_ratio": stage.mlp_ratio,
            }
            for stage in spec.stages
        ],
    }
