"""A user's own module: ``package.module:factory``, which returns (module, example input)."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pvtprof.errors import SpecError
from pvtprof.observe.subject import Built

#: What a user's code may raise: anything but Ctrl-C; sys.exit() is no way to pass a gate.
USERS = (Exception, SystemExit)
_WAY_OUT = "a factory takes no arguments and returns (module, example input or tuple of inputs)"


def factory(target: str) -> Callable[[], Built]:
    """The factory that ``target`` names; what it returns is checked each time it is called.

    The current folder is searched first. Raises SpecError for whatever goes wrong on the way.
    """
    package, _, name = target.partition(":")
    if not package or not name:
        raise SpecError(f"target {target!r} is not package.module:factory; {_WAY_OUT}")
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        made = getattr(importlib.import_module(package), name)
    except USERS as error:
        raise SpecError(f"target {target!r} does not import: {_said(error)}") from None
    if not callable(made):
        raise SpecError(f"target {target!r} is not callable; {_WAY_OUT}")
    return lambda: _checked(target, made)


def _checked(target: str, make: Callable[[], Any]) -> Built:
    try:
        built = make()
    except USERS as error:
        raise SpecError(f"target {target!r} raises {_said(error)}") from None
    if not isinstance(built, tuple | list) or len(built) != 2:
        raise SpecError(f"target {target!r} returns {type(built).__name__}; {_WAY_OUT}")
    module, example = built
    inputs = (example,) if isinstance(example, Tensor) else example
    if (
        not isinstance(module, nn.Module)
        or not isinstance(inputs, tuple | list)
        or not all(isinstance(x, Tensor) for x in inputs)
    ):
        raise SpecError(
            f"target {target!r} returns ({type(module).__name__}, {type(example).__name__}); "
            f"{_WAY_OUT}"
        )
    return module, _ran(target, module, tuple(inputs))


def _ran(target: str, module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The inputs, once the module was seen to turn them into a finite tensor."""
    try:
        with torch.no_grad():
            output = module(*inputs)
    except USERS as error:
        raise SpecError(f"target {target!r}: its module raises {_said(error)}") from None
    if not isinstance(output, Tensor):
        raise SpecError(
            f"target {target!r}: its module returns {type(output).__name__}; it must be a tensor"
        )
    if not bool(torch.isfinite(output).all()):
        raise SpecError(f"target {target!r}: its module returns values that are not finite")
    return inputs


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".strip(": ")
