"""The network that a user names: a published name, a design file or a value, and --set on top."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias
from zlib import crc32

from pvtprof.designs.checks import MAX_SIDE
from pvtprof.designs.design_file import KEYS, LISTS, PATCH_LISTS, checked_name, read, spec_of
from pvtprof.designs.design_text import values_of
from pvtprof.designs.published import NAMEABLE, canonical, model_spec
from pvtprof.designs.spec import ModelSpec
from pvtprof.errors import SpecError

#: A published name, the path of a design file, or the network itself.
Model: TypeAlias = str | os.PathLike[str] | ModelSpec
#: How a path of a design file ends, which no name of a model does.
SUFFIX = ".toml"
#: Keys whose text on the command line is a list, and those of which it may be one.
_LISTS, _MAY_LIST = (*LISTS, *PATCH_LISTS), ("attention", "qkv_bias", "img_size")
#: A name longer than this is shortened, so that files can be called by it.
MOST_CHARACTERS = 100


def network(model: Model, changes: Sequence[str] = ()) -> ModelSpec:
    """Return the network that ``model`` names, with the settings ``changes`` on top.

    A published name stands for the published network alone. Raises SpecError, or StoreError for a
    file that cannot be read.

    >>> network("pvt_v2_b2", ["depths=3,4,18,3"]).name
    'pvt_v2_b2+depths=3,4,18,3'
    >>> network("pvt_v2_b2", ["linear=true"]).stages == network("pvt_v2_b2_li").stages
    True
    """
    spec = _unchanged(model)
    if changes:
        spec = _changed(spec, changes)
    published = NAMEABLE.get(spec.name)
    if published and replace(spec, task=published.task, proposals=published.proposals) != published:
        differ = [k for k, v in values_of(spec).items() if values_of(published).get(k) != v]
        where = f" in {differ[0]}" if differ else ""
        raise SpecError(
            f"{_said(model)}: name is {spec.name}, and the published model of that name differs"
            f'{where}; give it another name, as name = "mine"'
        )
    return spec


def check_names(specs: Iterable[ModelSpec]) -> None:
    """Raise SpecError where two different networks have one name."""
    names = [spec.name for spec in dict.fromkeys(specs)]
    if twice := {name for name in names if names.count(name) > 1}:
        raise SpecError(
            f"two different models are called {min(twice)}; give one of them another name, with "
            "name = in its file, or leave --set name out"
        )


def path_of(model: Model) -> str | None:
    """Return the path of the design file that ``model`` names; None where it names none."""
    if isinstance(model, ModelSpec):
        return None
    path = os.fspath(model)
    if isinstance(model, str) and not path.lower().endswith(SUFFIX):
        return path if canonical(path) not in NAMEABLE and os.path.isfile(path) else None
    return path


def given_as(model: Model) -> str:
    """Return what names the network on a command line; "" for a value."""
    path = path_of(model)
    if path is not None:
        return path
    return "" if isinstance(model, ModelSpec) else model_spec(str(model)).name


def _unchanged(model: Model) -> ModelSpec:
    if isinstance(model, ModelSpec):
        checked_name(model.name)
        return model
    path = path_of(model)
    return model_spec(str(model)) if path is None else read(path)


def _said(model: Model) -> str:
    return "this ModelSpec" if isinstance(model, ModelSpec) else os.fspath(model)


def _changed(spec: ModelSpec, changes: Sequence[str]) -> ModelSpec:
    """Return the network with these settings on top, under a name of its own."""
    settings = dict(map(parsed, changes))
    if len(settings) < len(changes):
        keys = [parsed(one)[0] for one in changes]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise SpecError(f"--set {twice} is given {keys.count(twice)} times; give it once")
    try:
        found = spec_of(_on_top(values_of(spec), settings), spec.name)
    except SpecError as error:
        given = " ".join(f"--set {one}" for one in changes)
        raise SpecError(f"{spec.name} with {given}: {error}") from None
    if "name" in settings or found == spec:
        return found
    return replace(found, name=_name(spec.name, settings))


def _on_top(values: Mapping[str, object], settings: Mapping[str, object]) -> dict[str, object]:
    """Return the values with the settings, without those that a setting replaces."""
    replaced = {"linear": "attention", "patch_size": "patch_sizes", "patch_sizes": "patch_size"}
    gone = {other for key, other in replaced.items() if key in settings}
    if "patch_sizes" in settings:
        gone.add("paddings")
    return {key: value for key, value in values.items() if key not in gone} | dict(settings)


def _name(base: str, settings: Mapping[str, object]) -> str:
    said = [f"{key}={_words(value)}" for key, value in settings.items()]
    name = "+".join([base, *said])
    if len(name) <= MOST_CHARACTERS:
        return name
    return f"{base[:60]}+{len(said)}-settings-{crc32(name.encode()):08x}"


def _words(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(_words, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def parsed(change: str) -> tuple[str, object]:
    """Return the key and the value of a setting as the command line gives it.

    >>> parsed("depths=3,4,18,3"), parsed("qkv_bias=false"), parsed("img_size=64x96")
    (('depths', [3, 4, 18, 3]), ('qkv_bias', False), ('img_size', [64, 96]))
    """
    key, equals, text = (part.strip() for part in str(change).partition("="))
    if not (key and equals and text):
        raise SpecError(f"--set {change!r} is not KEY=VALUE; use such as depths=3,4,18,3")
    words = [word for word in re.split(r"[\s,;\[\]()]+", text) if word]
    if key == "img_size" and (sides := re.fullmatch(r"([0-9]{1,9})[xX]([0-9]{1,9})", text)):
        words = list(sides.groups())
    values = [_value(word) for word in words]
    if key in _LISTS or (key in _MAY_LIST and len(values) != 1):
        return key, values
    if key == "name" or key not in KEYS or len(values) != 1:
        return key, text
    return key, values[0]


def _value(word: str) -> object:
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    plain = word.strip("\"'")
    return int(plain) if re.fullmatch(rf"-?[0-9]{{1,{len(str(MAX_SIDE)) + 13}}}", plain) else plain
