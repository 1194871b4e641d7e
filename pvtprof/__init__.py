"""pvtprof: what an attention design really costs, by formula, by counter and by clock.

Everything here is imported when it is first used, so that ``import pvtprof`` and the command line
stay light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pvtprof import derive
    from pvtprof.api import Run, compare, load
    from pvtprof.derive.failures import register_shape_rule
    from pvtprof.models.build import build_model

__version__ = "0.1.0"
__all__ = ["Run", "build_model", "compare", "derive", "load", "register_shape_rule"]

_HOMES = {
    "Run": "pvtprof.api",
    "build_model": "pvtprof.models.build",
    "compare": "pvtprof.api",
    "load": "pvtprof.api",
    "register_shape_rule": "pvtprof.derive.failures",
}


def __getattr__(name: str) -> Any:
    if name == "derive":
        return import_module("pvtprof.derive")
    if name not in _HOMES:
        raise AttributeError(f"module 'pvtprof' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
