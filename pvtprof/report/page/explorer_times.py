"""Predicted times as vectors: what Python predicts, for a page that checks that it does too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pvtprof.analytic.parts import part_terms
from pvtprof.designs.part import MODEL, attention_of
from pvtprof.designs.published import MODELS
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.kernels import kernels
from pvtprof.report.page import explorer
from pvtprof.report.page.explorer import Explored


def times(
    many: Sequence[dict[str, Any]], calibration: Calibration | None, own: Sequence[Explored] = ()
) -> list[tuple[int, float]]:
    """Return the predicted seconds of those vectors that can be predicted, by position."""
    networks = {**MODELS, **{one.spec.name: one.spec for one in own}}
    found = []
    for i, one in enumerate(many):
        texts, stage = one["texts"], one["stage"]
        if "error" in one["expected"] or not calibration or texts["dtype"] != calibration.dtype:
            continue
        if texts["mode"] != "inference":
            continue
        specs, setting = explorer.asked(texts, networks[texts["model"]])
        part = MODEL if stage is None else attention_of(stage)
        terms = part_terms(specs[one["variant"]], part, setting)
        runs = [(kernel, term.times) for term, kernel in kernels(terms, setting.dtype)]
        if all(kernel.family in calibration.families for kernel, _ in runs):
            found.append((i, calibration.seconds(runs)))
    return found
