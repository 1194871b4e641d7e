"""`pvtprof choose`: the best designs under limits."""

from __future__ import annotations

from typing import Any

import click

from pvtprof.cli.folders import new_folders_named
from pvtprof.cli.kinds import DURATION, MEMORY
from pvtprof.cli.options import format_option, workload_options
from pvtprof.report import output


@click.command()
@workload_options(hidden=("--R", "--pool-size"))
@click.option(
    "--within", "within_s", type=DURATION, help="The most predicted latency, such as 50ms."
)
@click.option("--memory", "memory_bytes", type=MEMORY, help="The most memory, such as 4GiB.")
@click.option(
    "--calibration", "path", metavar="FILE", help="Use this calibration in place of this machine's."
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FILE",
    help="Write FILE (.html); repeatable.",
)
@click.option("--force", is_flag=True, help="Replace files that pvtprof did not write.")
@format_option("table", "csv", "json")
def command(outputs: tuple[str, ...], force: bool, form: str, **options: Any) -> None:
    """Search every R and variant of every stage for the best designs.

    A design is shown if no other is better in predicted latency, MACs, params and memory at once.
    Nothing is built or run. Needs a calibration (`pvtprof calibrate`). Accuracy is not predicted.
    Exit code 0; 2: wrong usage, or no design is within the limits.

    \b
    Examples:
      pvtprof choose --img 512 --within 50ms
      pvtprof choose --img 512 --within 200ms --memory 4GiB -o designs.html
    """
    from pvtprof import files
    from pvtprof.designs.workload import workload
    from pvtprof.predict import calibration
    from pvtprof.predict.choose import choose
    from pvtprof.predict.kept import BUSY, known_calibration
    from pvtprof.report import choosing

    if options.pop("sr_ratios") is not None or options.pop("pool_size") is not None:
        raise click.UsageError(
            "choose searches every R and pool size; leave --R and --pool-size out"
        )
    files.check_all_writable(outputs, force, ".html")
    path, device = options.pop("path"), options.pop("device")
    limits = {name: options.pop(name) for name in ("within_s", "memory_bytes")}
    work = workload(**options)
    if path:
        known = calibration.load_for(path, work.dtype)
    else:
        known = known_calibration(device, work.dtype)
    if known.is_doubtful:
        click.echo(BUSY, err=True)
    found = choose(work.model, work.setting, known, **limits)
    shown = choosing.render(found, form, output.width())
    if outputs:
        with new_folders_named(outputs), output.shown_in_any_case(lambda: shown):
            output.save_pages(outputs, choosing.html(found), force)
    output.emit_then_name(shown, outputs)
