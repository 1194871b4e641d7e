"""`pvtprof models`: the published models, or networks of one's own, with their cost."""

from __future__ import annotations

from typing import Any

import click

from pvtprof.cli.kinds import Models
from pvtprof.cli.notes import note_proposals
from pvtprof.cli.options import format_option, img_option, is_given, set_option, task_options
from pvtprof.report import output


@click.command()
@click.argument("names", type=Models(), nargs=-1, metavar="[MODEL]...")
@click.option(
    "--model", "more", type=Models(), multiple=True, metavar="MODEL", help="The same as MODEL."
)
@set_option
@click.option("--show", metavar="MODEL", help="Print MODEL as a design file, to start from.")
@img_option()
@task_options
@format_option("table", "json", "csv")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    names: tuple[tuple[str, ...], ...],
    more: tuple[tuple[str, ...], ...],
    changes: tuple[str, ...],
    show: str | None,
    img: tuple[int, int],
    form: str,
    **of_task: Any,
) -> None:
    """List the eleven published models, or each MODEL, with their params and MACs.

    MODEL is a published model, pvt_v2_b0_li to pvt_v2_b5_li, or a design file. Of a MODEL there is
    a table of its stages too. With --task: params and MACs of backbone, neck and head.

    \b
    Examples:
      pvtprof models --img 512
      pvtprof models --task semantic-fpn --img 512
      pvtprof models --show pvt_v2_b2 > my_pvt.toml
      pvtprof models my_pvt.toml --set depths=3,4,18,3
    """
    from pvtprof.analytic.parts import stage_summaries, summaries
    from pvtprof.designs.design_text import text
    from pvtprof.designs.named import check_names, network
    from pvtprof.designs.published import MODELS
    from pvtprof.report import listing

    given = tuple(name for listed in (*names, *more) for name in listed)
    if show is not None:
        if given:
            raise click.UsageError("--show prints one model; leave the others out")
        for param in ctx.command.params:
            if param.name in ("img", "form", *of_task) and is_given(ctx, param.name):
                raise click.UsageError(
                    f"--show prints a design file, which has no {param.opts[0]}; leave it out"
                )
        output.emit(text(network(show, changes)))
        return
    if not given and changes:
        raise click.UsageError("--set changes a model: name one, such as pvt_v2_b2")
    specs = [network(n, changes).used_for(**of_task) for n in dict.fromkeys(given or MODELS)]
    check_names(specs)
    note_proposals(ctx, of_task["task"])
    shown = [listing.render(summaries(specs, img), form)]
    if given and form == "table":
        for spec in specs:
            title = f"\nAttention of {spec.name}, one module per stage:\n"
            shown.append(title + listing.render(stage_summaries(spec, img), form))
    output.emit("".join(shown))
