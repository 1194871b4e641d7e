"""A network of a sweep, as far as its rows share it, and what is kept of many of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

from pvtprof.analytic.formulas import uses_stored
from pvtprof.analytic.geometry import model_sizes, token_grids
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.errors import SpecError

#: So many values of a kind are kept. Then all are forgotten, so that memory stays what it is
#: however many rows there are.
KEPT = 1024


class Kept(dict[Any, Any]):
    """Values by key, each made when it is first asked for; forgotten where there are too many."""

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return the value of a key."""
        found = self.get(key)
        if found is None:
            if len(self) >= KEPT:
                self.clear()
            found = self[key] = make()
        return found


class Network:
    """A network of a sweep: its layout and stages by number, and its grids at the last image."""

    def __init__(self, spec: ModelSpec, number: Callable[[Hashable], int]) -> None:
        self.spec = spec
        plain = [
            replace(stage, sr_ratio=2 if VARIANTS[stage.runs_as].has_ratio else 1)
            for stage in spec.stages
        ]
        #: The same network with any R, on which no operator depends.
        self.any_ratio = replace(spec, name="", stages=tuple(plain))
        self.layout = number(self.any_ratio)
        self.stages = [number((self.layout, i, stage)) for i, stage in enumerate(spec.stages)]
        self.key = number(tuple(self.stages))
        self.ratios = [
            stage.sr_ratio if VARIANTS[stage.runs_as].has_ratio else 1 for stage in spec.stages
        ]
        self.image = (0, 0)
        self.refused = ""
        self.stored = False
        self.grids: tuple[tuple[int, int], ...] = ()
        #: Of each stage: its number, its grid, and the positions that its patches are taken from.
        self.places: list[tuple[int, tuple[int, int], int]] = []

    def look_at(self, image: tuple[int, int]) -> None:
        """Find the grids of an image; raise SpecError where this network does not take it."""
        if image != self.image:
            self.image, self.refused = image, ""
            try:
                self._find_grids(image)
            except SpecError as error:
                self.refused = str(error)
        if self.refused:
            raise SpecError(self.refused)

    def _find_grids(self, image: tuple[int, int]) -> None:
        self.grids = token_grids(self.spec, *image)
        if any(r > min(grid) for r, grid in zip(self.ratios, self.grids, strict=True)):
            model_sizes(self.spec, 1, image)  # which says which stage
        self.stored = uses_stored(self.spec, image)
        before = [height * width for height, width in (image, *self.grids)]
        self.places = list(zip(self.stages, self.grids, before, strict=False))
