"""What can go wrong in a pass over a user's module, each in one line with the line of code."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedOperatorException,
)
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from pvtprof.derive.asking import is_users
from pvtprof.derive.noting import LimitError
from pvtprof.errors import PvtprofError, UnavailableError
from pvtprof.observe.target import first_line


class DeriveError(UnavailableError):
    """A module of which no closed form can be derived; the message names the line of code."""


class DeriveLimitError(DeriveError):
    """A derivation that took longer than its limit."""


def said(error: BaseException) -> DeriveError:
    """Return the error as a user reads it."""
    at = code_line(error.__traceback__)
    where = f" at {at}" if at else ""
    if isinstance(error, LimitError):
        return DeriveLimitError(f"the derivation took longer than its limit, {error}; use --limit")
    if isinstance(error, PvtprofError):
        return DeriveError(f"the module raises {type(error).__name__}: {first_line(error)}")
    if isinstance(error, DataDependentOutputException | GuardOnDataDependentSymNode):
        return DeriveError(
            f"the forward needs the content of a tensor ({getattr(error, 'func', 'a branch')})"
            f"{where}: its cost depends on the data, so it has no closed form"
        )
    if isinstance(error, DynamicOutputShapeException):
        return DeriveError(
            f"{error.func}{where} has a shape that depends on data, so it has no closed form"
        )
    if isinstance(error, UnsupportedOperatorException):
        return DeriveError(
            f"the kernel {error.func}{where} has no rule for the shape of its result; "
            f"give it one with pvtprof.register_shape_rule"
        )
    if isinstance(error, NotImplementedError) and "Meta" in str(error):
        name = str(error).partition("'")[2].partition("'")[0]
        return DeriveError(
            f"the kernel {name or 'of an operator'}{where} has no rule for the shape of its "
            "result; give it one with pvtprof.register_shape_rule"
        )
    return DeriveError(f"the module raises {type(error).__name__}{where}: {first_line(error)}")


def code_line(trace: TracebackType | None) -> str:
    """Return file and line of the innermost code that is neither torch's nor pvtprof's."""
    found = ""
    for frame in traceback.extract_tb(trace):
        if is_users(frame.filename):
            found = f"{Path(frame.filename).name}:{frame.lineno}"
    return found


def register_shape_rule(kernel: str, rule: object) -> None:
    """Teach torch the shape of a kernel's result, so that a module that calls it can be derived.

    ``kernel`` is the name of a custom operator, such as "mylib::window_attention"; ``rule`` takes
    its arguments and returns a new tensor of the right shape, as ``torch.library.register_fake``.
    """
    if not callable(rule):
        raise TypeError("a shape rule is a function of the kernel's arguments")
    torch.library.register_fake(kernel, rule)
