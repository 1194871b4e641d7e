"""pvtprof: what an attention design really costs, by formula, by counter and by clock.

``build_model``, ``compare`` and ``load`` are imported when first used, so that ``import pvtprof``
and the command line stay light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pvtprof.comparison import compare
    from pvtprof.models.build import build_model
    from pvtprof.records import Run
    from pvtprof.store import load

__version__ = "0.1.0"
__all__ = ["Run", "build_model", "compare", "load"]

_HOMES = {
    "Run": "pvtprof.records",
    "build_model": "pvtprof.models.build",
    "compare": "pvtprof.comparison",
    "load": "pvtprof.store",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pvtprof' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
