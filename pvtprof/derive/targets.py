"""Where a module comes from: a factory, a file, or a library's model without weights."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from pvtprof.derive.failures import first_line
from pvtprof.errors import SpecError

#: What a user's code may raise: anything but Ctrl-C.
_USERS = (Exception, SystemExit)
_WAY_OUT = "a factory takes no arguments and returns (module, example input)"
TOKENS = 128


def load(target: str) -> tuple[nn.Module, Any]:
    """The module and the example input that a target names.

    ``package.module:factory``, ``path/to/file.py:factory``, ``pvtprof:NAME``, ``timm:NAME`` or
    ``transformers:CLASS[:config.json]``. Raises SpecError for whatever goes wrong on the way.
    """
    home, _, name = target.partition(":")
    if not home or not name:
        raise SpecError(
            f"target {target!r} is not package.module:factory, file.py:factory, pvtprof:NAME, "
            "timm:NAME or transformers:CLASS"
        )
    library = _LIBRARIES.get(home)
    try:
        if library:
            return library(name)
        built = _factory(target, home, name)()
    except SpecError:
        raise
    except _USERS as error:
        said = f"{type(error).__name__}: {first_line(error)}".strip(": ")
        raise SpecError(f"target {target!r} raises {said}") from None
    return _checked(target, built)


def _factory(target: str, home: str, name: str) -> Callable[[], Any]:
    try:
        module = _file(Path(home)) if home.endswith(".py") else _package(home)
        made = getattr(module, name)
    except _USERS as error:
        said = f"{type(error).__name__}: {first_line(error)}".strip(": ")
        raise SpecError(f"target {target!r} does not import: {said}") from None
    if not callable(made):
        raise SpecError(f"target {target!r} is not callable; {_WAY_OUT}")
    factory: Callable[[], Any] = made
    return factory


def _package(name: str) -> ModuleType:
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    return importlib.import_module(name)


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    spec.loader.exec_module(module)
    return module


def _checked(target: str, built: Any) -> tuple[nn.Module, Any]:
    if not isinstance(built, tuple | list) or len(built) != 2:
        raise SpecError(f"target {target!r} returns {type(built).__name__}; {_WAY_OUT}")
    module, example = built
    if not isinstance(module, nn.Module):
        raise SpecError(
            f"target {target!r} returns ({type(module).__name__}, {type(example).__name__}); "
            f"{_WAY_OUT}"
        )
    return module, example


def _pvtprof(name: str) -> tuple[nn.Module, Any]:
    from pvtprof.models.build import build_model

    with torch.device("meta"):
        module = build_model(name)
    return module, torch.zeros(1, 3, 224, 224)


def _timm(name: str) -> tuple[nn.Module, Any]:
    try:
        timm = importlib.import_module("timm")
    except ImportError as error:
        raise SpecError(f"timm:{name} needs timm ({first_line(error)}): pip install timm") from None
    if name not in timm.list_models():
        raise SpecError(f"timm has no model {name!r}; timm.list_models() has all names")
    with torch.device("meta"):
        module = timm.create_model(name, pretrained=False).eval()
    return module, torch.zeros(1, *module.default_cfg.get("input_size", (3, 224, 224)))


def _transformers(name: str) -> tuple[nn.Module, Any]:
    try:
        library = importlib.import_module("transformers")
    except ImportError:
        raise SpecError(
            f"transformers:{name} needs transformers: pip install transformers"
        ) from None
    cls_name, _, file = name.partition(":")
    cls = getattr(library, cls_name, None)
    if cls is None or not getattr(cls, "config_class", None):
        raise SpecError(f"transformers has no model class {cls_name!r}")
    config = cls.config_class.from_json_file(file) if file else cls.config_class()
    with torch.device("meta"):
        module = cls(config).eval()
    return module, _example(module, config)


def _example(module: Any, config: Any) -> dict[str, torch.Tensor]:
    """Zeros for the main input of a transformers model, as large as its configuration says."""
    key = module.main_input_name
    if key == "input_ids":
        most = getattr(config, "max_position_embeddings", 512) or 512
        config.use_cache = False
        return {key: torch.zeros(1, min(TOKENS, most), dtype=torch.int64)}
    if key == "input_features":
        return {key: torch.zeros(1, config.num_mel_bins, 2 * config.max_source_positions)}
    size = getattr(config, "image_size", 224) or 224
    height, width = size if isinstance(size, tuple | list) else (size, size)
    return {key: torch.zeros(1, getattr(config, "num_channels", 3), height, width)}


_LIBRARIES: dict[str, Callable[[str], tuple[nn.Module, Any]]] = {
    "pvtprof": _pvtprof,
    "timm": _timm,
    "transformers": _transformers,
}
