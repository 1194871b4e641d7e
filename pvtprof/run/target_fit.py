"""What fits of a user's own module: the largest sizes in so much memory, by its derived peak."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pvtprof.analytic.fit import Edge
from pvtprof.designs.checks import MAX_BATCH, MAX_SIDE
from pvtprof.designs.words import MODES
from pvtprof.errors import SpecError
from pvtprof.run.targets import Target, Wanted, targets

if TYPE_CHECKING:
    from pvtprof.derive.form import Form

#: Sizes that grow together, where a module has both.
SQUARE = ("h", "w")


@dataclass(frozen=True)
class OwnEdge:
    """The largest value of some sizes that fits, the others as in the setting.

    ``sizes`` are the names of those that grow together; ``beyond`` is the next value that is
    proven, None where there is none.
    """

    target: Target
    mode: str
    sizes: tuple[str, ...]
    edge: Edge
    beyond: int | None

    def at(self, value: int) -> dict[str, int]:
        """All sizes, those that grow at one value."""
        return {**self.target.setting.point, **dict.fromkeys(self.sizes, value)}


@dataclass(frozen=True)
class OwnFits:
    """What fits into ``memory_bytes``: parameters, input and the peak of live tensors together."""

    memory_bytes: int
    edges: tuple[OwnEdge, ...]


def fits(
    wanted: Wanted, memory_bytes: int, progress: Callable[[str], None] = lambda text: None
) -> OwnFits:
    """Return the largest sizes of every module in inference and training, where they are proven.

    Raises SpecError where the parameters alone do not fit.
    """
    both = replace(wanted, mode=MODES[1])
    found = [
        edge for target in targets(both, "none", progress) for edge in _edges(target, memory_bytes)
    ]
    return OwnFits(memory_bytes, tuple(found))


def _edges(target: Target, memory: int) -> Iterator[OwnEdge]:
    names = list(target.setting.point)
    groups = [(name,) for name in names if name not in SQUARE]
    sides = tuple(name for name in names if name in SQUARE)
    for mode, form in target.forms.items():
        for group in filter(None, (sides, *groups)):
            yield _edge(target, mode, form, group, memory)


def _edge(target: Target, mode: str, form: Form, group: tuple[str, ...], memory: int) -> OwnEdge:
    most = MAX_BATCH if group == ("b",) else MAX_SIDE
    asked = OwnEdge(target, mode, group, Edge(0, 0, 0, "", None), None)
    values = _proven(form, asked, most)
    if not values:
        raise SpecError(f"{target.design.name}: no {', '.join(group)} up to {most} is proven")

    def needs(value: int) -> int:
        return _needs(target, form, asked.at(value))

    low, high = 0, len(values)  # needs grow with sizes: bisection over those that are proven
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if needs(values[middle]) <= memory else (low, middle)
    tried = values[max(0, low - 1)]
    beyond = values[low] if 0 < low < len(values) else None
    edge = Edge(
        tried if low else 0,
        tried,
        needs(tried),
        form(**asked.at(tried)).peak_at,
        None if beyond is None else needs(beyond),
    )
    return replace(asked, edge=edge, beyond=beyond)


def _proven(form: Form, asked: OwnEdge, most: int) -> list[int]:
    """Values of the sizes that grow at which a piece is proven."""
    import numpy as np

    values = np.arange(1, most + 1)
    point: Mapping[str, Any] = {
        name: values if name in asked.sizes else np.full_like(values, size)
        for name, size in asked.at(0).items()
    }
    mask = np.zeros(values.shape, bool)
    for piece in form.pieces:
        mask |= piece.domain.mask(point)
    return [int(value) for value in values[mask]]


def _needs(target: Target, form: Form, point: Mapping[str, int]) -> int:
    return int(form(**point).peak_bytes) + resident(target, point)


def resident(target: Target, point: Mapping[str, int]) -> int:
    """Bytes of parameters and inputs at some sizes."""
    return replace(target.subject, sizes=point).resident_bytes()


def checks(found: OwnFits) -> Iterator[tuple[str, int, int]]:
    """(what, formula, observed) at every edge and the next size, by the witness of live bytes."""
    for one in found.edges:
        pairs = [(one.edge.tried, one.edge.needs), (one.beyond, one.edge.next_needs)]
        for value, formula in pairs:
            if value is None or formula is None:
                continue
            subject = replace(one.target.subject, sizes=one.at(value))
            observed = subject.watched(one.mode).peak.bytes + subject.resident_bytes()
            name = f"{one.target.design.name}, {one.mode}, {' = '.join(one.sizes)} = {value}"
            yield name, formula, observed
