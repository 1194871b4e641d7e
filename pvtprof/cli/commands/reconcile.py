"""`pvtprof reconcile`: which way of counting gives a printed figure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pvtprof.cli.kinds import Img, Listed
from pvtprof.cli.modules import refuse_model_options
from pvtprof.cli.options import format_option, model_option, set_option, task_options
from pvtprof.errors import UnavailableError
from pvtprof.report import output

if TYPE_CHECKING:
    from pvtprof.analytic.reconcile import Reconciled
    from pvtprof.designs.printed import Printed


@click.command()
@click.argument("figure")
@model_option()
@set_option
@click.option("--target", help="A module of your own in place of a model, as `derive` takes it.")
@click.option("--params", metavar="FIGURE", help="Printed parameters too, such as 27.4M.")
@click.option(
    "--img",
    "sizes",
    type=Listed(Img()),
    multiple=True,
    help="Sizes to try.  [default: those that papers use]",
)
@task_options
@format_option("table", "json")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    figure: str,
    model: str,
    changes: tuple[str, ...],
    target: str | None,
    params: str | None,
    sizes: tuple[tuple[tuple[int, int], ...], ...],
    task: str | None,
    proposals: int | None,
    form: str,
) -> None:
    """Say which convention, size, part and task give the printed FIGURE, such as 46.6G.

    Tries MACs and FLOPs, the papers' script, fvcore, torch, mmcv, thop, ptflops, calflops and
    torchinfo; with and without the products of attention and the head; classification, detection
    and segmentation. The likeliest is first. Exit code 3: nothing gives the figure.

    \b
    Examples:
      pvtprof reconcile 4.0G --model pvt_v2_b2
      pvtprof reconcile 45.8G --model pvt_v2_b2 --params 29.1M
      pvtprof reconcile 51G --model my_pvt.toml --img 640x640
      pvtprof reconcile 4.5G --target timm:convnext_tiny
    """
    from pvtprof.analytic.reconcile import SIZES, reconciled
    from pvtprof.designs.named import network
    from pvtprof.designs.printed import printed
    from pvtprof.report import reconciling

    tried = tuple(dict.fromkeys(size for listed in sizes for size in listed)) or SIZES
    read = printed(figure), printed(params) if params else None
    if target:
        refuse_model_options(ctx, "model", "changes", "task", "proposals")
        found = _of_target(target, tried, *read)
    else:
        spec = network(model, changes).used_for(task, proposals)
        found = reconciled(read[0], spec, tried, read[1])
    output.emit(reconciling.render(found, form))
    if not found.is_explained:
        sys.exit(UnavailableError.exit_code)


def _of_target(
    target: str, sizes: tuple[tuple[int, int], ...], figure: Printed, params: Printed | None
) -> Reconciled:
    """Return what gives the figure for a module of the user's own, by its derived form."""
    from pvtprof.derive.entry import derive
    from pvtprof.observe.target import load
    from pvtprof.run.form_reconciled import reconciled_form

    module, example = load(target)
    form = derive(module, example, verify=False, name=target)
    return reconciled_form(figure, form, sizes, params)
