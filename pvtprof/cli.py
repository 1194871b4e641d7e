"""The command line: parse, call, write. No arithmetic, no HTML."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pvtprof import __version__, output, units
from pvtprof.errors import PvtprofError, RunInterruptedError
from pvtprof.spec import ATTENTIONS, DEFAULT_BUDGET_S, DEFAULT_MODEL, DTYPES, MODES

if TYPE_CHECKING:
    from pvtprof.records import Run

FORMATS = ("table", "json", "csv", "markdown")
EXIT_DISAGREES = EXIT_CHANGED = 1


class _Img(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``224`` or ``800x1333`` (height x width) as (height, width)."""

    name = "HEIGHT[xWIDTH]"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value[0], value[1]
        found = re.fullmatch(r"([0-9]{1,18})(?:x([0-9]{1,18}))?", value)
        if not found:
            self.fail(f"{value!r} is not an image size; use pixels such as 224 or 800x1333")
        return int(found[1]), int(found[2] or found[1])


class _Ratios(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``8,4,2,1`` as four whole numbers."""

    name = "R1,R2,R3,R4"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        for part in (parts := value.split(",")):
            if not re.fullmatch(r"\s*-?[0-9]{1,9}\s*", part):
                self.fail(f"{value!r}: {part!r} is not a whole number; use four such as 8,4,2,1")
        return tuple(int(part) for part in parts)


class _Memory(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``24GiB`` or ``16GB`` as bytes."""

    name = "SIZE"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        if isinstance(value, int):
            return value
        taken = units.parsed_size(value)
        if not taken:
            self.fail(
                f"{value!r} is not an amount of memory; "
                "use a number above 0 and a unit, such as 24GiB or 16GB"
            )
        return taken


def _workload_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what runs, shared by ``compare`` and ``fit``."""
    for option in reversed((
        click.option("--model", default=DEFAULT_MODEL, show_default=True,
                     help="See `pvtprof models`."),
        click.option("--img", type=_Img(), default="224", show_default=True,
                     help="Image size in pixels."),
        click.option("--R", "sr_ratios", type=_Ratios(),
                     help="R of sra_conv, one a stage.  [default: the model's]"),
        click.option("--batch", type=int, default=1, show_default=True,
                     help="Images in one call."),
        click.option("--dtype", type=click.Choice(list(DTYPES)), default="float32",
                     show_default=True),
        click.option("--device", default="auto", show_default=True,
                     help="auto, cpu, cuda or cuda:N."),
        click.option("--attention", type=click.Choice(ATTENTIONS), default="eager",
                     show_default=True, help="Written out, or fused."),
        click.option("--pool-size", type=int, default=7, show_default=True,
                     help="Grid side of sra_pool's keys."),
    )):  # fmt: skip
        command = option(command)
    return command


def _outputs(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say where results go, shared by ``compare`` and ``report``."""
    output = click.option(
        "-o",
        "--output",
        "outputs",
        multiple=True,
        metavar="FILE",
        help="Write FILE (.json .html .csv .md); repeatable.",
    )
    form = click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="What to print on stdout.",
    )
    force = click.option("--force", is_flag=True, help="Replace files that pvtprof did not write.")
    return output(form(force(command)))


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
@_workload_options
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
@click.option(
    "--analytic", is_flag=True, help="Formulas alone: no counting, no measuring, no report."
)
@_outputs
def compare(
    outputs: tuple[str, ...], form: str, force: bool, analytic: bool, **options: Any
) -> None:
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
    from pvtprof.comparison import compare as compared

    run = compared(**options, analytic=True)  # refuses what cannot be, before anything is opened
    if not analytic:
        outputs = outputs or _default_outputs(run, options["device"])
    _check_outputs(outputs, force)
    if not analytic:
        with _progress() as show:
            run = compared(**options, progress=show)
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
@click.argument("file")
@_outputs
def report(file: str, outputs: tuple[str, ...], form: str, force: bool) -> None:
    """Render a saved run again, without measuring: by default the page beside FILE.

    \b
    Example:
      pvtprof report reports/xeon-2-cores-224.json -o page.html
    """
    from pvtprof import store

    run = store.load(file)
    outputs = outputs or (str(Path(file).with_suffix(".html")),)
    _check_outputs(outputs, force)
    output.save(run, outputs, force)
    output.emit(output.text(run, form))


@cli.command()
@click.option("--img", type=_Img(), default="224", show_default=True, help="Image size in pixels.")
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
    from pvtprof.analytic.rows import published
    from pvtprof.render import listing

    output.emit(listing.render(published(img), form))


@cli.command()
@_workload_options
@click.option("--memory", type=_Memory(), help="Such as 24GiB.  [default: the device's]")
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
    from pvtprof.fit import disagreements, fits
    from pvtprof.observe.environment import device_memory
    from pvtprof.render import fitting
    from pvtprof.spec import workload

    work = workload(**options)
    name = "the given memory"
    if memory is None:
        name, memory = device_memory(device)
    found = fits(work, memory)
    output.emit(fitting.render(found, name, form, output.width()))
    if check:
        wrong = list(disagreements(found))
        output.emit("".join(f"{line}\n" for line in wrong) or fitting.CHECKED)
        if wrong:
            sys.exit(EXIT_DISAGREES)


@cli.command()
@click.argument("baseline")
@click.option("--update", is_flag=True, help="Write BASELINE anew: accept what changed.")
@click.option("--target", help="Your own: package.module:factory, with --update.")
@click.option(
    "--mode", type=click.Choice(MODES), default="inference", show_default=True,
    help="What the peak is of.",
)  # fmt: skip
@_workload_options
@click.option("--force", is_flag=True, help="Replace a file that pvtprof did not write.")
@click.pass_context
def check(
    ctx: click.Context, /, baseline: str, update: bool, target: str | None, force: bool,
    device: str, **options: Any,
) -> None:  # fmt: skip
    """Hold params, counts, operators, peak and saved bytes to BASELINE; any change fails.

    BASELINE says what runs. With --update it is written: from the other options where any is
    given, else from itself. Exit code 0: all as it was; 1: something changed; 2: wrong usage;
    3: could not be observed here.

    \b
    Examples:
      pvtprof check baseline.json --update --model pvt_v2_b2 --img 224
      pvtprof check baseline.json
      pvtprof check mine.json --update --target my_package.my_module:factory
    """
    from dataclasses import replace

    from pvtprof import baseline as baselines
    from pvtprof import files
    from pvtprof.check import observed, verdict
    from pvtprof.observe.subject import resolved_device
    from pvtprof.spec import workload

    given = [p.opts[0] for p in ctx.command.params if _is_given(ctx, p.name)]
    if given and not update:
        raise click.UsageError(
            f"{', '.join(given)} belong to --update: without it {baseline} says what runs"
        )
    old = None if given and update else baselines.load(baseline)
    if update:
        files.check_writable(baseline, force)
    work = old.workload if old else workload(**options)
    work = replace(work, device=resolved_device(old.workload.device if old else device))
    with _progress() as show:
        new = observed(work, old.target if old else target, show)
    if update:
        files.write(baseline, baselines.dumps(new), force, ".json")
        output.emit(f"check: wrote {baseline}, {len(new.rows)} rows\n")
        return
    assert old is not None  # given without --update is refused above
    said, same = verdict(baseline, old, new)
    output.emit(said)
    if not same:
        sys.exit(EXIT_CHANGED)


def _is_given(ctx: click.Context, name: str | None) -> bool:
    """Whether an option that says what runs stands on the command line."""
    return name not in (None, "baseline", "update", "force") and (
        ctx.get_parameter_source(name or "") is click.core.ParameterSource.COMMANDLINE
    )


def _default_outputs(run: Run, device: str) -> tuple[str, ...]:
    from pvtprof.observe.subject import resolved_device

    work = run.workload
    device = resolved_device(device).replace(":", "")
    base = f"reports/{work.model}-{work.height}x{work.width}-{device}"
    return f"{base}.json", f"{base}.html"


def _check_outputs(paths: Sequence[str], force: bool) -> None:
    from pvtprof import files

    for path in paths:
        files.check_writable(path, force)


def _progress() -> AbstractContextManager[Callable[[str], None]]:
    """Something that shows what is being done, on stderr, where a person is watching."""
    if not sys.stderr.isatty():
        return nullcontext(lambda text: None)
    return _status()


class _status:  # noqa: N801 # reads as the function that it is
    def __enter__(self) -> Callable[[str], None]:
        from rich.console import Console

        self.live = Console(stderr=True).status("starting")
        self.live.start()
        return self.live.update

    def __exit__(self, *exception: object) -> None:
        self.live.stop()


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; every error is one line on stderr. Returns the exit code."""
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
    return code if isinstance(code, int) else 0


def _failed(message: str, code: int) -> int:
    click.echo(f"pvtprof: {' '.join(message.split())}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
