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
from pvtprof.observe.flat import flat
from pvtprof.observe.nesting import arguments, tensors
from pvtprof.observe.subject import Built
from pvtprof.observe.untouched import untouched

#: What a user's code may raise: anything but Ctrl-C; sys.exit() is no way to pass a gate.
USERS = (Exception, SystemExit)
_WAY_OUT = (
    "a factory takes no arguments and returns (module, example input): a tensor, a tuple of "
    "inputs, or a dict of them by name"
)


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
    args, kwargs = arguments(example)
    if not isinstance(module, nn.Module) or not tensors((args, kwargs)):
        raise SpecError(
            f"target {target!r} returns ({type(module).__name__}, {type(example).__name__}); "
            f"{_WAY_OUT}"
        )
    output = _ran(target, module, args, kwargs)
    if kwargs or not isinstance(output, Tensor) or not all(isinstance(x, Tensor) for x in args):
        return flat(module, args, kwargs)
    return module, args


def _ran(target: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
    """What the module returns, once it was seen to be finite tensors; the module stays as it was.

    All see the same random numbers.
    """
    try:
        with untouched(module, tensors((args, kwargs))), torch.no_grad():
            torch.manual_seed(0)
            output: object = module(*args, **kwargs)
    except USERS as error:
        raise SpecError(f"target {target!r}: its module raises {_said(error)}") from None
    if not (found := tensors(output)):
        raise SpecError(
            f"target {target!r}: its module returns {type(output).__name__} without a tensor in "
            "it; there is nothing to hold"
        )
    if not all(bool(torch.isfinite(tensor).all()) for tensor in found):
        raise SpecError(f"target {target!r}: its module returns values that are not finite")
    return output


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".strip(": ")
