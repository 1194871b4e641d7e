"""The nodes of torch's SymInts: their arithmetic is that of polynomials."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sympy
from torch.fx.experimental.sym_node import SymNode

from pvtprof.derive.polynomial import Polynomial

if TYPE_CHECKING:
    from pvtprof.derive.symbolic import SizesEnv


class SizeNode(SymNode):
    """A SymInt's node whose arithmetic is that of polynomials."""

    shape_env: SizesEnv

    def wrap_int(self, num: int) -> SizeNode:
        """Return a number beside a size."""
        return SizeNode(sympy.Integer(num), self.shape_env, int, num, constant=num)

    def maybe_as_int(self) -> int | None:
        """Return the number that it is, where guards have fixed it."""
        number = self.polynomial.constant if self.pytype is int else None
        return None if number is None else int(number)

    @property
    def polynomial(self) -> Polynomial:
        """The size."""
        return self.shape_env.polynomial(self.expr)

    def sym_sum(self, args: list[Any]) -> SizeNode:
        """Return the sum of sizes."""
        parts = [self.shape_env.polynomial(a.expr) for a in args]
        return self.shape_env.node(sum(parts[1:], parts[0]))


def _whole(name: str, function: Callable[[SizesEnv, Polynomial, Polynomial], Polynomial]) -> None:
    """Give SizeNode a method on whole numbers; floats keep torch's."""
    torchs = getattr(SymNode, name)

    def method(self: SizeNode, other: SymNode) -> SymNode:
        if self.pytype is int and other.pytype is int:
            env = self.shape_env
            return env.node(function(env, self.polynomial, env.polynomial(other.expr)))
        return _adopted(self, torchs(self, other))

    setattr(SizeNode, name, method)


def _torchs(name: str) -> None:
    """Give SizeNode a method of SymNode, its result a SizeNode too."""
    torchs = getattr(SymNode, name)

    def method(self: SizeNode, *args: Any) -> SymNode:
        return _adopted(self, torchs(self, *args))

    setattr(SizeNode, name, method)


def _adopted(self: SizeNode, made: SymNode) -> SymNode:
    if made.pytype is int and not made.expr.is_number:
        return self.shape_env.node(self.shape_env.polynomial(made.expr))
    return SizeNode(made._expr, self.shape_env, made.pytype, made.hint)


for _name, _function in {
    "add": lambda _, a, b: a + b,
    "sub": lambda _, a, b: a - b,
    "mul": lambda _, a, b: a * b,
    "int_floordiv": lambda env, a, b: env.sizes.floor(a, b),
    "floordiv": lambda env, a, b: env.sizes.floor(a, b),
    "mod": lambda env, a, b: env.remainder(a, b),
    "sym_max": lambda env, a, b: env.extreme([a, b], True),
    "sym_min": lambda env, a, b: env.extreme([a, b], False),
}.items():
    _whole(_name, _function)
for _name in (
    "neg",
    "pos",
    "abs",
    "round",
    "trunc",
    "floor",
    "ceil",
    "sym_float",
    "sym_int",
    "is_integer",
    "float_pow",
    "pow_by_natural",
    "pow",
    "float_truediv",
    "truediv",
    "int_truediv",
    "sym_ite",
    "and_",
    "or_",
    "sym_and",
    "sym_or",
    "sym_not",
    "eq",
    "ne",
    "gt",
    "lt",
    "le",
    "ge",
    "is_contiguous",
    "is_channels_last_contiguous_2d",
    "is_channels_last_contiguous_3d",
    "is_channels_last_strides_2d",
    "is_channels_last_strides_3d",
    "_sqrt",
    "is_non_overlapping_and_dense_indicator",
    "is_non_overlapping_and_dense",
):
    if hasattr(SymNode, _name):
        _torchs(_name)
