"""A piece as a function of whole numbers and of arrays of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from pvtprof.derive.compiled import compiled, definition_lines, python
from pvtprof.derive.domain import evaluated
from pvtprof.derive.piece import Piece
from pvtprof.designs.part import path_to
from pvtprof.errors import SpecError

#: A whole number, or an array of them.
Count: TypeAlias = "int | np.ndarray[Any, np.dtype[np.int64]]"


#: What int64 holds without doubt, in floating point.
_SAFE = 2.0**62


@dataclass(frozen=True, slots=True)
class Costs:
    """What a module costs at some sizes; arrays where the sizes were arrays."""

    macs: Count
    params: int
    read_bytes: Count
    written_bytes: Count
    peak_bytes: Count
    saved_bytes: Count
    peak_at: str = ""


@dataclass(frozen=True, slots=True)
class PartCosts:
    """What a submodule costs at some sizes, with its submodules below a depth.

    ``peak_bytes`` are the most that are alive while it runs, of all tensors.
    """

    module: str
    calls: int
    macs: int
    params: int
    read_bytes: int
    written_bytes: int
    peak_bytes: int


def part_costs(piece: Piece, point: Mapping[str, int]) -> list[PartCosts]:
    """Return what each submodule costs at one point, those of its submodules left out."""
    values = dict(point)
    for name, made in piece.definitions:
        values[name] = evaluated(made, values)
    return [
        PartCosts(
            part.module,
            part.calls,
            part.macs.at(values),
            part.params,
            part.read_bytes.at(values),
            part.written_bytes.at(values),
            max((live.at(values) for live in part.peaks), default=0),
        )
        for part in piece.parts
    ]


def folded(parts: Iterable[PartCosts], depth: int) -> list[PartCosts]:
    """Return the submodules down to a depth; together they add up to the whole."""
    found: dict[str, PartCosts] = {}
    for part in parts:
        name = path_to(part.module, depth)
        known = found.get(name, PartCosts(name, part.calls, 0, 0, 0, 0, 0))
        found[name] = PartCosts(
            name,
            part.calls if part.module == name else known.calls,
            known.macs + part.macs,
            known.params + part.params,
            known.read_bytes + part.read_bytes,
            known.written_bytes + part.written_bytes,
            max(known.peak_bytes, part.peak_bytes),
        )
    return list(found.values())


class Evaluator:
    """A piece, compiled."""

    def __init__(self, piece: Piece, names: tuple[str, ...]) -> None:
        self.piece = piece
        needed = frozenset().union(*(cost.names for cost in piece.costs))
        lines = definition_lines(piece.definitions, needed)
        code = ", ".join(map(python, piece.costs))
        self.function = compiled(names, lines, f"({code},)")
        scaled = ", ".join(python(p * p.denominator) for p in piece.costs)
        self.numerators = compiled(names, lines, f"({scaled},)")

    def at(self, point: Mapping[str, int]) -> Costs:
        """Return the costs at one point."""
        macs, read, written, saved, *live = self.function(**point)
        peak = max(live)
        at = self.piece.peaks[live.index(peak)][1]
        return Costs(macs, self.piece.params, read, written, peak, saved, at)

    def of(self, points: Mapping[str, Any]) -> dict[str, Any]:
        """Return the figures at arrays of points: int64 if they fit, else Python ints."""
        floats = self.numerators(**{n: v.astype(np.float64) for n, v in points.items()})
        if max(float(np.max(np.abs(value))) for value in floats) >= _SAFE:
            points = {name: values.astype(object) for name, values in points.items()}
        size = next(iter(points.values())).shape
        macs, read, written, saved, *live = (
            np.broadcast_to(value, size) for value in self.function(**points)
        )
        peak = live[0]
        for other in live[1:]:
            peak = np.maximum(peak, other)
        return {
            "macs": macs,
            "read_bytes": read,
            "written_bytes": written,
            "peak_bytes": peak,
            "saved_bytes": saved,
        }


def put(before: Any, mask: Any, values: Any) -> Any:
    """Return an array with values put in where a mask says so."""
    if before is None:
        before = np.zeros(mask.shape, dtype=values.dtype)
    elif values.dtype == object:
        before = before.astype(object)
    before[mask] = values
    return before


def whole_size(name: str, value: object) -> int:
    """Return a size as an int; raises SpecError where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise SpecError(f"{name} is {value!r}; use a whole number")
    return int(value)
