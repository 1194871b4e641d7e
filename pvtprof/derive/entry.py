"""Deriving as one function of plain values, as the command line does it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pvtprof.designs.checks import one_of
from pvtprof.designs.words import MODES
from pvtprof.errors import SpecError

if TYPE_CHECKING:
    from torch import nn

    from pvtprof.derive.form import Form
    from pvtprof.observe.inputs import Example, Free


def derive(
    module: nn.Module,
    example: object,
    free: Free | None = None,
    *,
    mode: str = "inference",
    at: Iterable[Mapping[str, int]] = (),
    ranges: Mapping[str, tuple[int, int]] | None = None,
    limit_s: float = 60.0,
    verify: bool = True,
    name: str = "",
) -> Form:
    """Return the closed form of a module: MACs, params, moved, live and saved bytes.

    ``example`` is an input: a tensor, a tuple or a dict of tensors and numbers. ``free`` names the
    dimensions that vary, as "b=0,h=2,w=3" or {"h": (0, 2)}; default: batch, and spatial or
    sequence dimensions. ``at`` lists sizes that the form must cover too, as [{"h": 512}];
    ``ranges`` gives ranges that it must cover, as {"h": (64, 512)}. ``verify`` compares the form
    with torch's counter, fvcore and live bytes at random sizes.

    Raises SpecError for wrong usage, DeriveError if the module has no closed form.

    >>> import torch
    >>> form = derive(torch.nn.Linear(64, 96), torch.zeros(1, 49, 64), verify=False)
    >>> form.macs, form(b=2, n=100).macs
    (6,144 b n, 1228800)
    """
    from pvtprof.derive import verify as verifying
    from pvtprof.observe import inputs

    module = checked_module(module)
    given = inputs.example(example, free)
    reach = Reach(at, ranges or {}, limit_s)
    form = derived(module, given, mode, name or type(module).__name__, reach)
    if verify:
        form = replace(form, checks=verifying.checks(module, given, form))
    return form


@dataclass(frozen=True)
class Reach:
    """Which sizes a form must cover beside the example's, and seconds that deriving may take."""

    at: Iterable[Mapping[str, int]] = ()
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    limit_s: float = 60.0


def checked_module(module: object) -> nn.Module:
    """Return the module, or what torch.compile wraps; raise SpecError for anything else."""
    from torch import nn

    if not isinstance(module, nn.Module):
        raise SpecError(f"derive takes a torch.nn.Module, not {type(module).__name__}")
    return getattr(module, "_orig_mod", module)


def derived(module: nn.Module, example: Example, mode: str, name: str, reach: Reach) -> Form:
    """Return the closed form of a module in one mode, held to no witness."""
    from pvtprof.derive import verify as verifying
    from pvtprof.derive.deriving import Deriving
    from pvtprof.derive.form import Form

    one_of("mode", mode, MODES)
    started = time.monotonic()
    work = Deriving(module, example, mode == "training", started + reach.limit_s)
    pieces = work.pieces(reach.at, reach.ranges)
    return Form(
        name,
        tuple(example.sizes),
        mode,
        tuple(pieces),
        example.sizes,
        remarks=tuple(dict.fromkeys((*work.remarks, *verifying.paths(module)))),
        seconds=time.monotonic() - started,
    )
