"""Closed forms as Python functions, of whole numbers and of arrays of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pvtprof.derive.polynomial import Polynomial, joined
from pvtprof.derive.quotients import Definition, Rounded


def _elementwise(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def applied(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return np.array([function(one) for one in value.tolist()])
        return function(value)

    return applied


_SCALAR: dict[str, Callable[[Any], Any]] = {
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "rint": round,
    "real": float,
    "sqrt": math.sqrt,
}
#: Functions that the code of computed sizes may call, on numbers and on arrays.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {n: _elementwise(f) for n, f in _SCALAR.items()}


def python(polynomial: Polynomial) -> str:
    """Return a polynomial as Python code; divisions by coefficients come at the end."""
    scale = polynomial.denominator
    text = joined(polynomial * scale, "*", lambda n, p: "*".join([n] * p))
    return text if scale == 1 else f"({text})//{scale}"


def definition_lines(
    definitions: Iterable[tuple[str, Definition]], needed: Iterable[str] | None = None
) -> list[str]:
    """Return assignments of named sizes: all, or those on which some names depend."""
    definitions = tuple(definitions)
    wanted = set(dict(definitions) if needed is None else needed)
    for name, made in reversed(definitions):
        if name in wanted:
            wanted |= made.names
    return [f"{name} = {definition(made)}" for name, made in definitions if name in wanted]


def definition(made: Definition) -> str:
    """Return a named size as Python code."""
    if not isinstance(made, Rounded):
        return made.code
    by = made.divisor.constant
    offset = made.numerator.terms.get((), 0)
    if by is not None and offset == by - 1:
        return f"-(-({python(made.numerator - offset)}) // {by})"
    return f"({python(made.numerator)}) // ({python(made.divisor)})"


def compiled(arguments: Iterable[str], lines: Iterable[str], result: str) -> Callable[..., Any]:
    """Return a function of the arguments."""
    body = "".join(f"    {line}\n" for line in lines)
    source = f"def function({', '.join(arguments)}):\n{body}    return {result}\n"
    scope: dict[str, Any] = dict(FUNCTIONS)
    exec(compile(source, "<closed form>", "exec"), scope)
    made: Callable[..., Any] = scope["function"]
    return made


def test_of(
    arguments: Iterable[str], lines: Iterable[str], conditions: Iterable[str]
) -> Callable[..., Any]:
    """Return a function that tests conditions; a quotient by 0 is outside of every domain."""
    made = compiled(arguments, lines, " & ".join(f"({c})" for c in conditions) or "True")

    def tested(*sizes: Any) -> Any:
        try:
            with np.errstate(divide="ignore"):
                return made(*sizes)
        except ZeroDivisionError:
            return False

    return tested
