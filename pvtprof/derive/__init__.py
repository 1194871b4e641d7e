"""Derive: the closed form of any module, traced on symbolic sizes, with its domain.

In: a module and an example input. Out: a Form (MACs, params, bytes, in pieces with domains).
It may import designs, models, observe, the ground floor and torch; never analytic.

``pvtprof.derive(module, example)`` calls this module: ``deriving.derive`` says what it takes.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pvtprof.derive.failures import DeriveError, register_shape_rule
    from pvtprof.derive.form import Form, OutsideError

__all__ = ["DeriveError", "Form", "OutsideError", "register_shape_rule"]


class _Callable(ModuleType):
    """The package, which is a function too."""

    def __call__(self, *args: Any, **kwargs: Any) -> Form:
        """Derive the closed form of a module; see ``pvtprof.derive.deriving.derive``."""
        from pvtprof.derive.deriving import derive

        return derive(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'pvtprof.derive' has no attribute {name!r}")
        from pvtprof.derive import failures, form

        return getattr(form if name in ("Form", "OutsideError") else failures, name)


sys.modules[__name__].__class__ = _Callable
