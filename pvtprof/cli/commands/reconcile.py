"""`pvtprof reconcile`: what gives a printed number of MACs, FLOPs or parameters."""

from __future__ import annotations

import sys
from typing import Any

import click

from pvtprof.cli import exit_codes
from pvtprof.cli.modules import own_modules, refuse_model_options
from pvtprof.cli.options import (
    format_option,
    img_option,
    model_option,
    set_option,
    target_options,
)
from pvtprof.designs.tasks import TASKS
from pvtprof.report import output


@click.command()
@click.argument("figure", required=False)
@click.option("--params", metavar="NUMBER", help="A printed number of parameters, as 27.4M.")
@model_option()
@set_option
@img_option(True, (), "Sizes to try.  [default: those of papers, 224 to 1024x2048]")
@click.option("--task", metavar="TASK", help=f"Only this use of the model: {', '.join(TASKS)}.")
@target_options
@format_option("table", "json")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    figure: str | None,
    params: str | None,
    model: str,
    changes: tuple[str, ...],
    img: tuple[tuple[int, int], ...],
    task: str | None,
    form: str,
    **options: Any,
) -> None:
    """Explain a printed FIGURE: which convention, size, parts and unit give its digits.

    FIGURE is such as 46.6G, "46.6 GFLOPs", 482M or 3.9e9. What needs the fewest assumptions comes
    first, with its exact count. Without --task, every task of PVT is tried.
    Exit code 0: explained; 2: wrong usage; 3: no convention of pvtprof gives the figure.

    \b
    Examples:
      pvtprof reconcile 4.0G --model pvt_v2_b2
      pvtprof reconcile "45.8 GFLOPs" --params 29.1M --task semantic-fpn --img 512
      pvtprof reconcile 1.2G --target windows.py:attention --at h=56,w=56
    """
    from pvtprof.designs.named import network
    from pvtprof.report.commands import reconciling
    from pvtprof.run.reconcile import reconciled

    wanted = own_modules(ctx, {**options, "task": task})
    if wanted:
        from pvtprof.run.target_reconcile import reconcile_target

        refuse_model_options(ctx, "model", "changes", "img", "task")
        if len(wanted.given) > 1:
            raise click.UsageError("--target has several values; give one")
        name, found = wanted.given[0].name, reconcile_target(wanted, figure, params)
    else:
        spec = network(model, changes)
        name, found = spec.name, reconciled(spec, figure, params, img, task)
    output.emit(reconciling.render(name, found, form, output.width()))
    if not all(one.is_explained for one in found):
        sys.exit(exit_codes.UNDECIDED)
