"""`pvtprof choose`: the best designs under limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pvtprof.cli.folders import new_folders_named
from pvtprof.cli.kinds import DURATION, MEMORY
from pvtprof.cli.notes import note_proposals
from pvtprof.cli.options import format_option, task_options, workload_options
from pvtprof.cli.progress import progress
from pvtprof.cli.store_options import store_options
from pvtprof.report import output

if TYPE_CHECKING:
    from pvtprof.predict.choose import Found


@click.command()
@workload_options(searched=True)
@task_options
@click.option(
    "--within", "within_s", type=DURATION, help="The most predicted latency, such as 50ms."
)
@click.option("--memory", "memory_bytes", type=MEMORY, help="The most memory, such as 4GiB.")
@store_options
@click.option(
    "--calibration", metavar="FILE", help="Use this calibration in place of this machine's."
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
@click.pass_context
def command(
    ctx: click.Context,
    /,
    store: str | None,
    outputs: tuple[str, ...],
    force: bool,
    form: str,
    **options: Any,
) -> None:
    """Search every R and variant of every stage for the best designs.

    A design is shown if no other is better in predicted latency, MACs, params and memory at once.
    Nothing is built or run. Needs a calibration (`pvtprof calibrate`). Accuracy is not predicted:
    --only, --min-keys, --R and --pool-size say what is searched. With --task, the neck and the head
    are in every figure but latency: no calibration has seen their kernels, and they take the same
    time in every design. --from takes the times of a sweep in place of predictions, as far as there
    are any of this machine; --measure N makes N more first. Exit code 0; 2: wrong usage, or no
    design is within the limits.

    \b
    Examples:
      pvtprof choose --img 512 --within 50ms
      pvtprof choose --img 512 --within 200ms --memory 4GiB -o designs.html
      pvtprof choose --only sra_conv --min-keys 49
      pvtprof choose --task retinanet --img 800x1333
      pvtprof choose --from night.sqlite --measure 40 --img 512
    """
    from pvtprof import files
    from pvtprof.predict.kept import BUSY
    from pvtprof.report.commands import choosing

    files.check_all_writable(outputs, force, ".html")
    found = _found(store, options)
    note_proposals(ctx, found.model.task)
    if found.is_doubtful:
        click.echo(BUSY, err=True)
    shown = choosing.render(found, form, output.width())
    if outputs:
        with new_folders_named(outputs), output.shown_in_any_case(lambda: shown):
            output.save_pages(outputs, choosing.html(found), force)
    output.emit_then_name(shown, outputs)


def _found(store: str | None, options: dict[str, Any]) -> Found:
    """Return the answer by predictions alone, or by the times of a store."""
    from pvtprof.designs.named import network
    from pvtprof.predict import entry

    if store is None:
        for name in ("measure", "machine", "threads"):
            if options.pop(name) is not None:
                raise click.UsageError(f"--{name} is for the store of a sweep; give --from STORE")
        return entry.choose(network(options.pop("model"), options.pop("changes")), **options)
    from pvtprof.sweep import asking

    with progress() as show:
        options["measure"] = options["measure"] or 0
        return asking.choose(store, **options, progress=show)
