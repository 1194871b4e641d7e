"""How a cost grows, in words."""

from __future__ import annotations

from collections.abc import Mapping

from pvtprof import units
from pvtprof.derive.closed import Closed, Expression
from pvtprof.derive.piece import Piece
from pvtprof.derive.polynomial import Monomial, Polynomial
from pvtprof.derive.products import Products
from pvtprof.derive.quotients import Rounded
from pvtprof.derive.show import point_text

_POWERS: dict[float, str] = {1: "linear", 2: "quadratic", 3: "cubic"}


def growth(form: Closed, piece: Piece) -> list[str]:
    """Return the dominating terms, their share at the example, and the cost of doubling."""
    sides = [name for name in piece.domain.free if name not in ("b", *piece.domain.fixed)]
    if not sides or not piece.macs.names:
        return ["MACs are the same at every size" if not piece.macs.names else "linear in b"]
    degrees = degree_of_names(piece)
    top = max(degree(monomial, degrees) for monomial in piece.macs.terms)
    if top == 0:
        return ["MACs do not depend on " + ", ".join(sides)]
    leading = Polynomial({m: c for m, c in piece.macs.terms.items() if degree(m, degrees) == top})
    power = top / len(sides)
    kind = _POWERS.get(power, f"power {power:g}")
    what = "tokens" if len(sides) > 1 or sides == ["n"] else ", ".join(sides)
    where = [p.module for p in piece.parts if leading.terms.keys() & p.macs.terms.keys()]
    named = (
        f" of {', '.join(where[:3])}" + (" and others" if len(where) > 3 else "") if where else ""
    )
    lines = [f"{kind} in the {what}: {Products(piece).text(leading)}{named if power > 1 else ''}"]
    return lines + _at_example(form, piece, leading, sides)


def _at_example(form: Closed, piece: Piece, leading: Polynomial, sides: list[str]) -> list[str]:
    at = dict(form.example)
    if not at or not form.covers(**at):
        return []
    share = Expression(piece, (leading,))(**at) / max(1, int(form(**at).macs))
    lines = [f"at {point_text(at)} that is {units.percent(share, 1)} of the MACs"]
    twice = {name: value * (2 if name in sides else 1) for name, value in at.items()}
    if form.covers(**twice):
        factor = int(form(**twice).macs) / max(1, int(form(**at).macs))
        lines[0] += f"; doubling {' and '.join(sides)} costs {factor:.2f} times as many"
    return lines


def degree_of_names(piece: Piece) -> dict[str, int]:
    """Return how fast each size grows with the sides: 1 as fast."""
    degrees = {name: int(name != "b") for name in piece.domain.free}
    for name, made in piece.definitions:
        if isinstance(made, Rounded):
            top = max((degree(m, degrees) for m in made.numerator.terms), default=0)
            bottom = max((degree(m, degrees) for m in made.divisor.terms), default=0)
            degrees[name] = max(0, top - bottom)
        else:
            degrees[name] = max((degrees[n] for n in made.names), default=0)
    return degrees


def degree(monomial: Monomial, degrees: Mapping[str, int]) -> int:
    """Return how fast a product grows with the sides."""
    return sum(degrees.get(name, 0) * power for name, power in monomial)
