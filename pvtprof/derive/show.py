"""Polynomials and named sizes as text and as LaTeX."""

from __future__ import annotations

from collections.abc import Mapping

from pvtprof.derive.polynomial import Number, Polynomial, joined
from pvtprof.derive.quotients import Definition, Rounded

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def polynomial_text(polynomial: Polynomial, written_out: Mapping[str, Definition] = {}) -> str:
    """Return a polynomial as a person writes it; sizes in ``written_out`` by their definition.

    >>> h = Polynomial.of("h")
    >>> polynomial_text((h * h * 3 + h).divided(4))
    '3 h²/4 + h/4'
    """
    text = ""
    scale: Number
    for monomial, scale in polynomial.sorted_terms():
        symbols = [
            definition_text(written_out[name], written_out) if name in written_out else name
            for name, _ in monomial
        ]
        powers = [str(p).translate(_SUPERSCRIPTS) if p > 1 else "" for _, p in monomial]
        size = scale if scale > 0 else -scale
        number = [f"{size.numerator:,}"] if size.numerator != 1 or not monomial else []
        term = " ".join([*number, *(s + p for s, p in zip(symbols, powers, strict=True))])
        term += f"/{size.denominator:,}" if size.denominator != 1 else ""
        text += (" - " if scale < 0 else " + ") + term if text else "-" * (scale < 0) + term
    return text or "0"


def definition_text(made: Definition, written_out: Mapping[str, Definition] = {}) -> str:
    """Return a rounded quotient as text.

    >>> h, by = Polynomial.of("h"), Polynomial.number(4)
    >>> definition_text(Rounded(h + 3, by)), definition_text(Rounded(h + 1, by))
    ('ceil(h/4)', 'floor((h + 1)/4)')
    """
    if not isinstance(made, Rounded):
        return made.code
    rounding, numerator = _rounding(made)
    top, bottom = (polynomial_text(p, written_out) for p in (numerator, made.divisor))
    top = f"({top})" if len(numerator.terms) > 1 else top
    bottom = f"({bottom})" if not bottom.replace(",", "").isalnum() else bottom.replace(",", "")
    return f"{rounding}({top}/{bottom})"


def definition_latex(made: Definition) -> str:
    r"""Return a rounded quotient in LaTeX.

    >>> definition_latex(Rounded(Polynomial.of("h") + 3, Polynomial.number(4)))
    '\\left\\lceil \\frac{h}{4} \\right\\rceil'
    """
    if not isinstance(made, Rounded):
        return rf"\mathtt{{{made.code}}}".replace("_", r"\_").replace("**", r"^")
    rounding, numerator = _rounding(made)
    left, right = (r"\lceil", r"\rceil") if rounding == "ceil" else (r"\lfloor", r"\rfloor")
    top, bottom = latex(numerator), latex(made.divisor)
    return rf"\left{left} \frac{{{top}}}{{{bottom}}} \right{right}"


def _rounding(made: Rounded) -> tuple[str, Polynomial]:
    by = made.divisor.constant
    offset = made.numerator.terms.get((), 0)
    if by is not None and offset == by - 1:
        return "ceil", made.numerator - offset
    return "floor", made.numerator


def latex(polynomial: Polynomial) -> str:
    """Return a polynomial in LaTeX; the numbers in names are indices.

    >>> latex(Polynomial({(("b", 1), ("h1", 2)): 1024}))
    '1024 b h_{1}^{2}'
    """
    scale = polynomial.denominator
    text = joined(
        polynomial * scale, " ", lambda n, p: latex_name(n) + (f"^{{{p}}}" if p > 1 else "")
    )
    return text if scale == 1 else rf"\frac{{{text}}}{{{scale}}}"


def latex_name(name: str) -> str:
    """Return a name in LaTeX.

    >>> latex_name("h12"), latex_name("seq_len")
    ('h_{12}', '\\\\mathrm{seq\\\\_len}')
    """
    letters = name.rstrip("0123456789")
    digits = name[len(letters) :]
    stem = letters if len(letters) == 1 else rf"\mathrm{{{letters}}}".replace("_", r"\_")
    return stem + (f"_{{{digits}}}" if digits else "")


def point_text(point: Mapping[str, int]) -> str:
    """Return sizes as a user writes them.

    >>> point_text({"h": 14, "w": 28})
    'h=14, w=28'
    """
    return ", ".join(f"{name}={value}" for name, value in point.items())
