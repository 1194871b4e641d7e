"""`pvtprof models`: the published models with their cost."""

from __future__ import annotations

import click

from pvtprof.cli.options import format_option, img_option
from pvtprof.report import output


@click.command()
@img_option()
@format_option("table", "json", "csv")
def command(img: tuple[int, int], form: str) -> None:
    """List the eleven published models with their params and MACs.

    \b
    Example:
      pvtprof models --img 512
    """
    from pvtprof.analytic.parts import published
    from pvtprof.report import listing

    output.emit(listing.render(published(img), form))
