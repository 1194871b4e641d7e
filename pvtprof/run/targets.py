"""Modules of the user's own in a run: what is asked, and what is derived of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from pvtprof.designs.design import TargetDesign
from pvtprof.designs.named import SUFFIX, Model
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.words import DTYPES
from pvtprof.errors import SpecError

if TYPE_CHECKING:
    from torch import nn

    from pvtprof.derive.form import Form
    from pvtprof.observe.inputs import Example
    from pvtprof.observe.target_subject import TargetSubject

#: Submodules have rows down to this depth.
DEPTH = 1
#: Seconds that deriving one module may take.
LIMIT_S = 60.0


@dataclass(frozen=True)
class Given:
    """A module as it was given: by its target, or itself with an example input."""

    target: str | None = None
    module: nn.Module | None = None
    example: Any = None

    @property
    def name(self) -> str:
        """What tables call it: the target, or the class of the module."""
        return self.target or type(self.module).__name__


def sorted_out(models: Any, example: Any = None) -> tuple[list[Model], list[Given]]:
    """The networks, and the modules of the user's own, of what ``compare`` was given.

    A text with a colon is a target, unless it names a design file; ``example`` is the input of
    every module.

    >>> sorted_out(["pvt_v2_b0", "windows.py:attention"])
    (['pvt_v2_b0'], [Given(target='windows.py:attention', module=None, example=None)])
    """
    several = models if isinstance(models, list | tuple) else [models]
    names: list[Model] = []
    own = []
    for one in several:
        if isinstance(one, PathLike | ModelSpec) or (isinstance(one, str) and not _is_target(one)):
            names.append(one)
        else:
            own.append(Given(one) if isinstance(one, str) else Given(None, one, example))
    return names, own


def _is_target(word: str) -> bool:
    return ":" in word and not word.lower().endswith(SUFFIX)


@dataclass(frozen=True)
class Wanted:
    """What is wanted of the user's own modules: at which sizes, and down to which submodules.

    ``at`` are sizes by name, of every module that has them; ``free`` names them, as `derive` takes
    it. ``mode`` "training" is a forward pass and its backward.
    """

    given: Sequence[Given]
    at: Mapping[str, int]
    free: str | None = None
    depth: int = DEPTH
    mode: str = "inference"
    limit_s: float = LIMIT_S

    def __post_init__(self) -> None:
        if not isinstance(self.depth, int) or self.depth < 0:
            raise SpecError(f"depth is {self.depth!r}; use 0 (the whole alone), 1, 2, ...")


@dataclass(frozen=True)
class Target:
    """A module of the user's own in a run.

    ``forms`` are its closed forms by mode: of a forward pass, and where asked of a training step.
    """

    design: TargetDesign
    setting: Setting
    subject: TargetSubject
    forms: Mapping[str, Form]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What its closed forms say of themselves."""
        found = [said for form in self.forms.values() for said in form.remarks]
        found += [said for form in self.forms.values() for said in form.main.remarks]
        return tuple(dict.fromkeys(found))


def targets(
    wanted: Wanted, device: str, progress: Callable[[str], None] = lambda text: None
) -> tuple[Target, ...]:
    """Every module, derived at its sizes; raises SpecError or DeriveError where that cannot be."""
    loaded = [_loaded(given, wanted.free) for given in wanted.given]
    known = dict.fromkeys(name for _, _, example in loaded for name in example.sizes)
    if unknown := wanted.at.keys() - known.keys():
        raise SpecError(
            f"no module has a size {sorted(unknown)[0]!r}; there are {', '.join(known)}"
        )
    names = _names([given.name for given in wanted.given])
    found = []
    for name, (given, module, example) in zip(names, loaded, strict=True):
        progress(f"deriving {name}")
        found.append(_target(wanted, name, given, (module, example), device))
    return tuple(found)


def _names(names: Sequence[str]) -> list[str]:
    """The names, equal ones numbered."""
    return [
        name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    ]


def _loaded(given: Given, free: str | None) -> tuple[Given, nn.Module, Example]:
    from pvtprof.derive.entry import checked_module
    from pvtprof.observe import inputs
    from pvtprof.observe.target import load

    if given.target is not None:
        module, example = load(given.target)
        return given, module, inputs.example(example, free)
    module = checked_module(given.module)
    if given.example is None:
        raise SpecError(f"{given.name} was given without an example input: compare(..., example=x)")
    return given, module, inputs.example(given.example, free)


def _target(
    wanted: Wanted, name: str, given: Given, loaded: tuple[nn.Module, Example], device: str
) -> Target:
    from pvtprof.derive.entry import Reach, derived
    from pvtprof.observe.target import load
    from pvtprof.observe.target_subject import TargetSubject

    module, example = loaded
    sizes = {n: wanted.at.get(n, size) for n, size in example.sizes.items()}
    modes = dict.fromkeys(("inference", wanted.mode))
    reach = Reach([sizes], limit_s=wanted.limit_s)
    forms = {mode: derived(module, example, mode, name, reach) for mode in modes}
    target = given.target
    build = (lambda: load(target, weights=True)[0]) if target else None
    setting = Setting(
        0,
        0,
        sizes.get("b", 1),
        _dtype(module, example),
        device,
        mode=wanted.mode,
        sizes=tuple(sizes.items()),
    )
    design = TargetDesign(name, target, wanted.free, example.first_shape)
    return Target(design, setting, TargetSubject(module, example, sizes, build), forms)


def _dtype(module: nn.Module, example: Example) -> str:
    """The dtype of the module's parameters; of its input where it has none."""
    tensors = [*module.parameters(), *example.tensors]
    kinds = [str(t.dtype).removeprefix("torch.") for t in tensors if t.is_floating_point()]
    found = next(iter(kinds), "float32")
    if found not in DTYPES:
        raise SpecError(f"the module computes in {found}; use one of {', '.join(DTYPES)}")
    return found


def placed(target: Target, device: str) -> Target:
    """The same on another device."""
    return replace(target, setting=replace(target.setting, device=device))
