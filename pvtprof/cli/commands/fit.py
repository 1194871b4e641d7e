"""`pvtprof fit`: the largest image and batch that fit into memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from pvtprof.cli import exit_codes
from pvtprof.cli.kinds import MEMORY
from pvtprof.cli.modules import OF_MODELS, own_modules, refuse_model_options
from pvtprof.cli.notes import note_large_pool, note_proposals
from pvtprof.cli.options import (
    design_option,
    format_option,
    target_options,
    task_options,
    workload_options,
)
from pvtprof.cli.progress import progress
from pvtprof.cli.training_options import training_options
from pvtprof.report import output

if TYPE_CHECKING:
    from pvtprof.observe.environment import Room
    from pvtprof.run.targets import Wanted


@click.command()
@workload_options()
@design_option
@task_options
@click.option("--memory", type=MEMORY, help="Such as 24GiB.  [default: the device's]")
@click.option(
    "--check", is_flag=True, help="Check every answer, and one step beyond it, on fake tensors."
)
@training_options
@target_options
@format_option("table", "json", "csv")
@click.pass_context
def command(
    ctx: click.Context, /, memory: int | None, device: str, check: bool, form: str, **options: Any
) -> None:
    """Find the largest image and the largest batch that fit into memory.

    For mha, sra_conv and sra_pool, in inference and in training, by formula; without --check,
    nothing is built or run. With --target: the largest sizes of your own modules, where their
    closed forms are proven. Exit code 0; 1: --check disagrees; 2: wrong usage; 3: no such device.

    \b
    Examples:
      pvtprof fit --memory 24GiB
      pvtprof fit --memory 16GiB --model pvt_v2_b5 --batch 32 --dtype bfloat16
      pvtprof fit --memory 24GiB --task mask-rcnn --img 800x1333
      pvtprof fit --memory 24GiB --img 800x1333 --batch 2 --optimizer adamw --checkpoint
      pvtprof fit --memory 24GiB --target windows.py:attention
    """
    from pvtprof.observe.environment import Room, device_memory
    from pvtprof.report.commands import fitting

    if memory is not None and device != "auto":
        raise click.UsageError("--memory and --device both give the memory; give only one of them")
    wanted = own_modules(ctx, options)
    room = Room("the given memory", memory) if memory else device_memory(device)
    if wanted:
        refuse_model_options(ctx, "model", *OF_MODELS)
        agreements = _own(wanted, room, form)
    else:
        from pvtprof.analytic.fit import fits
        from pvtprof.designs.workload import workload_to_fit
        from pvtprof.run.fit_checks import checks

        work = workload_to_fit(**options)
        found = fits(work.designs, work.setting, room.bytes)  # refuses what cannot be
        note_large_pool(ctx, [work])
        note_proposals(ctx, work.task)
        output.emit(fitting.render(found, fitting.whose(room), form, output.width()))
        agreements = checks(found)
    if check and not _agrees(agreements):
        sys.exit(exit_codes.DISAGREES)


def _own(wanted: Wanted, room: Room, form: str) -> Iterator[tuple[str, int, int]]:
    """Print what fits of the user's own modules; returns what the witness says of it."""
    from pvtprof.report.commands import fitting, own_fitting
    from pvtprof.run.target_fit import checks, fits

    with progress() as show:
        found = fits(wanted, room.bytes, show)
    output.emit(own_fitting.render(found, fitting.whose(room), form))
    return checks(found)


def _agrees(checks: Iterator[tuple[str, int, int]]) -> bool:
    """Return whether the observed live bytes agree with every answer; print differences."""
    agreements = []
    with progress() as show:
        for what, formula, observed in checks:
            show(f"checking {what}")
            agreements.append(formula == observed)
            if formula != observed:
                click.echo(f"- {what}: formula {formula}, observed {observed} bytes", err=True)
    count = f"{sum(agreements)} of {len(agreements)}"
    click.echo(f"checked on fake tensors: {count} sizes agree", err=True)
    return all(agreements)
