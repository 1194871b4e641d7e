"""The command line: parse, call, write. No arithmetic, no HTML."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any

import click

from pvtprof import __version__
from pvtprof.cli.derive import derive
from pvtprof.cli.options import (
    DURATION,
    MEMORY,
    Img,
    Setting,
    Tolerance,
    outputs_options,
    workload_options,
)
from pvtprof.designs.setting import (
    CALIBRATE_BUDGET_S,
    CHECK_BUDGET_S,
    DEFAULT_BUDGET_S,
    DTYPES,
    MODES,
)
from pvtprof.designs.spec import DEFAULT_POOL_SIZE, VARIANTS
from pvtprof.designs.workload import workload
from pvtprof.errors import PvtprofError, RunInterruptedError, SpecError, UnavailableError
from pvtprof.report import output

if TYPE_CHECKING:
    from pvtprof.predict.calibration import Calibration
    from pvtprof.run.run import Run

EXIT_DISAGREES = EXIT_CHANGED = 1
EXIT_DEFECT = 70  # sysexits.h: not to be taken for a change
Progress = Callable[[str], None]


class _Group(click.Group):
    """Takes Ctrl-C from click, which would print an empty line of its own."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise RunInterruptedError("interrupted; nothing was written") from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pvtprof")
def cli() -> None:
    """What an attention design really costs: by formula, by counter and by clock.

    \b
    Example:
      pvtprof compare --img 224 --R 8,4,2,1
    """


@cli.command()
@workload_options
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="inference",
    show_default=True,
    help="What peak and latency are of; training: forward and backward.",
)
@click.option(
    "--budget",
    "budget_s",
    type=float,
    default=DEFAULT_BUDGET_S,
    show_default=True,
    help="Seconds of measuring, at most.",
)
@click.option("--no-calibrate", "uncalibrated", is_flag=True,
              help="Predict nothing where this machine has no calibration yet.")  # fmt: skip
@click.option("--cuda-graph", is_flag=True, help="On a GPU, time a CUDA graph's replay too.")
@click.option(
    "--analytic", is_flag=True, help="Formulas alone: no counting, no measuring, no report."
)
@outputs_options
def compare(
    outputs: tuple[str, ...], form: str, force: bool, anonymous: bool, analytic: bool,
    uncalibrated: bool, **options: Any,
) -> None:  # fmt: skip
    """Compare mha, sra_conv and sra_pool in every stage of a PVT model.

    Prints a table and writes reports/MODEL-HxW-DEVICE.json and .html, unless -o or --analytic.
    Exit code 0: all agree; 1: a formula disagrees with a counter; 2: wrong usage; 3: the device
    is not there; 130: Ctrl-C.

    \b
    Examples:
      pvtprof compare --img 224 --R 8,4,2,1
      pvtprof compare --model pvt_tiny --img 800x1333 --budget 60 -o run.json
      pvtprof compare --img 512 --analytic --format csv
    """
    from pvtprof import files
    from pvtprof.run.compare import compare as compared

    known = _kept_calibration(options) if analytic else None
    run = compared(**options, analytic=True, calibration=known)  # refuses what cannot be
    if not analytic:
        outputs = outputs or _default_outputs(run, options["device"])
    files.check_all_writable(outputs, force)
    if not analytic:
        with _progress() as show:
            calibration = _calibrated(options, not uncalibrated, show)
            run = compared(**options, calibration=calibration, progress=show)
    run = run.anonymous() if anonymous else run
    with output.undisturbed():
        if run.interrupted:
            outputs = tuple(output.partial_name(path) for path in outputs)
        output.save(run, outputs, force)
    output.emit(output.text(run, form))
    if run.interrupted:
        raise RunInterruptedError(
            f"interrupted; what was taken so far is in {', '.join(outputs)}; "
            "earlier reports are unchanged"
        )
    if not run.agrees:
        sys.exit(EXIT_DISAGREES)


@cli.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE | FILE FILE | FOLDER")
@outputs_options
def report(
    paths: tuple[str, ...], outputs: tuple[str, ...], form: str, force: bool, anonymous: bool
) -> None:
    """Render saved runs again, without measuring.

    FILE: the page beside it. FILE FILE: both runs on one page, A-vs-B.html beside the first.
    FOLDER: its index.html, which lists the runs in it.

    \b
    Examples:
      pvtprof report reports/xeon-2-cores-224.json -o page.html
      pvtprof report reports/xeon-2-cores-224.json reports/xeon-2-cores-512.json
      pvtprof report reports
    """
    from pvtprof.report import saved

    output.emit(saved.written(paths, outputs, form, force, anonymous))


@cli.command()
@click.option("--img", type=Img(), default="224", show_default=True, help="Image size in pixels.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "json", "csv")),
    default="table",
    show_default=True,
)
def models(img: tuple[int, int], form: str) -> None:
    """List the eleven published models with their params and MACs.

    \b
    Example:
      pvtprof models --img 512
    """
    from pvtprof.analytic.parts import published
    from pvtprof.report import listing

    output.emit(listing.render(published(img), form))


@cli.command()
@click.argument("variant", type=click.Choice(VARIANTS))
@click.option("--at", "settings", type=Setting(), multiple=True,
              help="Put in numbers: model, img, R, batch or pool-size; repeatable.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(("text", "latex", "python")), default="text",
              show_default=True)  # fmt: skip
def formula(variant: str, settings: tuple[tuple[str, Any], ...], form: str) -> None:
    """Show the closed form of an attention design: MACs and params, operator by operator.

    \b
    Examples:
      pvtprof formula sra_conv
      pvtprof formula sra_conv --at img=512 --at R=4,2,2,1
      pvtprof formula sra_pool --format latex
    """
    from pvtprof.report import formula as rendering

    work = workload(**dict(settings)) if settings else None
    output.emit(rendering.render(variant, form, work, output.width()))


@cli.command()
@workload_options
@click.option("--memory", type=MEMORY, help="Such as 24GiB.  [default: the device's]")
@click.option("--check", is_flag=True, help="Watch every answer and one step more.")
@click.option("--format", "form", type=click.Choice(("table", "json", "csv")), default="table",
              show_default=True)  # fmt: skip
def fit(memory: int | None, device: str, check: bool, form: str, **options: Any) -> None:
    """Tell the largest image and the largest batch that fit into memory.

    For mha, sra_conv and sra_pool, in inference and in training, by closed form: nothing is built
    or run, unless --check. Exit code 0; 1: --check disagrees; 2: wrong usage; 3: no such device.

    \b
    Examples:
      pvtprof fit --memory 24GiB
      pvtprof fit --memory 16GiB --model pvt_v2_b5 --batch 32 --dtype bfloat16
    """
    from pvtprof.analytic.fit import fits
    from pvtprof.observe.environment import device_memory
    from pvtprof.report import fitting
    from pvtprof.run.fit_checks import checks

    if memory is not None and device != "auto":
        raise click.UsageError("--memory and --device both say how much memory there is; give one")
    work = workload(**options)
    name, memory = ("the given memory", memory) if memory else device_memory(device)
    found = fits(work.designs, work.setting, memory)
    output.emit(fitting.render(found, name, form, output.width()))
    if not check:
        return
    seen = []
    with _progress() as show:
        for what, formula, observed in checks(found):
            show(f"watched {what}")
            seen.append(formula == observed)
            if formula != observed:
                click.echo(f"- {what}: formula {formula}, observed {observed} bytes", err=True)
    click.echo(f"checked on fake tensors: {sum(seen)} of {len(seen)} sizes agree", err=True)
    if not all(seen):
        sys.exit(EXIT_DISAGREES)


@cli.command()
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--dtype", type=click.Choice(list(DTYPES)), default="float32", show_default=True)
@click.option("--budget", "budget_s", type=float, default=CALIBRATE_BUDGET_S, show_default=True,
              help="About so many seconds of measuring.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Which random probes.")
@click.option("-o", "--output", "path", metavar="FILE",
              help="Write FILE (.json).  [default: where `compare` looks for it]")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that pvtprof did not write.")
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table",
              show_default=True)  # fmt: skip
def calibrate(path: str | None, force: bool, form: str, **options: Any) -> None:
    """Measure this machine, so that latency can be predicted without running anything.

    Times random attention modules and networks like PVT's, whole and operator by operator, and fits
    what each class of kernels takes. Prints rates beside the machine's best, and the error on
    probes that were held out beside the noise. Exit code 0; 2: wrong usage; 3: no such device.

    \b
    Examples:
      pvtprof calibrate
      pvtprof calibrate --budget 60 -o laptop.json
    """
    from pvtprof import files
    from pvtprof.observe.subject import resolved_device
    from pvtprof.predict import calibration
    from pvtprof.predict.calibrate import calibrate as calibrated
    from pvtprof.report import calibrating

    kind = resolved_device(options["device"]).partition(":")[0]
    path = path or str(calibration.default_path(kind, options["dtype"]))
    files.check_writable(path, force, ".json")
    with _progress() as show:
        found = calibrated(**options, progress=show)
    calibration.save(found, path, force)
    click.echo(f"Wrote {path}", err=True)
    output.emit(calibrating.render(found, form, output.width()))


@cli.command()
@workload_options
@click.option("--within", "within_s", type=DURATION, help="Predicted latency at most, as 50ms.")
@click.option("--memory", "memory_bytes", type=MEMORY, help="Memory at most, such as 4GiB.")
@click.option("--calibration", "calibrated", metavar="FILE",
              help="Another than this machine's.")  # fmt: skip
@click.option("-o", "--output", "outputs", multiple=True, metavar="FILE",
              help="Write FILE (.html); repeatable.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace files that pvtprof did not write.")
@click.option("--format", "form", type=click.Choice(("table", "csv", "json")), default="table",
              show_default=True)  # fmt: skip
def choose(
    within_s: float | None, memory_bytes: int | None, calibrated: str | None,
    outputs: tuple[str, ...], force: bool, form: str, device: str, sr_ratios: object,
    pool_size: int, **options: Any,
) -> None:  # fmt: skip
    """Search every R and variant of every stage for designs that nothing beats.

    By predicted latency, MACs, params and memory together: nothing is built or run. Needs a
    calibration (`pvtprof calibrate`). Accuracy is not predicted. Exit code 0; 2: wrong usage, or
    no design keeps to the limits.

    \b
    Examples:
      pvtprof choose --img 512 --within 50ms
      pvtprof choose --img 512 --within 200ms --memory 4GiB -o designs.html
    """
    from pvtprof import files
    from pvtprof.designs.published import model_spec
    from pvtprof.predict import calibration
    from pvtprof.predict.choose import choose as chosen
    from pvtprof.report import choosing

    if sr_ratios is not None or pool_size != DEFAULT_POOL_SIZE:
        raise click.UsageError("--R and --pool-size are what is searched: leave them out")
    files.check_all_writable(outputs, force, ".html")
    work = workload(**options)
    path = calibrated or str(calibration.default_path(_kind(device), work.dtype))
    found = chosen(
        model_spec(work.model),
        work.setting,
        calibration.load_for(path, work.dtype),
        within_s,
        memory_bytes,
    )
    if outputs:
        output.save_pages(outputs, choosing.html(found), force)
    output.emit(choosing.render(found, form, output.width()))


def _kind(device: str) -> str:
    """ "cpu" or "cuda", without torch: what is asked for, or a GPU where nvidia-smi shows one."""
    from pvtprof.observe.environment import has_gpu

    return device.partition(":")[0] if device != "auto" else "cuda" if has_gpu() else "cpu"


@cli.command()
@click.argument("baseline", required=False)
@click.option("--update", is_flag=True, help="Write BASELINE anew: accept what changed.")
@click.option("--latency", is_flag=True, help="With --update: times too, for this machine.")
@click.option("--require-latency", is_flag=True,
              help="Exit 3 where BASELINE's times cannot be compared here.")  # fmt: skip
@click.option("--samples", metavar="FILE",
              help="Hold this pytest-benchmark file (or folder) to BASELINE, another.")  # fmt: skip
@click.option("--base", help="Time this against head: a git ref, or a folder.")
@click.option("--base-python", help="The Python that runs base.  [default: this one]",
              metavar="PYTHON")  # fmt: skip
@click.option("--row", "only", multiple=True, help="Time this row alone; repeatable.")
@click.option("--budget", "budget_s", type=float, default=CHECK_BUDGET_S, show_default=True,
              help="About so many seconds of timing for each row.")  # fmt: skip
@click.option("--fail-on", "tolerance", type=Tolerance(),
              help="The slowdown that matters.  [default: latency:5% with --base, else 10%]"
              )  # fmt: skip
@click.option("--junit", metavar="FILE", help="Write the verdicts as JUnit XML.")
@click.option("--markdown", metavar="FILE",
              help="Write them as Markdown, and to GitHub's step summary.")  # fmt: skip
@click.option("--target", help="Your own: package.module:factory.")
@click.option("--mode", type=click.Choice(MODES), default="inference", show_default=True,
              help="What the peak is of.")  # fmt: skip
@workload_options
@click.option("--force", is_flag=True, help="Replace a file that pvtprof did not write.")
@click.pass_context
def check(
    ctx: click.Context, /, baseline: str | None, update: bool, latency: bool, require_latency: bool,
    samples: str | None, base: str | None, base_python: str | None, only: tuple[str, ...],
    budget_s: float, tolerance: float | None, target: str | None, force: bool, junit: str | None,
    markdown: str | None, device: str, **options: Any,
) -> None:  # fmt: skip
    """Fail when attention changed (against BASELINE) or became slower (against --base).

    BASELINE holds params, counts, operators, peak and saved bytes, exactly, and says what runs;
    with --update it is written, from the other options where any is given, else from itself. Times
    in it (--latency) are compared where device, driver, torch, threads, dtype and attention are the
    same. --base times two versions side by side, processes in lockstep, on one core. Exit code 0:
    as it was; 1: changed or slower; 2: wrong usage; 3: could not be decided or measured here.

    \b
    Examples:
      pvtprof check baseline.json --update --model pvt_v2_b2 --img 224
      pvtprof check baseline.json
      pvtprof check --base main --row "stage 1 sra_conv"
      pvtprof check --base main --target my_package.my_module:factory
      pvtprof check before.json --samples now.json
    """
    given = [p.opts[0] for p in ctx.command.params if _is_given(ctx, p.name)]
    _check_usage(
        {"BASELINE": baseline, "--update": update, "--latency": latency, "--row": only,
         "--require-latency": require_latency, "--samples": samples, "--base": base,
         "--base-python": base_python},
        given,
    )  # fmt: skip
    from pvtprof import files
    from pvtprof.check import gates
    from pvtprof.check.case import FAILED, UNDECIDED

    if not 0 < budget_s < float("inf"):
        raise SpecError(f"budget is {budget_s:g} s; use more than 0, such as {CHECK_BUDGET_S:g}")
    for path, suffix in ((junit, ".xml"), (markdown, ".md")):
        if path:
            files.check_writable(path, force, suffix)
    work = replace(workload(**options), device=device)
    gone_through: list[gates.Said] = []

    def went(gate: Callable[[Progress], gates.Said]) -> None:
        """Go through a gate and say at once what it says: whatever comes after may fail."""
        with _progress() as show:
            gone_through.append(gate(show))
        output.emit(gone_through[-1].text)

    if baseline and samples:
        went(lambda show: gates.against_samples(baseline, samples, tolerance or 0.10))
    elif baseline and update:
        what = work if given else None
        went(lambda show: gates.update(baseline, what, target, latency, budget_s, force, show))
    elif baseline:
        with _progress() as show:
            old, new, said = gates.exact(baseline, show)
        went(lambda show: said)
        work, target = old.workload, old.target
        if old.timed or require_latency or tolerance:
            went(lambda show: gates.against_times(
                baseline, old, new, require_latency, budget_s, tolerance or 0.10, show
            ))  # fmt: skip
    if base:
        went(lambda show: gates.against_base(
            gates.on_device(work), target, base, base_python or sys.executable, only, budget_s,
            tolerance or 0.05, show,
        ))  # fmt: skip
    together = gates.together(gone_through)
    output.emit(together.text)
    output.emit(gates.report(together, junit, markdown, force))
    statuses = {case.status for case in together.cases}
    if FAILED in statuses:
        sys.exit(EXIT_CHANGED)
    if UNDECIDED in statuses:
        sys.exit(UnavailableError.exit_code)


def _check_usage(asked: Mapping[str, Any], given: Sequence[str]) -> None:
    """Raise where options do not go together."""
    baseline, base, update = (asked[name] for name in ("BASELINE", "--base", "--update"))
    if empty := [name for name in ("BASELINE", "--base", "--samples") if asked[name] == ""]:
        raise click.UsageError(f"{empty[0]} is empty; name something, or leave it out")
    if not baseline and not base:
        raise click.UsageError("name a BASELINE, or a --base to time against, or both")
    if update and (base or not baseline or asked["--samples"]):
        raise click.UsageError("--update writes a BASELINE, and compares nothing: give that alone")
    if asked["--latency"] and not update:
        raise click.UsageError(
            "--latency belongs to --update: without it the file says what it has"
        )
    if asked["--require-latency"] and (update or not baseline):
        raise click.UsageError("--require-latency is of a BASELINE's times: name one to hold to")
    if asked["--samples"] and (base or not baseline or given or asked["--require-latency"]):
        raise click.UsageError("--samples goes with a BASELINE of pytest-benchmark, and no more")
    if asked["--base-python"] and not base:
        raise click.UsageError("--base-python runs a --base: name one")
    if {"--target", "--dtype"} <= set(given):
        raise click.UsageError("--dtype is of pvtprof's own rows; a --target builds what it is")
    if asked["--row"] and not base:
        raise click.UsageError("--row says what is timed: it needs a --base to time against")
    if given and baseline and not update:
        raise click.UsageError(
            f"{', '.join(given)} belong to --update: without it {baseline} says what runs"
        )


def _is_given(ctx: click.Context, name: str | None) -> bool:
    """Whether an option that says what runs stands on the command line."""
    says_what_runs = name in {"target", "device", *signature(workload).parameters}
    return says_what_runs and (
        ctx.get_parameter_source(name or "") is click.core.ParameterSource.COMMANDLINE
    )


cli.add_command(derive)


def _default_outputs(run: Run, device: str) -> tuple[str, ...]:
    from pvtprof.observe.subject import resolved_device

    device = resolved_device(device).replace(":", "")
    mode = "" if run.setting.mode == "inference" else f"-{run.setting.mode}"
    models = "+".join(dict.fromkeys(design.model for design in run.designs))
    sizes = "+".join(dict.fromkeys(f"{s.height}x{s.width}" for s in run.settings))
    base = f"reports/{models}-{sizes}-{device}{mode}"
    return f"{base}.json", f"{base}.html"


def _kept_calibration(options: Mapping[str, Any]) -> Calibration | None:
    """This machine's calibration, if there is one; what is wrong with it is said. No torch."""
    from pvtprof.predict import calibration

    kept = [calibration.default_path(kind, options["dtype"]) for kind in ("cpu", "cuda")]
    if options["mode"] != "inference" or not any(path.exists() for path in kept):
        return None  # before any GPU is asked for, which takes longer than all formulas
    path = calibration.default_path(_kind(options["device"]), options["dtype"])
    if not path.exists():
        return None
    try:
        return calibration.load_for(path, options["dtype"])
    except PvtprofError as error:
        click.echo(f"latency is not predicted: {error}", err=True)
        return None


def _calibrated(
    options: Mapping[str, Any], may_measure: bool, show: Progress
) -> Calibration | None:
    """This machine's calibration, measured first where there is none and it may be."""
    from pvtprof.observe.subject import resolved_device
    from pvtprof.predict.calibrate import of_this_machine

    if options["mode"] != "inference" or not options["budget_s"]:
        return None
    device = resolved_device(options["device"])
    if options["cuda_graph"] and device == "cpu":
        return None  # which `compare` refuses
    found, said = of_this_machine(device, options["dtype"], may_measure, show)
    if said:
        click.echo(said, err=True)
    return found


def _progress() -> AbstractContextManager[Progress]:
    """Something that shows what is being done, on stderr, where a person is watching."""
    if not sys.stderr.isatty():
        return nullcontext(lambda text: None)
    return _status()


class _status:  # noqa: N801 # reads as the function that it is
    def __enter__(self) -> Progress:
        from rich.console import Console

        self.live = Console(stderr=True).status("starting")
        self.live.start()
        return self.live.update

    def __exit__(self, *exception: object) -> None:
        self.live.stop()


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; every error is one line on stderr. Returns the exit code."""
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):  # how CI systems end a job: as Ctrl-C, all is cleaned up
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), _stop)
    try:
        code = cli.main(args, prog_name="pvtprof", standalone_mode=False)
    except PvtprofError as error:
        return _failed(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        return _failed(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _failed("interrupted; nothing was written", RunInterruptedError.exit_code)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except Exception:
        traceback.print_exc()
        return _failed("this is a defect of pvtprof's: please report it", EXIT_DEFECT)
    return code if isinstance(code, int) else 0


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _failed(message: str, code: int) -> int:
    click.echo(f"pvtprof: {' '.join(message.split())}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
