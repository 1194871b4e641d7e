"""The largest image and the largest batch that fit into memory, by formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pvtprof import units
from pvtprof.analytic.crossing import smallest_square
from pvtprof.analytic.parts import needs, params_bytes, part_terms
from pvtprof.designs.checks import MAX_BATCH, MAX_SIDE
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.part import MODEL
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.designs.words import MODES
from pvtprof.errors import SpecError


@dataclass(frozen=True, slots=True)
class Edge:
    """The largest size that fits (0 if none does), and the memory that it needs.

    ``tried`` is that size, or the smallest that the design takes where none fits; ``needs`` are its
    bytes and ``at`` the operator that holds its peak. ``next_needs`` are the bytes of one more
    (pixel a side, or image); None where none fits, or pvtprof's own limit was reached.
    """

    size: int
    tried: int
    needs: int
    at: str
    next_needs: int | None


@dataclass(frozen=True, slots=True)
class Fit:
    """One design in one mode: the largest square image at the setting's batch, and the largest
    batch at the setting's image."""

    design: PvtDesign
    mode: str
    image: Edge
    batch: Edge

    @property
    def variant(self) -> str:
        """The name of the design."""
        return self.design.name


@dataclass(frozen=True, slots=True)
class Fits:
    """What fits into ``memory_bytes``: parameters, input and the peak of live tensors together.

    In training the gradients of the parameters are part of the peak, and so is the state of the
    setting's optimizer. Of a task there is inference alone: see ``Workload``.
    """

    setting: Setting
    memory_bytes: int
    fits: tuple[Fit, ...]


def fits(designs: Sequence[PvtDesign], setting: Setting, memory_bytes: int) -> Fits:
    """Return the largest image and batch of every design in inference and training.

    Raises SpecError where the parameters alone do not fit. Source of the peak: closed forms.

    >>> from pvtprof.designs.workload import workload
    >>> asked = workload("pvt_v2_b2", 224)
    >>> found = fits(asked.designs, asked.setting, 24 * 2**30)
    >>> [(fit.image.size, fit.batch.size) for fit in found.fits if fit.variant == "sra_conv"][0]
    (2684, 1618)
    """
    if memory_bytes < 1:
        raise SpecError(f"memory is {memory_bytes} B; use more than 0, such as 24GiB")
    least = min(params_bytes(part_terms(d.spec, MODEL, setting), setting) for d in designs)
    if memory_bytes < least:
        raise SpecError(
            f"memory is {units.size(memory_bytes)}, but the parameters of {designs[0].model} alone "
            f"take {units.size(least)} in {setting.dtype}; use more memory or a smaller model"
        )
    found = tuple(
        Fit(
            design,
            mode,
            image_edge(design.spec, setting.in_mode(mode), memory_bytes),
            _batch_edge(design.spec, setting.in_mode(mode), memory_bytes),
        )
        for design in designs
        for mode in MODES
        if mode == "inference" or design.spec.task == CLASSIFY
    )
    return Fits(setting, memory_bytes, found)


def squared(setting: Setting, side: int) -> Setting:
    """Return the same setting on square images."""
    return replace(setting, height=side, width=side)


def image_edge(spec: ModelSpec, setting: Setting, memory_bytes: int) -> Edge:
    """Return the largest square image at the setting's batch and in its mode."""

    def at_side(side: int) -> tuple[int, str]:
        return needs(spec, squared(setting, side))

    return _edge(at_side, smallest_square(spec), MAX_SIDE, memory_bytes)


def _batch_edge(spec: ModelSpec, setting: Setting, memory_bytes: int) -> Edge:
    def at_batch(batch: int) -> tuple[int, str]:
        return needs(spec, replace(setting, batch=batch))

    return _edge(at_batch, 1, MAX_BATCH, memory_bytes)


def _edge(needs_at: Callable[[int], tuple[int, str]], low: int, high: int, memory: int) -> Edge:
    """Return the largest size from ``low`` to ``high`` that needs no more than ``memory``."""
    size = largest(lambda size: needs_at(size)[0] <= memory, low, high)
    if size < low:
        return Edge(0, low, *needs_at(low), None)
    return Edge(size, size, *needs_at(size), needs_at(size + 1)[0] if size < high else None)


def largest(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Return the largest whole number from ``low`` to ``high`` for which ``holds`` is true.

    ``low - 1`` where it holds for none. It must hold for all below the answer and for none above.

    >>> largest(lambda n: n * n <= 50, 1, 100)
    7
    """
    while low <= high:
        middle = (low + high) // 2
        if holds(middle):
            low = middle + 1
        else:
            high = middle - 1
    return high
