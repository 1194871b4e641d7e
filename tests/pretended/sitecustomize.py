"""Read by Python at its start, where the tests put this folder on PYTHONPATH."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads the real torch, and then puts the pretended GPU in it."""

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        sys.path.insert(0, REPOSITORY)
        try:
            card = importlib.import_module("tests.pretended.card")
        finally:
            sys.path.remove(REPOSITORY)
        card.install(module)

    def get_data(self, path: str) -> bytes:
        data = super().get_data(path)
        if os.path.basename(path) != "version.py":
            return data
        return data.replace(b"+cpu", b"+cu130").replace(b"= None", b"= '13.0'", 1)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def] # as Python asks
        if name != "torch":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name)
        if spec is not None and spec.origin:
            spec.loader = _Loader(name, spec.origin)
        return spec


if os.environ.get("PRETENDED_GPU") is not None:
    sys.meta_path.insert(0, _Finder())
