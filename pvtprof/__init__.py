"""pvtprof: what an attention design really costs, by formula, by counter and by clock.

Everything here is imported when it is first used, so that ``import pvtprof`` and the command line
stay light. Each folder is a room, whose ``__init__`` says what is in it. From the bottom up:
designs; analytic and models; observe; derive; predict; run; sweep; check and report; cli. A room
imports rooms below it alone.

Beside the folders, ``api`` has the functions of this package, and the rest is the ground floor:
``errors``, ``units``, ``spoken`` (figures as words), ``moment`` (bytes that are alive), ``cores``
(processors that may be used), ``registry`` (finds what is registered by its file), ``decode``
(parses and checks JSON files), ``files`` (the formats of files, and writing without loss).
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pvtprof import cores as _cores  # noqa: F401 # read before anything imports torch

if TYPE_CHECKING:
    from inspect import Signature

    from pvtprof.api import (
        Run,
        calibrate,
        check,
        choose,
        compare,
        derive,
        fit,
        formula,
        load,
        models,
        open,
        sweep,
    )
    from pvtprof.derive.failures import register_shape_rule
    from pvtprof.designs.spec import ModelSpec, StageSpec
    from pvtprof.models.build import build_model
    from pvtprof.run.reconcile import reconcile

__version__ = "0.1.0"
__all__ = [
    "ModelSpec",
    "Run",
    "StageSpec",
    "build_model",
    "calibrate",
    "check",
    "choose",
    "compare",
    "derive",
    "fit",
    "formula",
    "load",
    "models",
    "open",
    "reconcile",
    "register_shape_rule",
    "sweep",
]

_HOMES = dict.fromkeys(__all__, "pvtprof.api") | {
    "ModelSpec": "pvtprof.designs.spec",
    "StageSpec": "pvtprof.designs.spec",
    "build_model": "pvtprof.models.build",
    "check": "pvtprof",  # a room too
    "derive": "pvtprof",
    "models": "pvtprof",
    "register_shape_rule": "pvtprof.derive.failures",
    "sweep": "pvtprof",
}


class _CallableRoom(ModuleType):
    """A room whose name is that of a function of the API too: calling it calls the function.

    Else ``pvtprof.check`` would be the function until the first import from the room, and the room
    from then on, for Python binds a submodule to its package's name for it.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._function(*args, **options)

    @property
    def _function(self) -> Any:
        return getattr(import_module("pvtprof.api"), self.__name__.rpartition(".")[2])

    @property
    def __signature__(self) -> "Signature":
        from inspect import signature

        return signature(self._function)


class _Package(ModuleType):
    """The package, which makes such rooms callable when Python binds them."""

    def __setattr__(self, name: str, value: Any) -> None:
        if _HOMES.get(name) == __name__ and isinstance(value, ModuleType):
            value.__class__ = _CallableRoom
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pvtprof' has no attribute {name!r}")
    if _HOMES[name] == __name__:
        return import_module(f"{__name__}.{name}")  # which binds it
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
