"""`pvtprof formula`: the closed form of one attention design."""

from __future__ import annotations

from typing import Any

import click

from pvtprof.cli.kinds import Setting
from pvtprof.cli.notes import note_unused_settings
from pvtprof.cli.options import format_option
from pvtprof.designs.variants import VARIANTS
from pvtprof.report import output


@click.command()
@click.argument("variant", type=click.Choice(VARIANTS), metavar="VARIANT")
@click.option(
    "--at",
    "settings",
    type=Setting(),
    multiple=True,
    help="Put numbers in: model, img, R, batch or pool-size; repeatable.",
)
@format_option("text", "latex", "python")
def command(variant: str, settings: tuple[tuple[str, Any], ...], form: str) -> None:
    """Show the formula of an attention design: MACs and params, operator by operator.

    VARIANT is mha, sra_conv or sra_pool.

    \b
    Examples:
      pvtprof formula sra_conv
      pvtprof formula sra_conv --at img=512 --at R=4,2,2,1
      pvtprof formula sra_pool --format latex
    """
    from pvtprof.designs.workload import workload
    from pvtprof.report.commands import formula

    names = [name for name, _ in settings]
    for name in names:
        if names.count(name) > 1:
            given = next(word for word, (known, _) in Setting.kinds.items() if known == name)
            raise click.UsageError(f"--at {given} is given {names.count(name)} times; give it once")
    work = workload(**dict(settings)) if settings else None
    shown = formula.render(variant, form, work, output.width())
    note_unused_settings(variant, names)
    output.emit(shown)
