"""`pvtprof check`: fail if attention changed or became slower."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from pvtprof.cli import exit_codes
from pvtprof.cli.folders import new_folders_named
from pvtprof.cli.kinds import Tolerance
from pvtprof.cli.notes import note_proposals
from pvtprof.cli.options import task_options, tf32_option, workload_options
from pvtprof.cli.progress import progress
from pvtprof.designs.words import CHECK_BUDGET_S, MODES
from pvtprof.errors import StoreError, UnavailableError
from pvtprof.report import output

if TYPE_CHECKING:
    from pvtprof.check.result import GateResult


@click.command()
@click.argument("baseline", required=False)
@click.option("--update", is_flag=True, help="Write BASELINE again: accept what changed.")
@click.option("--latency", is_flag=True, help="With --update: store times of this machine too.")
@click.option(
    "--require-latency",
    is_flag=True,
    help="Exit with 3 if the times in BASELINE cannot be compared here.",
)
@click.option(
    "--samples",
    metavar="FILE",
    help="Compare this file or folder of pytest-benchmark with BASELINE, another one.",
)
@click.option("--base", help="A git ref or a folder: time it against this checkout.")
@click.option("--base-python", help="Python for the base.  [default: this one]", metavar="PYTHON")
@click.option("--row", "rows", multiple=True, help="Time only this row; repeatable.")
@click.option(
    "--budget",
    "budget_s",
    type=float,
    default=CHECK_BUDGET_S,
    show_default=True,
    help="Seconds of timing for each row, about.",
)
@click.option(
    "--fail-on",
    "tolerance",
    type=Tolerance(),
    help="The slowdown that must not pass.  [default: latency:5% with --base, else 10%]",
)
@click.option("--junit", metavar="FILE", help="Write the verdicts as JUnit XML.")
@click.option(
    "--markdown",
    metavar="FILE",
    help="Write the verdicts as Markdown, and to GitHub's step summary.",
)
@click.option("--target", help="A module of your own: package.module:factory.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="inference",
    show_default=True,
    help="Peak memory of inference, or of a whole training step.",
)
@workload_options()
@task_options
@tf32_option
@click.option("--force", is_flag=True, help="Replace a file that pvtprof did not write.")
@click.pass_context
def command(
    ctx: click.Context, /, junit: str | None, markdown: str | None, force: bool, **options: Any
) -> None:
    """Fail if attention changed (against BASELINE) or became slower (against --base).

    BASELINE holds exact figures: params, counts, operators, peak and saved bytes. It also says what
    runs. --update writes it, for the rows that other options name, or else for its own rows. Times
    in it (--latency) are compared if device, driver, torch, threads, dtype and attention are the
    same. --base times two versions in turns on one core. Exit code 0: nothing changed; 1: changed
    or slower; 2: wrong usage; 3: could not be decided or measured here.

    \b
    Examples:
      pvtprof check baseline.json --update --model pvt_v2_b2 --img 224
      pvtprof check baseline.json
      pvtprof check detector.json --update --task retinanet --img 256
      pvtprof check --base main --row "stage 1 sra_conv"
      pvtprof check --base main --target my_package.my_module:factory
      pvtprof check before.json --samples now.json
    """
    from pvtprof import files
    from pvtprof.check.gates import results
    from pvtprof.check.request import request
    from pvtprof.check.result import together

    asked = request({**options, "force": force}, _given(ctx), may_exit=True)
    note_proposals(ctx, options["task"])
    for path, suffix in ((junit, ".xml"), (markdown, ".md")):
        if path:
            files.check_writable(path, force, suffix)
    written = [junit, markdown, asked.baseline if asked.update else None]
    with new_folders_named(written):
        found = []
        for result in results(asked, progress):
            output.emit(result.text)  # at once, because a later gate may fail
            found.append(result)
        code = _told(together(found), junit, markdown, force)
    sys.exit(code)


def _given(ctx: click.Context) -> tuple[str, ...]:
    """Return the given options that say what runs."""
    from pvtprof.check.request import WHAT_RUNS

    typed = click.core.ParameterSource.COMMANDLINE
    return tuple(
        option.opts[0]
        for option in ctx.command.params
        if option.name in WHAT_RUNS and ctx.get_parameter_source(option.name) is typed
    )


def _told(found: GateResult, junit: str | None, markdown: str | None, force: bool) -> int:
    """Print and write the results of all gates together; return the exit code."""
    from pvtprof.check import ci
    from pvtprof.check.case import FAILED, UNDECIDED

    output.emit(found.text)
    passed = 0
    try:
        problem = ci.write(found, junit, markdown, force)
    except StoreError as error:  # a verdict is no less true for that
        problem, passed = str(error), error.exit_code
    if problem:
        click.echo(f"pvtprof: {problem}", err=True)
    output.emit(ci.commands(found))
    codes = {FAILED: exit_codes.DISAGREES, UNDECIDED: UnavailableError.exit_code}
    return codes.get(found.status, passed)
