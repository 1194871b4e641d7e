"""Section 1 of the page: the answer of a run, and what the browser needs to answer anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pvtprof import units
from pvtprof.designs.published import NAMEABLE, TOP_1, published_as
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.errors import SpecError
from pvtprof.predict.program import key
from pvtprof.report.answer.answer import Answer, answer, rest_of
from pvtprof.report.answer.surprise import rules
from pvtprof.report.figures.style import color_of
from pvtprof.report.page import explorer
from pvtprof.run.run import Run


@dataclass(frozen=True, slots=True)
class Section:
    """The answer, the colour of each design, and values for the script as JSON; None: no script."""

    answer: Answer
    colors: tuple[str, ...]
    data: dict[str, Any] | None

    @property
    def title(self) -> str:
        """What the answer is of."""
        return self.answer.title


def section(run: Run, whole: Run | None = None) -> Section:
    """Return the section of a run of one comparison; ``whole`` has the peers of own modules."""
    found = answer(run, whole)
    colors = tuple(map(color_of, found.designs))
    if not explorer.is_explorable(run):
        return Section(found, colors, None)
    data = {
        "rules": rules(),
        "rest": rest_of(run),
        "calibration": run.calibration and key(run.calibration),
        "knows_memory": run.memory_bytes is not None,
        "at": units.grid(*run.setting.image),
        "designs": found.designs,
        "known": known([one.spec for one in explorer.own_networks([run])]),
        "colors": {name: color_of(name) for name in VARIANTS},
        "keys": {name: variant.keys for name, variant in VARIANTS.items()},
    }
    return Section(found, colors, data)


def known(own: list[ModelSpec]) -> dict[str, dict[str, Any]]:
    """Return the published accuracy of each network, by its name and its variant, for its own R.

    Of networks of the user's own too, where one is a published network under another name.
    """
    found: dict[str, dict[str, Any]] = {}
    for spec in (*own, *NAMEABLE.values()):
        for variant in VARIANTS:
            try:
                name = published_as(spec.with_attention(variant))
            except SpecError:
                continue
            if name:
                found.setdefault(spec.name, {})[variant] = [name, f"{TOP_1[name]:.1f}"]
    return found
