"""`pvtprof fit`: the largest image and batch that fit into memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from pvtprof.cli import exit_codes
from pvtprof.cli.kinds import MEMORY
from pvtprof.cli.options import format_option, workload_options
from pvtprof.cli.progress import progress
from pvtprof.report import output

if TYPE_CHECKING:
    from pvtprof.analytic.fit import Fits


@click.command()
@workload_options()
@click.option("--memory", type=MEMORY, help="Such as 24GiB.  [default: the device's]")
@click.option(
    "--check", is_flag=True, help="Check every answer, and one step beyond it, on fake tensors."
)
@format_option("table", "json", "csv")
def command(memory: int | None, device: str, check: bool, form: str, **options: Any) -> None:
    """Find the largest image and the largest batch that fit into memory.

    For mha, sra_conv and sra_pool, in inference and in training, by formula; without --check,
    nothing is built or run. Exit code 0; 1: --check disagrees; 2: wrong usage; 3: no such device.

    \b
    Examples:
      pvtprof fit --memory 24GiB
      pvtprof fit --memory 16GiB --model pvt_v2_b5 --batch 32 --dtype bfloat16
    """
    from pvtprof.analytic.fit import fits
    from pvtprof.designs.workload import workload
    from pvtprof.observe.environment import Room, device_memory
    from pvtprof.report import fitting

    if memory is not None and device != "auto":
        raise click.UsageError("--memory and --device both give the memory; give only one of them")
    work = workload(**options)
    room = Room("the given memory", memory) if memory else device_memory(device)
    found = fits(work.designs, work.setting, room.bytes)
    output.emit(fitting.render(found, fitting.whose(room), form, output.width()))
    if check and not _agrees(found):
        sys.exit(exit_codes.DISAGREES)


def _agrees(found: Fits) -> bool:
    """Return whether the observed live bytes agree with every answer; print differences."""
    from pvtprof.run.fit_checks import checks

    agreements = []
    with progress() as show:
        for what, formula, observed in checks(found):
            show(f"checking {what}")
            agreements.append(formula == observed)
            if formula != observed:
                click.echo(f"- {what}: formula {formula}, observed {observed} bytes", err=True)
    count = f"{sum(agreements)} of {len(agreements)}"
    click.echo(f"checked on fake tensors: {count} sizes agree", err=True)
    return all(agreements)
