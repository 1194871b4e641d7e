"""The modules of the user's own that a command line names."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import click

from pvtprof.cli.options import is_given

if TYPE_CHECKING:
    from pvtprof.run.targets import Wanted

#: Options that say what PVT's models are and run on.
OF_MODELS = (
    *("changes", "designs", "img", "sr_ratios", "dtype", "attention", "pool_size"),
    *("task", "proposals"),
)
#: Options that say how PVT's models are trained.
OF_TRAINING = ("optimizer", "amp", "checkpoint")
#: Options of modules of the user's own.
OF_MODULES = ("at", "free", "depth", "limit_s")


def own_modules(ctx: click.Context, options: MutableMapping[str, Any]) -> Wanted | None:
    """The modules that --target names and what is wanted of them; None where it names none.

    Takes their options out of ``options``; raises UsageError for one of them without a module.
    """
    targets = options.pop("targets")
    its = {name: options.pop(name) for name in OF_MODULES if name in options}
    if not targets:
        if given := [name for name in OF_MODULES if is_given(ctx, name)]:
            raise click.UsageError(
                f"--{given[0].removesuffix('_s')} is for modules of your own: name one with "
                "--target"
            )
        return None
    from pvtprof.designs.training import Training, refuse_own_modules
    from pvtprof.run.targets import DEPTH, Given, Wanted

    refuse_own_modules(Training(**{n: options[n] for n in OF_TRAINING if n in options}))
    if options.get("task"):
        raise click.UsageError(
            f"--task {options['task']} is for PVT's models, and --target names a module of your "
            "own: give only one of them"
        )
    at = dict(its["at"] or {})
    if is_given(ctx, "batch"):
        at.setdefault("b", options["batch"])
    return Wanted(
        [Given(target) for target in dict.fromkeys(targets)],
        at,
        its["free"],
        its.get("depth", DEPTH),
        options.get("mode", "inference"),
        its["limit_s"],
    )


def refuse_model_options(ctx: click.Context, *names: str) -> None:
    """Raise UsageError where an option of PVT's models is given though none is asked for."""
    for param in ctx.command.params:
        if param.name in names and is_given(ctx, param.name):
            way_out = "leave it" if "model" in names else "name one with --model, or leave it"
            raise click.UsageError(f"{param.opts[0]} is for PVT's models: {way_out}")
