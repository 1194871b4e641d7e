"""Torch's symbolic sizes, backed by the algebra of ``sizes``: torch asks, ``Sizes`` answers."""

from __future__ import annotations

import math
import sys
from typing import Any

import sympy
import torch
from torch.fx.experimental.sym_node import SymNode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils._sympy import functions as torch_functions

from pvtprof.derive.asking import chooses_a_kernel, user_line
from pvtprof.derive.compiled import FUNCTIONS, python
from pvtprof.derive.nodes import SizeNode
from pvtprof.derive.polynomial import Polynomial
from pvtprof.derive.sizes import Sizes

#: What torch says where a kernel takes no symbolic sizes.
CONCRETE_INTEGERS = "expected to contain only concrete integers"
#: sympy's relations, by the way in which ``Sizes`` is asked.
_RELATIONS = {
    sympy.Eq: "==",
    sympy.Ne: "!=",
    sympy.GreaterThan: ">=",
    sympy.StrictGreaterThan: ">",
    sympy.LessThan: "<=",
    sympy.StrictLessThan: "<",
}


class SizesEnv(ShapeEnv):
    """A ShapeEnv that knows no symbols of its own: each of its symbols stands for a polynomial."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(
            duck_shape=False, allow_scalar_outputs=False, allow_dynamic_output_shape_ops=False
        )
        self.sizes = sizes
        #: Whether a kernel runs that has a version in Python: it may not fix a size by itself.
        self.in_kernel = False
        self._polynomials: dict[sympy.Symbol, Polynomial] = {}
        self._symbols: dict[Polynomial, sympy.Symbol] = {}
        self._cached: dict[sympy.Basic, Polynomial] = {}

    def size(self, polynomial: Polynomial) -> int | torch.SymInt:
        """Return a polynomial as torch takes it for a size."""
        node = self.node(polynomial)
        return int(node.expr) if node.expr.is_number else torch.SymInt(node)

    def node(self, polynomial: Polynomial) -> SizeNode:
        """Return a polynomial as the node of a SymInt."""
        polynomial = self.sizes.resolved(polynomial)
        hint = self.sizes.hint(polynomial)
        return SizeNode(self.symbol(polynomial), self, int, hint)

    def symbol(self, polynomial: Polynomial) -> sympy.Basic:
        """Return the symbol that stands for a polynomial; a number for a constant."""
        if polynomial.constant is not None:
            return sympy.Integer(int(polynomial.constant))
        if polynomial not in self._symbols:
            low = self.sizes.lowest(polynomial)
            known = {"positive": True} if low is not None and low > 0 else {}
            made = sympy.Symbol(f"s{len(self._symbols)}", integer=True, **known)
            self._symbols[polynomial], self._polynomials[made] = made, polynomial
        return self._symbols[polynomial]

    def polynomial(self, expr: object) -> Polynomial:
        """Return what a size of this pass is: a number, a SymInt or an expression of sympy."""
        if isinstance(expr, int):
            return Polynomial.number(expr)
        if isinstance(expr, torch.SymInt):
            expr = expr.node.expr
        if not isinstance(expr, sympy.Basic):
            raise TypeError(f"{expr!r} is no size")
        if expr not in self._cached:
            self._cached[expr] = self._converted(expr)
        return self.sizes.resolved(self._cached[expr])

    def _converted(self, expr: sympy.Basic) -> Polynomial:
        if expr in self._polynomials:
            return self._polynomials[expr]
        if isinstance(expr, sympy.Integer):
            return Polynomial.number(int(expr))
        if isinstance(expr, sympy.Add | sympy.Mul):
            parts = [self.polynomial(arg) for arg in expr.args]
            return sum(parts[1:], parts[0]) if expr.is_Add else math.prod(parts[1:], start=parts[0])
        kind, args = type(expr).__name__, expr.args
        if kind in ("Pow", "PowByNatural") and isinstance(args[1], sympy.Integer) and args[1] >= 0:
            return self.polynomial(args[0]) ** int(args[1])
        if kind in ("Max", "Min"):
            return self.extreme([self.polynomial(arg) for arg in args], kind == "Max")
        if kind in ("FloorDiv", "CleanDiv"):
            return self.sizes.floor(self.polynomial(args[0]), self.polynomial(args[1]))
        if kind in ("Mod", "PythonMod"):
            return self.remainder(self.polynomial(args[0]), self.polynomial(args[1]))
        if kind == "ToFloat":
            return self.polynomial(args[0])
        rounding = {"CeilToInt": -1, "FloorToInt": 1, "TruncToInt": 1}.get(kind)
        quotient = rounding and self._quotient(args[0])
        if rounding and quotient:
            up, by = quotient
            return self.sizes.floor(up * rounding, by) * rounding
        return self._computed(expr)

    def _quotient(self, expr: sympy.Basic) -> tuple[Polynomial, Polynomial] | None:
        """Return numerator and denominator of a floating-point quotient that rounds correctly.

        A quotient of whole numbers below 2^53 never rounds up to the next whole number; a factor
        is taken where it is a power of two or whole, times what is exact.
        """
        if type(expr).__name__ == "IntTrueDiv":
            return self.polynomial(expr.args[0]), self.polynomial(expr.args[1])
        factors = expr.args if isinstance(expr, sympy.Mul | torch_functions.FloatTrueDiv) else ()
        if type(expr).__name__ == "FloatTrueDiv" and isinstance(expr.args[1], sympy.Float):
            factors = (expr.args[0], 1 / expr.args[1])
        numbers = [f for f in factors if isinstance(f, sympy.Float | sympy.Integer)]
        sizes = [f for f in factors if type(f).__name__ == "ToFloat"]
        if len(numbers) != 1 or len(sizes) != 1 or len(factors) != 2:
            return None
        top, bottom = float(numbers[0]).as_integer_ratio()
        if top <= 0 or (bottom != 1 and top != 1) or max(top, bottom) > 2**20:
            return None
        return self.polynomial(sizes[0]) * top, Polynomial.number(bottom)

    def remainder(self, left: Polynomial, right: Polynomial) -> Polynomial:
        """Return ``left % right``; modulo 2 by rounding up, for even sizes."""
        if right == 2:
            return -(self.sizes.floor(-left, right) * right) - left
        return left - right * self.sizes.floor(left, right)

    def extreme(self, parts: list[Polynomial], largest: bool) -> Polynomial:
        """Return the largest or the least: which it is, is a guard."""
        best = parts[0]
        for part in parts[1:]:
            greater = self.sizes.ask(part - best, ">=", user_line)
            best = part if greater is largest else best
        return best

    def _computed(self, expr: sympy.Basic) -> Polynomial:
        """Return a size that only floating point says: named, with its code."""
        names: set[str] = set()
        code = self._code(expr, names)
        hint = eval(code, dict(FUNCTIONS), dict(self.sizes.hints))
        return self.sizes.computed(code, frozenset(names), int(hint))

    def _code(self, expr: sympy.Basic, names: set[str]) -> str:
        """Return Python code for an expression of sympy; ``names`` collects the sizes in it."""
        if isinstance(expr, sympy.Float | sympy.Rational):
            return repr(float(expr)) if not isinstance(expr, sympy.Integer) else str(int(expr))
        if expr in self._polynomials:
            polynomial = self.sizes.resolved(self._polynomials[expr])
            names |= polynomial.names
            return f"({python(polynomial)})"
        args = [self._code(arg, names) for arg in expr.args]
        kind = type(expr).__name__
        if kind in _INFIX:
            return f"({_INFIX[kind].join(args)})"
        name = {"Trunc": "trunc"}.get(kind, kind.removeprefix("OpaqueUnaryFn_"))
        name = {
            "TruncToInt": "trunc",
            "FloorToInt": "floor",
            "CeilToInt": "ceil",
            "RoundToInt": "rint",
            "ToFloat": "real",
        }.get(name, name)
        if name not in FUNCTIONS:
            raise NotImplementedError(f"a size is computed by {kind}, which has no closed form")
        return f"{name}({', '.join(args)})"

    def decide(self, expr: sympy.Basic, ask: bool) -> bool | None:
        """Return whether a condition holds; if algebra leaves it open, ``ask`` makes it a guard."""
        if expr in (sympy.true, sympy.false):
            return expr is sympy.true
        if isinstance(expr, sympy.Not):
            answer = self.decide(expr.args[0], ask)
            return None if answer is None else not answer
        if isinstance(expr, sympy.And | sympy.Or):
            return self._decide_all(expr, ask)
        relation = _RELATIONS.get(type(expr))
        if relation is None:
            raise NotImplementedError(f"a condition on sizes is a {type(expr).__name__}")
        if expr.args[1] == sys.maxsize and relation in ("<=", ">"):
            return relation == "<="  # where a slice without an end stops: no size exceeds it
        left, right = (self._side(arg) for arg in expr.args)
        if ask and not (relation not in ("==", "!=") and chooses_a_kernel()):
            return self.sizes.ask(left - right, relation, user_line)
        if ask:
            return self.hinted(expr)
        return self.sizes.known(left - right, relation)

    def _side(self, expr: sympy.Basic) -> Polynomial:
        """Return one side of a comparison; a whole number in floating point is that number."""
        if isinstance(expr, sympy.Float) and float(expr).is_integer():
            return Polynomial.number(int(expr))
        return self.polynomial(expr)

    def _decide_all(self, expr: sympy.Basic, ask: bool) -> bool | None:
        """Return a conjunction or disjunction; what decides it is asked last, and alone."""
        settles = isinstance(expr, sympy.Or)  # one true part settles an "or"
        open_parts = []
        for part in expr.args:
            answer = self.decide(part, False)
            if answer is settles:
                return settles
            if answer is None:
                open_parts.append(part)
        if not open_parts:
            return not settles
        if not ask:
            return None
        for part in sorted(open_parts, key=lambda p: self.hinted(p) is not settles):
            if self.decide(part, True) is settles:
                return settles
        return not settles

    def hinted(self, expr: sympy.Basic) -> bool:
        """Return whether a condition holds at the sizes of this pass; no guard."""
        if isinstance(expr, sympy.Not):
            return not self.hinted(expr.args[0])
        if isinstance(expr, sympy.And | sympy.Or):
            return (all if isinstance(expr, sympy.And) else any)(map(self.hinted, expr.args))
        left, right = (self.sizes.hint(self._side(arg)) for arg in expr.args)
        return bool(type(expr)(sympy.Integer(left), sympy.Integer(right)))

    def evaluate_expr(self, orig_expr: Any, hint: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return torch asks for a decision or for a number."""
        if getattr(orig_expr, "is_number", False):
            return orig_expr
        if _is_condition(orig_expr):
            return sympy.true if self.decide(orig_expr, True) else sympy.false
        if isinstance(hint, float):
            return sympy.Float(self._float(orig_expr))
        polynomial = self.polynomial(orig_expr)
        if self.in_kernel and polynomial.constant is None:
            raise RuntimeError(f"a kernel's sizes are {CONCRETE_INTEGERS}")
        return sympy.Integer(self.sizes.fix(polynomial, user_line))

    def _float(self, expr: sympy.Basic) -> float:
        """Return a number in floating point that the code asks for: all sizes in it are fixed."""
        names: set[str] = set()
        code = self._code(expr, names)
        for name in sorted(names):
            self.sizes.fix(Polynomial.of(name), user_line)
        return float(eval(code, dict(FUNCTIONS), dict(self.sizes.hints)))

    def evaluate_sym_node(self, sym_node: SymNode, *args: Any, **kwargs: Any) -> Any:
        """Return torch asks for the decision or the number of a node."""
        return self.evaluate_expr(sym_node.expr, sym_node.hint)

    def _maybe_evaluate_static(  # type: ignore[override] # there a cache of a method
        self, expr: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Return torch asks for what is known without a guard."""
        if expr.is_number or expr in (sympy.true, sympy.false):
            return expr
        if _is_condition(expr):
            answer = self.decide(expr, False)
            return None if answer is None else (sympy.true if answer else sympy.false)
        number = self.polynomial(expr).constant
        return None if number is None else sympy.Integer(int(number))

    def replace(self, expr: Any) -> Any:  # type: ignore[override] # as above
        """Return symbols stand for themselves: what is known of them is in ``sizes``."""
        return expr

    def simplify(  # type: ignore[override] # as above
        self, expr: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Return the same: nothing is to be simplified in one symbol."""
        return expr

    def create_symintnode(self, sym: Any, *, hint: Any = None, source: Any = None) -> Any:
        """Return a SymInt of an expression."""
        return self.size(self.polynomial(sym))

    def guarding_hint_or_throw(self, a: Any) -> Any:  # type: ignore[override] # as above
        """Return the number that a size is in this pass."""
        if _is_condition(a):
            return self.hinted(a)
        return self.sizes.hint(self.polynomial(a))


_INFIX = {
    "Add": " + ",
    "Mul": " * ",
    "FloatTrueDiv": " / ",
    "IntTrueDiv": " / ",
    "FloatPow": " ** ",
    "Pow": " ** ",
    "PowByNatural": " ** ",
}


def _is_condition(expr: object) -> bool:
    """Return whether it is a truth value; sympy takes symbols of sizes for truth values too."""
    return isinstance(expr, sympy.logic.boolalg.Boolean) and not isinstance(expr, sympy.Symbol)
