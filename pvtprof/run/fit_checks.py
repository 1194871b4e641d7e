"""Checks of `fit`: each answer against observed live bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pvtprof.analytic.fit import Fits, squared
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec


def checks(found: Fits) -> Iterator[tuple[str, int, int]]:
    """Yield (name, formula, observed) at every answer and one step beyond it.

    On fake tensors: seconds, without memory. Where no size fits, at the one that was tried.
    """
    for fit in found.fits:
        setting = found.setting.in_mode(fit.mode)
        for what, edge in (("pixels", fit.image), ("images", fit.batch)):
            for size, formula in ((edge.tried, edge.needs), (edge.tried + 1, edge.next_needs)):
                if formula is None:
                    continue
                pixels = what == "pixels"
                sized = squared(setting, size) if pixels else replace(setting, batch=size)
                label = f"{fit.variant}, {fit.mode}, {size} {what}"
                yield label, formula, _observed_needs(fit.design.spec, sized)


def _observed_needs(spec: ModelSpec, setting: Setting) -> int:
    from pvtprof.observe.subject import model_subject

    subject = model_subject(spec, setting)
    return subject.resident_bytes() + subject.watched(setting.mode).peak.bytes
