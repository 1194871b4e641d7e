"""`pvtprof models`: the published models with their cost."""

from __future__ import annotations

import click

from pvtprof.cli.notes import note_proposals
from pvtprof.cli.options import format_option, img_option, task_options
from pvtprof.report import output


@click.command()
@img_option()
@task_options
@format_option("table", "json", "csv")
@click.pass_context
def command(
    ctx: click.Context, /, img: tuple[int, int], task: str, proposals: int, form: str
) -> None:
    """List the eleven published models with their params and MACs.

    With --task: those of backbone, neck and head.

    \b
    Examples:
      pvtprof models --img 512
      pvtprof models --task semantic-fpn --img 512
    """
    from pvtprof.analytic.parts import published
    from pvtprof.report import listing

    note_proposals(ctx, task)
    output.emit(listing.render(published(img, task, proposals), form))
