"""A closed form as JSON text that a run keeps, and back.

A form is evaluated as Python code, so nothing of a file gets into it but names, whole numbers and
the few functions that a computed size may call.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from operator import index
from typing import Any

from pvtprof.derive.closed import Closed
from pvtprof.derive.code import SCHEMA, document
from pvtprof.derive.compiled import FUNCTIONS
from pvtprof.derive.domain import Domain
from pvtprof.derive.form import Form
from pvtprof.derive.piece import Part, Piece
from pvtprof.derive.polynomial import Polynomial
from pvtprof.derive.quotients import Computed, Definition, Guard, Rounded
from pvtprof.errors import StoreError


def dumps(form: Closed) -> str:
    """Return the form as one line of JSON, without what witnesses said."""
    return json.dumps(document(form), separators=(",", ":"))


def loads(text: str) -> Form:
    """Return the form of such a text; raises StoreError for any other."""
    try:
        found = json.loads(text)
        if found["schema"] != SCHEMA:
            raise StoreError(f"a form has schema {found['schema']!r}, this reads {SCHEMA!r}")
        return Form(
            found["name"],
            tuple(map(_name, found["sizes"])),
            found["mode"],
            tuple(map(_piece, found["pieces"])),
            {name: index(size) for name, size in found["example"].items()},
            remarks=tuple(found["remarks"]),
            seconds=found["seconds"],
        )
    except (SyntaxError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise StoreError(f"it is no closed form ({type(error).__name__}: {error})") from None


def _piece(its: Mapping[str, Any]) -> Piece:
    definitions = tuple((_name(name), _definition(made)) for name, made in its["quotients"])
    free = tuple(map(_name, its["free"]))
    given = {_name(name): index(value) for name, value in its["given"].items()}
    guards, said = (tuple(map(_guard, its[name])) for name in ("guards", "said"))
    return Piece(
        Domain(free, given, definitions, guards, said),
        definitions,
        _polynomial(its["macs"]),
        index(its["params"]),
        _polynomial(its["read_bytes"]),
        _polynomial(its["written_bytes"]),
        tuple((_polynomial(peak["terms"]), peak["at"]) for peak in its["peak_bytes"]),
        _polynomial(its["saved_bytes"]),
        tuple(map(_part, its["modules"])),
        its["uncounted"],
        tuple(its["remarks"]),
    )


def _part(its: Mapping[str, Any]) -> Part:
    return Part(
        its["module"],
        its["calls"],
        _polynomial(its["macs"]),
        index(its["params"]),
        _polynomial(its["read_bytes"]),
        _polynomial(its["written_bytes"]),
        tuple(map(_polynomial, its["peak_bytes"])),
    )


def _guard(its: Mapping[str, Any]) -> Guard:
    if its["relation"] not in ("==", "!=", ">="):
        raise ValueError(f"{its['relation']!r} is no relation")
    return Guard(_polynomial(its["terms"]), its["relation"], str(its["where"]))


def _definition(its: Mapping[str, Any]) -> Definition:
    if "code" in its:
        return Computed(_checked_code(its["code"]), frozenset(map(_name, its["names"])))
    return Rounded(_polynomial(its["numerator"]), _polynomial(its["divisor"]))


def _polynomial(terms: Sequence[Any]) -> Polynomial:
    return Polynomial(
        {
            tuple(sorted((_name(name), index(power)) for name, power in powers.items())): Fraction(
                index(top), index(bottom)
            )
            for top, bottom, powers in terms
        }
    )


def _name(name: Any) -> str:
    if not isinstance(name, str) or not re.fullmatch("[A-Za-z_][A-Za-z_0-9]*", name):
        raise ValueError(f"{name!r} is no name of a size")
    return name


#: What the code of a computed size is made of, beside names and calls of FUNCTIONS.
_NODES = (
    *(ast.Expression, ast.BinOp, ast.UnaryOp, ast.Name, ast.Load, ast.Constant, ast.Call),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Pow, ast.USub),
)


def _checked_code(code: str) -> str:
    """Return the code itself where it is arithmetic of sizes and numbers."""
    for node in ast.walk(ast.parse(code, mode="eval")):
        allowed = isinstance(node, _NODES)
        if isinstance(node, ast.Call):
            allowed = isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS
        if isinstance(node, ast.Constant):
            allowed = type(node.value) in (int, float)
        if not allowed:
            raise ValueError(f"{code!r} is no arithmetic of sizes")
    return code
