"""`pvtprof calibrate`: measure this machine, so that latency can be predicted."""

from __future__ import annotations

from typing import Any

import click

from pvtprof.cli.folders import new_folders_named
from pvtprof.cli.options import device_option, dtype_option, format_option, tf32_option
from pvtprof.cli.progress import progress
from pvtprof.designs.words import CALIBRATE_BUDGET_S
from pvtprof.report import output


@click.command()
@device_option
@dtype_option
@click.option(
    "--budget",
    "budget_s",
    type=float,
    default=CALIBRATE_BUDGET_S,
    show_default=True,
    help="Seconds of measuring, about.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the random modules to time."
)
@tf32_option
@click.option(
    "-o",
    "--output",
    "path",
    metavar="FILE",
    help="Write FILE (.json).  [default: where `compare` looks for it]",
)
@click.option("--force", is_flag=True, help="Replace a file that pvtprof did not write.")
@format_option("table", "json")
def command(path: str | None, force: bool, form: str, **options: Any) -> None:
    """Measure this machine, so that latency can be predicted without running anything.

    Times random attention modules and networks like PVT's, whole and operator by operator, and fits
    the time of each class of kernels. Prints rates beside the machine's best, and the error on
    modules that were held out, beside the noise. Exit code 0; 2: wrong usage; 3: no such device.

    \b
    Examples:
      pvtprof calibrate
      pvtprof calibrate --budget 60 -o laptop.json
    """
    from pvtprof import files
    from pvtprof.predict.calibrate import calibrate
    from pvtprof.predict.kept import keep, kept_path
    from pvtprof.report import calibrating

    target = path or str(kept_path(options["device"], options["dtype"]))
    files.check_writable(target, force, ".json")
    with progress() as show:
        found = calibrate(**options, progress=show)
    output.emit(calibrating.render(found, form, output.width()))  # whatever becomes of the file
    with new_folders_named([path]), output.undisturbed():
        click.echo(keep(found, target, force), err=True)
