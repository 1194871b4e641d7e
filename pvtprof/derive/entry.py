"""Deriving as one function of plain values, as the command line does it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pvtprof.designs.checks import one_of
from pvtprof.designs.words import MODES
from pvtprof.errors import SpecError

if TYPE_CHECKING:
    from torch import nn

    from pvtprof.derive.form import Form
    from pvtprof.derive.inputs import Free


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
    sequence dimensions. ``at`` are further sizes that a piece must cover; ``ranges`` names a size
    with its first and last. ``verify`` holds the form to torch's counter, fvcore and live bytes at
    random sizes.

    Raises SpecError for wrong usage, DeriveError where the module has no closed form.

    >>> import torch
    >>> form = derive(torch.nn.Linear(64, 96), torch.zeros(1, 49, 64), verify=False)
    >>> form.macs, form(b=2, n=100).macs
    (6,144 b n, 1228800)
    """
    from torch import nn

    from pvtprof.derive import inputs
    from pvtprof.derive import verify as verifying
    from pvtprof.derive.deriving import Deriving
    from pvtprof.derive.form import Form

    if not isinstance(module, nn.Module):
        raise SpecError(f"derive takes a torch.nn.Module, not {type(module).__name__}")
    one_of("mode", mode, MODES)
    module = getattr(module, "_orig_mod", module)
    given = inputs.example(example, free)
    started = time.monotonic()
    work = Deriving(module, given, mode == "training", started + limit_s)
    pieces = work.pieces(at, ranges or {})
    form = Form(
        name or type(module).__name__,
        tuple(given.sizes),
        mode,
        tuple(pieces),
        given.sizes,
        remarks=tuple(dict.fromkeys((*work.remarks, *verifying.paths(module)))),
        seconds=time.monotonic() - started,
    )
    if verify:
        form = replace(form, checks=verifying.checks(module, given, form))
    return form
