"""A closed form in pieces: a value that is evaluated and tabulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pvtprof.derive.compiled import compiled, definition_lines, python
from pvtprof.derive.evaluate import Costs, Count, Evaluator, PartCosts, part_costs, put, whole_size
from pvtprof.derive.piece import Part, Piece
from pvtprof.derive.polynomial import Polynomial
from pvtprof.derive.show import definition_text, latex, point_text, polynomial_text
from pvtprof.errors import SpecError

if TYPE_CHECKING:
    import pandas as pd

_FIGURES = ("macs", "params", "read_bytes", "written_bytes", "peak_bytes", "saved_bytes")


class OutsideError(SpecError):
    """Sizes at which the form is not proven."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One figure of a piece: the largest of some polynomials, mostly of one."""

    piece: Piece
    polynomials: tuple[Polynomial, ...]

    def __call__(self, **sizes: int) -> int:
        """Return the whole number that it is at some sizes."""
        values = dict(sizes)
        lines = definition_lines(self.piece.definitions, self.names)
        code = ", ".join(map(python, self.polynomials))
        function = compiled(sorted(values), lines, f"max(({code},))" if code else "0")
        return int(function(**values))

    @property
    def names(self) -> frozenset[str]:
        """The sizes in it."""
        return frozenset().union(*(p.names for p in self.polynomials))

    def __str__(self) -> str:
        texts = [polynomial_text(p) for p in self.polynomials]
        return texts[0] if len(texts) == 1 else f"max({'; '.join(texts)})"

    def __repr__(self) -> str:
        return str(self)

    def _repr_latex_(self) -> str:
        texts = [latex(p) for p in self.polynomials]
        return f"${texts[0]}$" if len(texts) == 1 else rf"$\max({', '.join(texts)})$"


@dataclass(frozen=True)
class Closed:
    """A closed form as a value that is evaluated; ``form.Form`` is one that shows itself.

    ``pieces`` hold in domains of their own; the first that has a size answers for it.
    ``names`` are the free sizes. ``checks`` say what independent witnesses found at random sizes.

    >>> form = Closed("module", ("h",), "inference", ())
    >>> form(h=4)
    Traceback (most recent call last):
    ...
    pvtprof.derive.closed.OutsideError: h=4: no piece of module was derived
    """

    name: str
    names: tuple[str, ...]
    mode: str
    pieces: tuple[Piece, ...]
    example: Mapping[str, int] = field(default_factory=dict)
    checks: tuple[Any, ...] = ()
    remarks: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def main(self) -> Piece:
        """The piece that covers most."""
        return self.pieces[0]

    @property
    def macs(self) -> Expression:
        """Multiply-accumulates."""
        return Expression(self.main, (self.main.macs,))

    @property
    def params(self) -> int:
        """Learned elements."""
        return self.main.params

    @property
    def peak_bytes(self) -> Expression:
        """Most bytes of live tensors, beyond parameters and input."""
        return Expression(self.main, tuple(live for live, _ in self.main.peaks))

    @property
    def saved_bytes(self) -> Expression:
        """Bytes saved for backward."""
        return Expression(self.main, (self.main.saved_bytes,))

    @property
    def domain(self) -> str:
        """The domain of the main piece, in words."""
        return str(self.main.domain)

    @property
    def by_module(self) -> tuple[Part, ...]:
        """The main piece by submodule."""
        return self.main.parts

    @property
    def definitions(self) -> dict[str, str]:
        """The named sizes of the main piece."""
        return {name: definition_text(made) for name, made in self.main.used}

    def __call__(self, **sizes: Count) -> Costs:
        """Return the costs at some sizes; raises OutsideError where they are not proven."""
        if unknown := sizes.keys() - set(self.names):
            raise SpecError(
                f"{self.name} has no size {sorted(unknown)[0]!r}; it has {', '.join(self.names)}"
            )
        for name in self.names:
            if name not in sizes:
                sizes[name] = self._default(name)
        if any(isinstance(value, np.ndarray | list | tuple) for value in sizes.values()):
            return self._of_arrays(sizes)
        point = {name: whole_size(name, value) for name, value in sizes.items()}
        for evaluator in self._evaluators:
            if evaluator.piece.domain.holds(point):
                return evaluator.at(point)
        raise OutsideError(self.outside(point))

    def parts(self, **sizes: int) -> list[PartCosts]:
        """Return the costs of each submodule at some sizes; raise OutsideError if unproven."""
        for piece in self.pieces:
            if piece.domain.holds(sizes):
                return part_costs(piece, sizes)
        raise OutsideError(self.outside(sizes))

    def _default(self, name: str) -> int:
        if name in self.example:
            return self.example[name]
        raise SpecError(f"{self.name} needs a size {name!r}")

    def covers(self, **sizes: int) -> bool:
        """Return whether a piece is proven at some sizes."""
        return any(piece.domain.holds(sizes) for piece in self.pieces)

    def outside(self, point: Mapping[str, int]) -> str:
        """Return why sizes are outside of every piece, in one line."""
        said = point_text(point)
        if not self.pieces:
            return f"{said}: no piece of {self.name} was derived"
        reasons = dict.fromkeys(piece.domain.broken(point) for piece in self.pieces)
        return (
            f"{said} lies outside of what is proven for {self.name}: it takes "
            f"{', or '.join(reasons)}; derive it there with --range or derive(..., at=...)"
        )

    @cached_property
    def _evaluators(self) -> tuple[Evaluator, ...]:
        return tuple(Evaluator(piece, self.names) for piece in self.pieces)

    def _of_arrays(self, sizes: Mapping[str, Any]) -> Costs:
        arrays = np.broadcast_arrays(*(np.asarray(value) for value in sizes.values()))
        if any(array.dtype.kind not in "iu" for array in arrays):
            raise SpecError("sizes must be whole numbers")
        shape = arrays[0].shape
        points = {
            n: np.atleast_1d(a).ravel().astype(np.int64) for n, a in zip(sizes, arrays, strict=True)
        }
        answered = np.zeros(next(iter(points.values())).shape, dtype=bool)
        found: dict[str, Any] = {}
        for evaluator in self._evaluators:
            mask = evaluator.piece.domain.mask(points) & ~answered
            if mask.any():
                chosen = points if mask.all() else {n: v[mask] for n, v in points.items()}
                for figure, values in evaluator.of(chosen).items():
                    found[figure] = put(found.get(figure), mask, values)
                answered |= mask
        if not answered.all():
            first = int(np.flatnonzero(~answered)[0])
            raise OutsideError(self.outside({n: int(v[first]) for n, v in points.items()}))
        return Costs(
            **{f: found[f].reshape(shape) for f in _FIGURES if f != "params"}, params=self.params
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a table by submodule of the example's piece, as text and as numbers."""
        import pandas as pd

        at = dict(self.example)
        holding = [p for p in self.pieces if at and p.domain.holds(at)]
        piece = (holding or [self.main])[0]
        rows = []
        for part in piece.parts:
            row: dict[str, Any] = {"module": part.module, "calls": part.calls}
            row |= {"params": part.params, "macs": polynomial_text(part.macs)}
            if holding:
                for figure in ("macs", "read_bytes", "written_bytes"):
                    row[f"{figure}_at_example"] = Expression(piece, (getattr(part, figure),))(**at)
            rows.append(row)
        return pd.DataFrame(rows)
