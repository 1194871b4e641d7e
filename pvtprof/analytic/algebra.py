"""Formulas as algebra: the cost of a list of operators as a polynomial in the papers' symbols.

An operator's notation is its cost already (see ``pvtprof.analytic.ops``); here its indices get the
letters that papers use, and like products of a module are added up.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pvtprof.analytic.cost import MACS, Monomial
from pvtprof.analytic.formulas import attention_ops
from pvtprof.analytic.geometry import Sizes
from pvtprof.analytic.ops import Op, letters
from pvtprof.designs.variants import CONVOLVED, POOLED, TOKENS, VARIANTS

#: Index letters of attention: the symbols whose product is their size.
_SYMBOLS = {
    "b": "B",
    "n": "N",
    "m": "M",
    "c": "C",
    "e": "C",
    "h": "h",
    "d": "d",
    "i": "R",
    "j": "R",
}
#: What the symbols stand for; M by design, see ``keys``.
SYMBOLS = {
    "B": "batch",
    "N": "query tokens: the positions of the stage's H x W grid (and v1's class token)",
    "C": "dim: heads times head dim",
    "R": "sr_ratio",
    "h": "num_heads",
    "d": "head dim",
}
#: What those stand for that only M is made of, and M.
KEY_SYMBOLS = {
    "M": "key tokens, by design",
    "H": "rows of the stage's token grid",
    "W": "columns of the stage's token grid",
    "P": "side of the pooled grid (--pool-size)",
}
#: M, the keys, by the rule of a variant, as a reader finds it in the paper.
_KEYS = {
    TOKENS: "M = N",
    CONVOLVED: "M = floor(H / R) floor(W / R)",
    POOLED: "M = P^2, P the side of the pooled grid (--pool-size)",
}
#: The same for LaTeX's align environment.
_KEYS_LATEX = {
    TOKENS: r"M &= N",
    CONVOLVED: r"M &= \lfloor H / R \rfloor \lfloor W / R \rfloor",
    POOLED: r"M &= P^{2}",
}

#: The same in MathML.
_KEYS_MATHML = {
    TOKENS: "<mi>N</mi>",
    CONVOLVED: "<mrow><mo>⌊</mo><mfrac><mi>H</mi><mi>R</mi></mfrac><mo>⌋</mo></mrow>"
    "<mrow><mo>⌊</mo><mfrac><mi>W</mi><mi>R</mi></mfrac><mo>⌋</mo></mrow>",
    POOLED: "<msup><mi>P</mi><mn>2</mn></msup>",
}


def keys(variant: str) -> str:
    """Return the number of keys of a variant, in plain text."""
    return _KEYS[VARIANTS[variant].keys]


def keys_latex(variant: str) -> str:
    """Return the number of keys as a line of LaTeX's align environment."""
    return _KEYS_LATEX[VARIANTS[variant].keys]


def keys_mathml(variant: str) -> str:
    """Return the right side of that equation in MathML."""
    return _KEYS_MATHML[VARIANTS[variant].keys]


#: A product of symbols, as (symbol, power) in the order in which papers write them.
Product = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Polynomial:
    """A sum of products of symbols: maps each product to its factor, in order of appearance."""

    terms: Mapping[Product, int]

    def __add__(self, other: Polynomial) -> Polynomial:
        found = Counter(self.terms)
        found.update(other.terms)
        return Polynomial(dict(found))

    def at(self, values: Mapping[str, int]) -> int:
        """Return the value of the polynomial for given values of its symbols.

        >>> of([(2, ("b", "n", "c", "e"))], "mha").at({"B": 1, "N": 4, "C": 3})
        72
        """
        return sum(
            factor * math.prod(values[symbol] ** power for symbol, power in product)
            for product, factor in self.terms.items()
        )


def of(monomials: Iterable[Monomial], variant: str) -> Polynomial:
    """Return products of index sizes as a polynomial; ``variant`` says which sizes are equal.

    Plain attention has as many keys as queries; only a strided convolution has a kernel. Heads
    times head dim is C.
    """
    found: Counter[Product] = Counter()
    for factor, indices in monomials:
        powers: Counter[str] = Counter()
        rest = list(indices)
        if {"h", "d"} <= set(rest):
            rest = [i for i in rest if i not in "hd"] + ["c"]
        for index in rest:
            if index == "t":
                factor *= 2
            elif index in "ij" and not VARIANTS[variant].has_ratio:
                continue  # a 1x1 kernel
            else:
                powers[
                    "N" if index == "m" and VARIANTS[variant].keys == TOKENS else _SYMBOLS[index]
                ] += 1
        found[tuple(sorted(powers.items(), key=lambda p: "BNMRChd".index(p[0])))] += factor
    return Polynomial(dict(found))


def macs(op: Op, variant: str) -> Polynomial:
    """Return the multiply-accumulates of one operator of an attention module."""
    return of(MACS.monomials(op), variant)


def params(op: Op, variant: str) -> Polynomial:
    """Return the parameters of one operator: the weight and the bias."""
    weight = [(1, letters(op.right))] if op.owns_right else []
    bias = [(1, letters(op.bias))] if op.bias else []
    return of([*weight, *bias], variant)


def total(
    quantity: Callable[[Op, str], Polynomial], variant: str, qkv_bias: bool = True
) -> Polynomial:
    """Return the sum over a whole attention module; fused attention has the same sum."""
    ops = attention_ops(variant, qkv_bias=qkv_bias)
    return sum((quantity(op, variant) for op in ops), Polynomial({}))


def symbol_indices() -> dict[str, str]:
    """Return for each symbol an index that has its size."""
    return {symbol: index for index, symbol in _SYMBOLS.items()}


def values(sizes: Sizes) -> dict[str, int]:
    """Return the values of the symbols for given index sizes."""
    return {symbol: sizes[index] for index, symbol in _SYMBOLS.items()}


def text(polynomial: Polynomial) -> str:
    """Return the polynomial as a person writes it: ``2 B N C² + B M R² C²``; "0" if it is empty."""
    return _joined(polynomial, " ", lambda s, p: s + _SUPERSCRIPTS.get(p, f"^{p}") * (p > 1))


def latex(polynomial: Polynomial) -> str:
    """Return the polynomial in LaTeX: ``2 B N C^{2} + B M R^{2} C^{2}``."""
    return _joined(polynomial, " ", lambda s, p: f"{s}^{{{p}}}" if p > 1 else s)


def python(polynomial: Polynomial) -> str:
    """Return the polynomial as Python: ``2*B*N*C**2 + B*M*R**2*C**2``."""
    return _joined(polynomial, "*", lambda s, p: f"{s}**{p}" if p > 1 else s)


_SUPERSCRIPTS = {2: "²", 3: "³"}


def _joined(polynomial: Polynomial, sign: str, power: Callable[[str, int], str]) -> str:
    products = []
    for product, factor in polynomial.terms.items():
        symbols = [power(symbol, exponent) for symbol, exponent in product]
        products.append(sign.join([str(factor)] * (factor != 1 or not symbols) + symbols))
    return " + ".join(products) or "0"
