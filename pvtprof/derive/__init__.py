"""Derive: the closed form of any module, traced on symbolic sizes, with its domain.

In: a module and an example input. Out: a Form (MACs, params, bytes, in pieces with domains).
It may import designs, models, observe, the ground floor and torch; never analytic.

``pvtprof.derive(module, example)`` calls this module: ``deriving.derive`` says what it takes.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pvtprof.derive.deriving import DeriveError
    from pvtprof.derive.failures import register_shape_rule
    from pvtprof.derive.form import Form, OutsideError

__all__ = ["DeriveError", "Form", "OutsideError", "register_shape_rule"]
_HOMES = {
    "DeriveError": "pvtprof.derive.failures",
    "Form": "pvtprof.derive.form",
    "OutsideError": "pvtprof.derive.form",
    "register_shape_rule": "pvtprof.derive.failures",
}


class _Callable(ModuleType):
    """The package, which is a function too."""

    def __call__(self, *args: Any, **kwargs: Any) -> Form:
        """Derive the closed form of a module; see ``pvtprof.derive.deriving.derive``."""
        derive = import_module("pvtprof.derive.deriving").derive
        form: Form = derive(*args, **kwargs)
        return form

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'pvtprof.derive' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


sys.modules[__name__].__class__ = _Callable
