"""The derived closed forms of a run, for its page: as data that the page evaluates, and in words.

A vector is one point of sizes with what Python says of it, or Python's refusal.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pvtprof.derive import stored
from pvtprof.derive.code import as_latex
from pvtprof.derive.domain import short
from pvtprof.derive.form import Form, OutsideError
from pvtprof.derive.piece import Part as PiecePart
from pvtprof.derive.piece import Piece
from pvtprof.derive.polynomial import ZERO, Polynomial
from pvtprof.derive.products import Products
from pvtprof.derive.quotients import Definition, Rounded
from pvtprof.derive.render import View, sizes_of
from pvtprof.designs.part import path_to, submodule
from pvtprof.run.run import Run

#: So many random points of each form travel with a page.
EMBEDDED = 40


@dataclass(frozen=True)
class Shown:
    """A closed form in words: its name, its lines by title, and LaTeX."""

    name: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    latex: str


def forms(run: Run) -> list[Form]:
    """The closed forms of a forward pass of every module of a run."""
    return [stored.loads(by_mode["inference"]) for by_mode in run.forms.values()]


def shown(run: Run) -> list[Shown]:
    """Every closed form of a run in words."""
    found = []
    for by_mode in run.forms.values():
        for mode, text in by_mode.items():
            form = stored.loads(text)
            lines = View(form).sections(form.main)
            also = [View(form).other(piece) for piece in form.pieces[1:]]
            sections = [(title, tuple(body)) for title, body in lines]
            sections += [("also", tuple(also))] * bool(also)
            name = form.name if mode == "inference" else f"{form.name}, {mode} step"
            found.append(Shown(name, tuple(sections), as_latex(form)))
    return found


def brief(form: Form) -> str:
    """The MACs of a form and its domain, in one sentence."""
    macs = Products(form.main).text(form.main.macs)
    where = f" with {', '.join(sizes_of(form.main))}" if form.main.macs.names else ""
    if len(macs) + len(where) > 240:
        macs = f"a polynomial of {len(form.main.macs.terms)} terms (`pvtprof derive` prints it)"
        where = ""
    domain = form.domain or "every size from 2 on"
    return f"{form.name}: MACs = {macs}{where.removesuffix(' with ')}; it holds for {domain}."


def start(run: Run) -> dict[str, Any]:
    """What the page's explorer of the user's own modules starts from, as JSON takes it."""
    its = forms(run)
    sizes: dict[str, int] = {}
    for row in run.rows:
        for name, size in row.setting.sizes:
            sizes.setdefault(name, size)
    depth = depth_of(run)
    return {
        "forms": [_form(form, depth) for form in its],
        "sizes": sizes,
        "vectors": vectors(run, its),
    }


def vectors(run: Run, its: list[Form], count: int = EMBEDDED) -> list[dict[str, Any]]:
    """The settings of a run, and random points around them, with what Python says of each."""
    found = []
    own = {row.design.name: row.setting.point for row in run.rows if row.is_own}
    for number, form in enumerate(its):
        points = [own[form.name], *_around(form, count)]
        found += [_vector(number, form, point) for point in points]
    return found


def _around(form: Form, count: int) -> Iterator[dict[str, int]]:
    chance = random.Random(form.name)
    for _ in range(count):
        scale = chance.choice((1, 1, 1, 2, 3, 8, 1000))
        yield {
            name: 1
            if name == "b" and chance.random() < 0.4
            else max(1, chance.randint(-1, 2) + size * scale)
            for name, size in form.example.items()
        }


def _vector(number: int, form: Form, point: Mapping[str, int]) -> dict[str, Any]:
    try:
        costs = form(**point)
    except OutsideError as error:
        expected = {"error": str(error)}
    else:
        expected = {
            "macs": str(costs.macs),
            "params": str(costs.params),
            "peak": str(costs.peak_bytes),
            "at": costs.peak_at,
            "read": str(costs.read_bytes),
            "written": str(costs.written_bytes),
        }
    return {"form": number, "sizes": [str(point[n]) for n in form.names], "expected": expected}


def depth_of(run: Run) -> int:
    """Return how deep the submodules lie that have rows; 0 where none has."""
    return max((row.part.module.count(".") + 1 for row in run.rows if row.part.module), default=0)


def _form(form: Form, depth: int = 0) -> dict[str, Any]:
    pieces = [_piece(piece, depth) for piece in form.pieces]
    return {"name": form.name, "sizes": form.names, "pieces": pieces}


def _parts(piece: Piece, depth: int) -> list[dict[str, Any]]:
    """The submodules down to a depth, as ``derive.evaluate.folded`` has their costs."""
    found: dict[str, list[PiecePart]] = {}
    for part in piece.parts if depth else ():
        found.setdefault(path_to(part.module, depth), []).append(part)
    return [
        {
            "name": submodule(path).name,
            "calls": next((one.calls for one in parts if one.module == path), parts[0].calls),
            "macs": _polynomial(sum((one.macs for one in parts), ZERO)),
            "params": str(sum(one.params for one in parts)),
            "read": _polynomial(sum((one.read_bytes for one in parts), ZERO)),
            "written": _polynomial(sum((one.written_bytes for one in parts), ZERO)),
        }
        for path, parts in found.items()
    ]


def _piece(piece: Piece, depth: int) -> dict[str, Any]:
    domain = piece.domain
    return {
        "free": domain.free,
        "given": dict(domain.given),
        "guards": [
            {
                "polynomial": _polynomial(guard.polynomial),
                "relation": guard.relation,
                "text": domain.text(guard) + (f" ({short(guard.where)})" if guard.where else ""),
            }
            for guard in domain.guards
        ],
        "quotients": [[name, _definition(made)] for name, made in piece.definitions],
        "macs": _polynomial(piece.macs),
        "params": str(piece.params),
        "read": _polynomial(piece.read_bytes),
        "written": _polynomial(piece.written_bytes),
        "parts": _parts(piece, depth),
        "peaks": [{"polynomial": _polynomial(live), "at": at} for live, at in piece.peaks],
    }


def _polynomial(polynomial: Polynomial) -> dict[str, Any]:
    """Whole factors over one divisor; numbers as text, which JSON keeps."""
    scale = polynomial.denominator
    terms = [[str(int(c * scale)), dict(m)] for m, c in polynomial.sorted_terms()]
    return {"by": str(scale), "terms": terms}


def _definition(made: Definition) -> dict[str, Any]:
    if isinstance(made, Rounded):
        return {"numerator": _polynomial(made.numerator), "divisor": _polynomial(made.divisor)}
    return {"tree": _tree(ast.parse(made.code, mode="eval").body)}


_SIGNS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Pow: "**",
}


def _tree(node: ast.expr) -> Any:
    """The code of a computed size as nested lists, which the page computes without eval."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.BinOp):
        return [_SIGNS[type(node.op)], _tree(node.left), _tree(node.right)]
    if isinstance(node, ast.UnaryOp):
        return ["neg", _tree(node.operand)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return [node.func.id, *map(_tree, node.args)]
    raise ValueError(f"{ast.unparse(node)} is no arithmetic of sizes")
