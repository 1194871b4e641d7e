"""`pvtprof report`: the pages of saved runs, without measuring."""

from __future__ import annotations

import click

from pvtprof.cli.folders import new_folders_named
from pvtprof.cli.notes import note_table_alone
from pvtprof.cli.options import outputs_options
from pvtprof.report import output


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE... | FOLDER | STORE")
@outputs_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    paths: tuple[str, ...],
    outputs: tuple[str, ...],
    form: str,
    full: bool,
    exact: bool,
    force: bool,
    anonymous: bool,
) -> None:
    """Make the pages of saved runs again, without measuring.

    FILE: writes its page beside it. Several, up to eight: puts the runs on one page, A-vs-B.html
    beside the first. FOLDER: writes its index.html, which lists its runs. STORE, of a sweep: writes
    a page of all its rows, to filter and to compare.

    \b
    Examples:
      pvtprof report reports/xeon-2-cores-224.json -o page.html
      pvtprof report reports/xeon-2-cores-224.json reports/xeon-2-cores-512.json
      pvtprof report reports
      pvtprof report night.sqlite -o page.html
    """
    from pvtprof.report import saved

    note_table_alone(ctx, form)
    shown = output.Table(full, exact)
    with new_folders_named(outputs):
        text, written = saved.written(paths, outputs, (form, shown), force, anonymous)
    output.emit_then_name(text, written)
