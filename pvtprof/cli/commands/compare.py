"""`pvtprof compare`: formulas, counters and measured times of every stage, side by side."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from pvtprof.cli import exit_codes
from pvtprof.cli.folders import new_folders_named
from pvtprof.cli.modules import OF_MODELS, own_modules, refuse_model_options
from pvtprof.cli.notes import note_large_pool, note_proposals, note_without_effect
from pvtprof.cli.options import (
    design_option,
    is_given,
    outputs_options,
    target_options,
    task_options,
    tf32_option,
    workload_options,
)
from pvtprof.cli.progress import Progress, progress
from pvtprof.cli.training_options import training_options
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.designs.words import DEFAULT_BUDGET_S, MODES
from pvtprof.errors import RunInterruptedError, UnavailableError
from pvtprof.report import output

if TYPE_CHECKING:
    from pvtprof.designs.workload import Workload
    from pvtprof.predict.calibration import Calibration
    from pvtprof.run.run import Run
    from pvtprof.run.targets import Wanted


@click.command()
@workload_options(several=True)
@design_option
@task_options
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="inference",
    show_default=True,
    help="Peak memory and latency of inference, or of a whole training step.",
)
@training_options
@click.option(
    "--budget",
    "budget_s",
    type=float,
    default=DEFAULT_BUDGET_S,
    show_default=True,
    help="The most seconds of measuring.",
)
@click.option(
    "--no-calibrate",
    "uncalibrated",
    is_flag=True,
    help="Do not calibrate first if this machine has no calibration.",
)
@click.option("--cuda-graph", is_flag=True, help="On a GPU, time a CUDA graph's replay too.")
@tf32_option
@click.option(
    "--analytic",
    is_flag=True,
    help="Formulas, and latency predicted by a stored calibration; no counting, no measuring.",
)
@target_options
@click.option(
    "--depth",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Rows of your modules' submodules, down to this depth.",
)
@outputs_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    outputs: tuple[str, ...],
    form: str,
    force: bool,
    anonymous: bool,
    **options: Any,
) -> None:
    """Compare mha, sra_conv and sra_pool in every stage of a PVT model, or modules of your own.

    Prints a table and writes reports/MODEL-HxW-DEVICE.json and .html, unless -o or --analytic.
    With --target your own modules stand side by side, beside PVT's designs where --model is given.
    Exit code 0: all agree; 1: a formula disagrees with a counter; 2: wrong usage; 3: the device
    is not there, failed, or timed no row; 130: Ctrl-C.

    \b
    Examples:
      pvtprof compare --img 224 --R 8,4,2,1
      pvtprof compare --model pvt_tiny --img 800x1333 --budget 60 -o run.json
      pvtprof compare --img 512 --analytic --format csv
      pvtprof compare --model my_pvt.toml --set depths=3,4,18,3 --design own
      pvtprof compare --task retinanet --img 800x1333 --analytic
      pvtprof compare --mode training --optimizer adamw --amp bfloat16 --checkpoint
      pvtprof compare --target windows.py:attention --target timm:convnext_tiny
      pvtprof compare --target windows.py:attention --model pvt_v2_b2
    """
    run, outputs = _run(ctx, outputs, force, **options)
    run = run.anonymous() if anonymous else run
    with output.undisturbed(), new_folders_named(outputs):
        if run.interrupted:
            outputs = tuple(output.partial_name(path) for path in outputs)
        with output.shown_in_any_case(lambda: output.text(run, form)):
            written = output.save(run, outputs, force)
    output.emit_then_name(output.text(run, form), written)
    if run.interrupted:
        raise RunInterruptedError(
            f"interrupted; what was measured so far is in {', '.join(outputs)}; "
            "earlier reports are unchanged"
        )
    if not run.agrees:
        sys.exit(exit_codes.DISAGREES)
    if problem := _unmeasured(run, options):
        raise UnavailableError(
            f"no latency was measured: {problem}; the other figures were written"
        )


def _unmeasured(run: Run, options: Mapping[str, Any]) -> str:
    """Return why no row was timed although it was asked for, or why a GPU failed; else ""."""
    asked = options["budget_s"] and not options["analytic"]
    if run.failure or not asked or run.measured:
        return run.failure or ""
    return next((row.not_run for row in run.rows if row.not_run), "")


def _run(
    ctx: click.Context,
    /,
    outputs: tuple[str, ...],
    force: bool,
    *,
    analytic: bool,
    uncalibrated: bool,
    **options: Any,
) -> tuple[Run, tuple[str, ...]]:
    """Return the run and its output paths; refuse bad input before measuring begins."""
    from pvtprof import files
    from pvtprof.run.compare import compare
    from pvtprof.run.measuring import Measuring

    wanted = own_modules(ctx, options)
    asked = _asked(ctx, options, is_own=wanted is not None)
    known = _kept_calibration(options) if analytic else None  # after what refuses: it may note
    if analytic:
        unused = ("budget_s", "cuda_graph", "uncalibrated", "tf32")
        note_without_effect(ctx, *unused, *() if known else ("device",))  # whose calibration
    measuring = Measuring(
        options["device"], options["budget_s"], options["cuda_graph"], options["tf32"]
    )
    if asked:  # which refuses what cannot be
        by_formula = compare(asked, measuring, analytic=True, calibration=known)
        note_large_pool(ctx, asked)
    if not analytic:
        outputs = outputs or _default_outputs(wanted, asked, options)
    files.check_all_writable(outputs, force)
    if analytic and not wanted:
        return by_formula, outputs
    with progress() as show:
        if not analytic:  # measured for PVT's models alone, of which a calibration is
            known = _calibrated(options, bool(asked) and not uncalibrated, show)
        how: dict[str, Any] = {"analytic": analytic, "calibration": known, "progress": show}
        if wanted is None:
            return compare(asked, measuring, **how), outputs
        from pvtprof.run import own

        return own.compare(wanted, asked, measuring, **how), outputs


def _asked(ctx: click.Context, options: Mapping[str, Any], is_own: bool) -> list[Workload]:
    """The workloads of PVT's models; none where modules of the user's own are asked for alone."""
    from pvtprof.designs.workload import WORDS
    from pvtprof.run.compare import workloads

    if is_own and not is_given(ctx, "model"):
        refuse_model_options(ctx, *OF_MODELS)
        return []
    note_proposals(ctx, options["task"])
    return workloads(**{name: options[name] for name in WORDS})


def _default_outputs(
    wanted: Wanted | None, asked: Sequence[Workload], options: Mapping[str, Any]
) -> tuple[str, ...]:
    from pvtprof.observe.asking import resolved_device

    device = resolved_device(options["device"]).replace(":", "")
    mode = "" if options["mode"] == "inference" else f"-{options['mode']}"
    if asked:
        mode += "".join(f"-{word}" for word in asked[0].setting.training.file_words)
    own = (
        [re.sub(r"[^\w.]+", "-", given.name).strip("-.") for given in wanted.given]
        if wanted
        else []
    )
    tasks = [one.task for one in asked if one.task != CLASSIFY]
    models = "+".join(dict.fromkeys([*own, *(one.name for one in asked), *tasks]))
    sizes = "+".join(dict.fromkeys(f"{one.height}x{one.width}" for one in asked))
    base = "-".join(filter(None, (f"reports/{models}", sizes, f"{device}{mode}")))
    return f"{base}.json", f"{base}.html"


def _kept_calibration(options: Mapping[str, Any]) -> Calibration | None:
    from pvtprof.predict.kept import kept_calibration

    found, problem = kept_calibration(options["device"], options["dtype"], options["mode"])
    if problem:
        click.echo(problem, err=True)
    return found


def _calibrated(
    options: Mapping[str, Any], may_measure: bool, show: Progress
) -> Calibration | None:
    """Return this machine's calibration; measure one first if there is none and it is allowed."""
    from pvtprof.observe.asking import resolved_device
    from pvtprof.predict.calibrate import of_this_machine

    if options["mode"] != "inference" or not options["budget_s"]:
        return None
    device = resolved_device(options["device"])
    if options["cuda_graph"] and device == "cpu":
        return None  # which `compare` refuses
    found, message = of_this_machine(device, options["dtype"], may_measure, show, options["tf32"])
    if message:
        click.echo(message, err=True)
    return found
