"""A derived form for programs and papers: JSON, Python that proves itself, LaTeX."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pvtprof.derive.closed import Closed
from pvtprof.derive.compiled import definition_lines, python
from pvtprof.derive.domain import python_guard, short
from pvtprof.derive.piece import Piece
from pvtprof.derive.polynomial import Polynomial
from pvtprof.derive.products import Products
from pvtprof.derive.quotients import Definition, Guard, Rounded
from pvtprof.derive.show import definition_latex, definition_text, latex_name, point_text

SCHEMA = "pvtprof.form/1"


def as_json(form: Closed, at: Mapping[str, int] | None = None) -> str:
    """Return the form as JSON text, with what witnesses said and the figures ``at`` some sizes."""
    data = document(form) | {"checks": [asdict(check) for check in form.checks]}
    if at:
        data["at"] = {"sizes": dict(at), **asdict(form(**at))}
    return json.dumps(data, indent=1) + "\n"


def document(form: Closed) -> dict[str, Any]:
    """Return the form as data: terms as [numerator, denominator, {size: power}]."""
    return {
        "schema": SCHEMA,
        "name": form.name,
        "mode": form.mode,
        "sizes": list(form.names),
        "example": dict(form.example),
        "seconds": round(form.seconds, 3),
        "pieces": [_piece(piece) for piece in form.pieces],
        "remarks": list(form.remarks),
    }


def _guard(guard: Guard) -> dict[str, Any]:
    terms = _terms(guard.polynomial)
    return {"terms": terms, "relation": guard.relation, "where": short(guard.where)}


def _definition(made: Definition) -> dict[str, Any]:
    if isinstance(made, Rounded):
        return {"numerator": _terms(made.numerator), "divisor": _terms(made.divisor)}
    return {"code": made.code, "names": sorted(made.names)}


def _piece(piece: Piece) -> dict[str, Any]:
    return {
        "free": list(piece.domain.free),
        "given": dict(piece.domain.given),
        "domain": list(piece.domain.words),
        "guards": [
            _guard(guard) | {"text": piece.domain.text(guard)} for guard in piece.domain.guards
        ],
        "said": [_guard(guard) for guard in piece.domain.said],
        "definitions": {name: definition_text(made) for name, made in piece.definitions},
        "code": definition_lines(piece.definitions),
        "quotients": [[name, _definition(made)] for name, made in piece.definitions],
        "macs": _terms(piece.macs),
        "params": piece.params,
        "read_bytes": _terms(piece.read_bytes),
        "written_bytes": _terms(piece.written_bytes),
        "peak_bytes": [{"terms": _terms(live), "at": at} for live, at in piece.peaks],
        "saved_bytes": _terms(piece.saved_bytes),
        "modules": [
            {
                "module": part.module,
                "calls": part.calls,
                "params": part.params,
                "macs": _terms(part.macs),
                "read_bytes": _terms(part.read_bytes),
                "written_bytes": _terms(part.written_bytes),
                "peak_bytes": [_terms(live) for live in part.peaks],
            }
            for part in piece.parts
        ],
        "uncounted": dict(piece.uncounted),
        "remarks": list(piece.remarks),
    }


def _terms(polynomial: Polynomial) -> list[list[Any]]:
    return [[c.numerator, c.denominator, dict(m)] for m, c in polynomial.sorted_terms()]


def as_python(form: Closed) -> str:
    """Return a function of the sizes, and assertions of what independent witnesses observed."""
    name = re.sub(r"\W", "_", form.name.rpartition(":")[2])
    if not name.isidentifier() or keyword.iskeyword(name):
        name = f"form_{name}"
    lines = [
        f"def {name}({', '.join(form.names)}):",
        f'    """MACs, params and peak bytes of {form.mode}, derived by pvtprof."""',
    ]
    for piece in form.pieces:
        lines += [f"    # {piece.domain or 'every size from 2 on'}", *_branch(piece)]
    lines += [f'    raise ValueError("outside of what is proven for {name}")', ""]
    for point, figures in _observed(form):
        macs, params, peak = figures["macs"], figures["params"], figures["peak_bytes"]
        lines.append(f"assert {name}({point_text(dict(point))}) == ({macs}, {params}, {peak})")
    return "\n".join(lines).rstrip() + "\n"


def _branch(piece: Piece) -> list[str]:
    conditions = [f"{name} == {value}" for name, value in piece.domain.given.items()]
    conditions += [f"{name} >= 2" for name in piece.domain.free]
    guards = [python_guard(g) for g in piece.domain.guards]
    needed = set().union(*(g.polynomial.names for g in piece.domain.guards))
    lines = [f"    {line}" for line in definition_lines(piece.definitions, needed)]
    tests = "\n            and ".join([*conditions, *guards]) or "True"
    costs = [piece.macs, *(live for live, _ in piece.peaks)]
    inside = definition_lines(piece.definitions, set().union(*(c.names for c in costs)))
    peaks = ", ".join(python(live) for live, _ in piece.peaks)
    return [
        *lines,
        f"    if ({tests}):",
        *(f"        {line}" for line in inside),
        f"        return {python(piece.macs)}, {piece.params}, max(({peaks},))",
    ]


def _observed(form: Closed) -> list[tuple[tuple[tuple[str, int], ...], dict[str, int]]]:
    """Return points at which every figure was observed."""
    found: dict[tuple[tuple[str, int], ...], dict[str, int]] = {}
    for check in form.checks:
        if check.observed is not None and check.witness != "fvcore":
            found.setdefault(tuple(check.point.items()), {})[check.figure] = check.observed
    return [(p, f) for p, f in found.items() if {"macs", "params", "peak_bytes"} <= f.keys()]


def as_latex(form: Closed) -> str:
    """Return the main piece in an align environment."""
    piece = form.main
    products = Products(piece)
    lines = [rf"{latex_name(name)} &= {definition_latex(made)}" for name, made in piece.used]
    lines += [
        rf"{latex_name(name)} &= {' '.join(map(latex_name, factors))}"
        for name, factors in products.named.items()
    ]
    lines.append(rf"\mathrm{{MACs}} &= {products.latex(piece.macs)}")
    lines.append(rf"\mathrm{{params}} &= {piece.params}")
    peaks = [products.latex(live) for live, _ in piece.peaks]
    peak = peaks[0] if len(peaks) == 1 else rf"\max\left({', '.join(peaks)}\right)"
    lines.append(rf"\mathrm{{peak}} &= {peak}\ \mathrm{{bytes}}")
    if form.mode == "training":
        lines.append(rf"\mathrm{{saved}} &= {products.latex(piece.saved_bytes)}\ \mathrm{{bytes}}")
    joined = " \\\\\n".join(f"  {line}" for line in lines)
    return f"\\begin{{align*}}\n{joined}\n\\end{{align*}}\n"
