"""Deriving: which sizes to pass at, which pieces to keep."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from pvtprof.derive import verify as verifying
from pvtprof.derive.domain import short
from pvtprof.derive.failures import DeriveError, DeriveLimitError, said
from pvtprof.derive.from_trace import piece_of
from pvtprof.derive.hints import candidates, points_of
from pvtprof.derive.piece import Piece
from pvtprof.derive.show import point_text
from pvtprof.derive.trace import Asked, trace
from pvtprof.errors import SpecError
from pvtprof.observe.inputs import Example

#: Pieces that one form may have, and passes that are tried for a range.
MOST_PIECES, MOST_TRIES = 12, 24


@dataclass
class Deriving:
    """The pieces of one module, derived pass by pass until ``deadline``, in monotonic seconds."""

    module: nn.Module
    example: Example
    training: bool
    deadline: float

    def __post_init__(self) -> None:
        self.remarks: list[str] = []
        self.found: list[Piece] = []
        self._tied = ""
        self._last: dict[str, int] = {}

    def pieces(
        self, at: Iterable[Mapping[str, int]], ranges: Mapping[str, tuple[int, int]]
    ) -> list[Piece]:
        """Return the main piece, those of batch 1 and of the example, and those asked for."""
        main = self._main()
        self.found.append(main)
        hints = self._hints_of(main)
        if "b" in main.domain.free:
            self._try({**hints, "b": 1}, main.domain.given)
        self._try(self.example.sizes)
        for point in at:
            point = {**self.example.sizes, **point}
            if error := self._try(point):
                raise error
            if point.get("b") == 1:  # and of larger batches, at the same sizes
                self._try({**point, "b": 2})
        if ranges:
            self._cover(ranges)
        return self.found

    def _hints_of(self, main: Piece) -> dict[str, int]:
        return {**self._last, **main.domain.given}

    def _pass(self, hints: Mapping[str, int], fixed: Iterable[str] = ()) -> Piece:
        """Return one pass; sizes 0 and 1 are numbers, for torch treats them apart."""
        given = {n: v for n, v in hints.items() if n in fixed or v < 2}
        try:
            left = self.deadline - time.monotonic()
            asked = Asked(self.module, self.example, hints, given, self.training)
            found = trace(asked, left)
        except (Exception, SystemExit) as error:  # a user's module may raise anything
            raise said(error) from error
        self._last = dict(hints)
        return piece_of(found, [n for n in hints if n not in given], given)

    def _main(self) -> Piece:
        """Return the pass that leaves most sizes free."""
        best: tuple[int, Piece, dict[str, int]] | None = None
        failed: DeriveError | None = None
        for hints, fixed in candidates(self.example.sizes):
            try:
                found = self._pass(hints, fixed)
            except DeriveLimitError as error:
                failed = failed or error
                break
            except DeriveError as error:
                failed = failed or error
                continue
            self._tied = self._tied or next(iter(self._tying(found)), "")
            left = len(found.domain.free) - len(found.domain.fixed) - len(self._tying(found))
            if best is None or left > best[0]:
                best = (left, found, dict(hints))
            if left == len(hints):
                break
        if best is None:
            raise failed or DeriveError("no size could be derived")
        return self._settled(best[1], best[2])

    def _tying(self, found: Piece) -> tuple[str, ...]:
        """Return equations that leave hardly any sizes free together."""
        tied = found.domain.tied
        return () if tied and len(verifying.drawn(found, self.example.sizes, 3)) == 3 else tied

    def _settled(self, found: Piece, hints: dict[str, int]) -> Piece:
        """Return the piece; sizes that the code fixes are numbers of the example."""
        self._last = hints
        fixed = found.domain.fixed
        for name in found.domain.given:
            if name not in fixed and name != "b":
                self.remarks.append(f"{name} is not free: the code fixes {self._tied or name}")
        for name, (value, where) in fixed.items():
            line = f" ({short(where)})" if where else ""
            if self.example.said:
                raise SpecError(f"{name} is not free: the code fixes it, here at {value}{line}")
            self.remarks.append(f"{name} is not free: the code fixes it{line}")
        sizes = self.example.sizes
        if self.example.said and self._tying(found):
            raise SpecError(f"{found.domain.tied[0]}: the code fixes it, so not all are free")
        if all(value == sizes[name] for name, (value, _) in fixed.items()):
            return found
        return self._pass({**hints, **{name: sizes[name] for name in fixed}}, fixed)

    def _try(self, point: Mapping[str, int], fixed: Iterable[str] = ()) -> DeriveError | None:
        """Derive a piece at a point that no piece covers yet."""
        if self._covered(point):
            return None
        try:
            found = self._pass(point, fixed)
        except DeriveError as error:
            self.remarks.append(f"{point_text(point)}: {error}")
            return error
        if found.domain.holds(point):
            self.found.append(found)
        return None

    def _cover(self, ranges: Mapping[str, tuple[int, int]]) -> None:
        """Pieces until a range is covered, or as many as are reasonable."""
        points = list(points_of(self.example.sizes, ranges))
        for _ in range(MOST_TRIES):
            open_points = [p for p in points if not self._covered(p)]
            if not open_points or len(self.found) >= MOST_PIECES:
                break
            point = open_points[len(open_points) // 2]
            before = len(self.found)
            self._try(point)
            if len(self.found) == before:
                points = [p for p in points if p is not point]
        missing = [p for p in points_of(self.example.sizes, ranges) if not self._covered(p)]
        if missing:
            shown = "; ".join(point_text({n: p[n] for n in ranges}) for p in missing[:3])
            self.remarks.append(
                f"no piece covers {len(missing)} sizes of the range, such as {shown}"
            )

    def _covered(self, point: Mapping[str, int]) -> bool:
        return any(known.domain.holds(point) for known in self.found)
