"""Where a user's module comes from: a factory, a file, or a library's model without weights."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
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
_KINDS = "package.module:factory, file.py:factory, pvtprof:NAME, timm:NAME or transformers:CLASS"
#: Tokens of the example input of a language model.
TOKENS = 128


def load(target: str, weights: bool = False) -> tuple[nn.Module, Any]:
    """Return the module and the example input that a target names.

    ``package.module:factory``, ``path/to/file.py:factory``, ``pvtprof:NAME``, ``timm:NAME`` or
    ``transformers:CLASS[:config.json]``. The current folder is searched first. A library's model is
    built on meta unless ``weights`` are asked for; those are random. Raises SpecError for whatever
    goes wrong on the way.
    """
    home, _, name = target.partition(":")
    if not home or not name:
        raise SpecError(f"target {target!r} is not {_KINDS}; {_WAY_OUT}")
    library = _LIBRARIES.get(home)
    try:
        if library:
            return library(name, nullcontext() if weights else torch.device("meta"))
        built = _factory(target, home, name)()
    except SpecError:
        raise
    except USERS as error:
        raise SpecError(f"target {target!r} raises {said(error)}; {_WAY_OUT}") from None
    return _checked(target, built)


def built(target: str) -> Built:
    """Return the module that a target names and its input tensors, once it ran with weights.

    What takes or returns anything but tensors is flat then. Raises SpecError for whatever goes
    wrong on the way.
    """
    module, example = load(target, weights=True)
    args, kwargs = arguments(example)
    output = _ran(target, module, args, kwargs)
    if kwargs or not isinstance(output, Tensor) or not all(isinstance(x, Tensor) for x in args):
        return flat(module, args, kwargs)
    return module, args


def _ran(target: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
    """Return the module's output, checked to be finite tensors; the module is left as it was.

    All see the same random numbers.
    """
    try:
        with untouched(module, tensors((args, kwargs))), torch.no_grad():
            torch.manual_seed(0)
            output: object = module(*args, **kwargs)
    except USERS as error:
        raise SpecError(
            f"target {target!r}: its module raises {said(error)} for the example input; "
            "check the sizes of the example"
        ) from None
    if not (found := tensors(output)):
        raise SpecError(
            f"target {target!r}: its module returns {type(output).__name__} without a tensor in "
            "it; return a tensor, or a tuple, list or dict of tensors"
        )
    if not all(bool(torch.isfinite(tensor).all()) for tensor in found):
        raise SpecError(
            f"target {target!r}: its module returns values that are not finite; "
            "check its weights and the example input"
        )
    return output


def _factory(target: str, home: str, name: str) -> Callable[[], Any]:
    module: ModuleType | None = None
    try:
        module = _file(Path(home)) if home.endswith(".py") else _package(home)
        made = getattr(module, name)
    except USERS as error:
        way_out = ""
        if isinstance(error, ModuleNotFoundError) and error.name == home:
            way_out = f"; a target is {_KINDS}"
        if "," in name:
            way_out = "; a target is one factory: give --target again for another"
        elif isinstance(error, AttributeError) and module:
            way_out = _names_in(module)
        raise SpecError(f"target {target!r} does not import: {said(error)}{way_out}") from None
    if not callable(made):
        raise SpecError(f"target {target!r} is not callable; {_WAY_OUT}")
    factory: Callable[[], Any] = made
    return factory


def _names_in(module: ModuleType) -> str:
    """Return the way out that names the functions and classes which a module defines."""
    own = [
        name
        for name, value in vars(module).items()
        if callable(value)
        and getattr(value, "__module__", "") == module.__name__
        and not name.startswith("_")
    ]
    return f"; it has {', '.join(own[:8])}" if own else ""


def _package(name: str) -> ModuleType:
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    return importlib.import_module(name)


def _file(path: Path) -> ModuleType:
    """Return the module that a file is; it finds what lies beside it, as a script does."""
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
    if not isinstance(module, nn.Module) or not tensors(arguments(example)):
        raise SpecError(
            f"target {target!r} returns ({type(module).__name__}, {type(example).__name__}); "
            f"{_WAY_OUT}"
        )
    return module, example


def said(error: BaseException) -> str:
    """Return the kind of an error and the first line of its message."""
    return f"{type(error).__name__}: {first_line(error)}".removesuffix(": ")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")


Where = AbstractContextManager[Any]


def _pvtprof(name: str, where: Where) -> tuple[nn.Module, Any]:
    from pvtprof.models.build import build_model

    with where:
        module = build_model(name)
    return module, torch.zeros(1, 3, 224, 224)


def _timm(name: str, where: Where) -> tuple[nn.Module, Any]:
    try:
        timm = importlib.import_module("timm")
    except ImportError as error:
        missing = error.name or "timm"
        raise SpecError(
            f"timm:{name} needs {missing} ({first_line(error)}): pip install {missing}"
        ) from None
    if name not in timm.list_models():
        raise SpecError(f"timm has no model {name!r}; timm.list_models() has all names")
    with where:
        module = timm.create_model(name, pretrained=False).eval()
    return module, torch.zeros(1, *module.default_cfg.get("input_size", (3, 224, 224)))


def _transformers(name: str, where: Where) -> tuple[nn.Module, Any]:
    try:
        library = importlib.import_module("transformers")
    except ImportError:
        raise SpecError(
            f"transformers:{name} needs transformers: pip install transformers"
        ) from None
    cls_name, _, file = name.partition(":")
    cls = getattr(library, cls_name, None)
    if cls is None or not getattr(cls, "config_class", None):
        raise SpecError(
            f"transformers has no model class {cls_name!r}; use a class such as SegformerModel"
        )
    config = cls.config_class.from_json_file(file) if file else cls.config_class()
    with where:
        module = cls(config).eval()
    return module, _example(module, config)


def _example(module: Any, config: Any) -> dict[str, torch.Tensor]:
    """Return zeros for the main input of a transformers model, sized by its configuration."""
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


_LIBRARIES: dict[str, Callable[[str, Where], tuple[nn.Module, Any]]] = {
    "pvtprof": _pvtprof,
    "timm": _timm,
    "transformers": _transformers,
}
