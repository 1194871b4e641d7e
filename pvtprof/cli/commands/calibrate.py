"""`pvtprof calibrate`: measure this machine, so that latency can be predicted."""

from __future__ import annotations

from typing import Any

import click

from pvtprof.cli.folders import new_folders_named
from pvtprof.cli.options import (
    device_option,
    dtype_option,
    format_option,
    is_given,
    tf32_option,
)
from pvtprof.cli.progress import progress
from pvtprof.cli.store_options import from_option, machine_option, threads_option
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
@from_option
@machine_option
@threads_option
@click.option(
    "--calibration",
    "base",
    metavar="FILE",
    help="With --from: what the fit changes.  [default: this machine's calibration]",
)
@format_option("table", "json")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    path: str | None,
    force: bool,
    form: str,
    store: str | None,
    **options: Any,
) -> None:
    """Measure this machine, so that latency can be predicted without running anything.

    Times random attention modules and networks like PVT's, whole and operator by operator, and fits
    the time of each class of kernels. Prints rates beside the machine's best, and the error on
    modules that were held out, beside the noise. --from measures nothing: it fits the times of a
    sweep, keeps the result in the store, and writes FILE if it is given. Exit code 0; 2: wrong
    usage; 3: no such device.

    \b
    Examples:
      pvtprof calibrate
      pvtprof calibrate --budget 60 -o laptop.json
      pvtprof calibrate --from night.sqlite
    """
    from pvtprof import files

    of_store = {name: options.pop(name) for name in ("machine", "threads", "base")}
    if store is not None:
        _from_store(ctx, store, path, force, form, of_store | options)
        return
    for name, value in of_store.items():
        if value is not None:
            option = "calibration" if name == "base" else name
            raise click.UsageError(f"--{option} is for the store of a sweep; give --from STORE")
    from pvtprof.predict.calibrate import calibrate
    from pvtprof.predict.kept import keep, kept_path
    from pvtprof.report.commands import calibrating

    target = path or str(kept_path(options["device"], options["dtype"]))
    files.check_writable(target, force, ".json")
    with progress() as show:
        found = calibrate(**options, progress=show)
    output.emit(calibrating.render(found, form, output.width()))  # whatever becomes of the file
    with new_folders_named([path]), output.undisturbed():
        click.echo(keep(found, target, force), err=True)


def _from_store(
    ctx: click.Context,
    store: str,
    path: str | None,
    force: bool,
    form: str,
    options: dict[str, Any],
) -> None:
    """Fit the times of a store, and say how well that went."""
    from pvtprof import files
    from pvtprof.predict import calibration
    from pvtprof.report.commands import calibrating, fitted
    from pvtprof.sweep.keeping import Source, calibrate_from

    for name in ("budget_s", "seed", "tf32"):
        if is_given(ctx, name):
            option = name.removesuffix("_s")
            raise click.UsageError(f"--{option} is for measuring, and --from measures nothing")
        options.pop(name)
    if path:
        files.check_writable(path, force, ".json")
    with progress() as show:
        found = calibrate_from(store, Source(**options), show)
    output.emit(calibrating.render(found.calibration, form, output.width()))
    if form == "table":
        output.emit("\n" + "".join(f"{line}\n" for line in fitted.sentences(found)))
    with new_folders_named([path]):
        if path:
            calibration.save(found.calibration, path, force)
        output.name_written([store, *([path] if path else [])])
