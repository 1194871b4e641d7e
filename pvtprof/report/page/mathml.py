"""Formulas as MathML; every symbol has its name, so that a page can put its value in."""

from __future__ import annotations

from markupsafe import Markup

from pvtprof.analytic.algebra import Polynomial, Product, keys_mathml

_TIMES = Markup('<mo class="times">&#x2062;</mo>')  # invisible between letters


def equation(name: str, polynomial: Polynomial) -> Markup:
    """Return ``name = polynomial`` on a line of its own; ``math[data-of=name]`` holds it."""
    return Markup(
        '<math display="block" data-of="{0}"><mrow><mtext>{0}</mtext><mo>=</mo>{1}</mrow></math>'
    ).format(name, _sum(polynomial))


def inline(polynomial: Polynomial) -> Markup:
    """Return a polynomial within a line or a cell; nothing if it is zero."""
    return Markup("<math>{}</math>").format(_sum(polynomial)) if polynomial.terms else Markup("")


def keys(variant: str) -> Markup:
    """Return the number of keys of a design."""
    right = Markup(keys_mathml(variant))
    return Markup("<math><mrow><mi>M</mi><mo>=</mo>{}</mrow></math>").format(right)


def _sum(polynomial: Polynomial) -> Markup:
    products = [_product(factor, product) for product, factor in polynomial.terms.items()]
    return Markup("<mrow>{}</mrow>").format(Markup("<mo>+</mo>").join(products))


def _product(factor: int, product: Product) -> Markup:
    number = [Markup("<mn>{}</mn>").format(factor)] if factor != 1 or not product else []
    return Markup("<mrow>{}</mrow>").format(
        _TIMES.join([*number, *(_power(*factor) for factor in product)])
    )


def _power(symbol: str, exponent: int) -> Markup:
    letter = Markup('<mi data-symbol="{0}">{0}</mi>').format(symbol)
    if exponent == 1:
        return letter
    return Markup("<msup>{}<mn>{}</mn></msup>").format(letter, exponent)
