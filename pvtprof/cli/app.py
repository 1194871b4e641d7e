"""The command line as a whole: the group of commands, and one line and an exit code per error."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

import pvtprof.cli.commands as commands
from pvtprof import __version__
from pvtprof.cli.exit_codes import DEFECT
from pvtprof.cli.spelling import check_given_once, check_spelling, complete
from pvtprof.designs.checks import one_of
from pvtprof.errors import PvtprofError, RunInterruptedError
from pvtprof.registry import entry_names


class _Group(click.Group):
    """A group whose commands are the files of a folder, and which reports Ctrl-C itself.

    Click would print an empty line at Ctrl-C.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in command_names():
            return None
        found: click.Command = import_module(f"{commands.__name__}.{cmd_name}").command
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        check_spelling(args)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args:
            one_of("command", args[0], self.list_commands(ctx))
        name, command, rest = super().resolve_command(ctx, args)
        if command:
            check_given_once(command, rest)
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise RunInterruptedError("interrupted; nothing was written") from None


def command_names() -> list[str]:
    """Return the names of all commands: the files in ``pvtprof/cli/commands``."""
    return entry_names(commands.__path__)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pvtprof")
def cli() -> None:
    """Tell what an attention design costs: by formula, by independent count and by measurement.

    \b
    Example:
      pvtprof compare --img 224 --R 8,4,2,1
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; every error is one line on stderr. Returns the exit code."""
    _open_streams()
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):  # CI systems end a job so: clean up as at Ctrl-C
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
        return _failed(complete(error), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _failed("interrupted; nothing was written", RunInterruptedError.exit_code)
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        return _failed(str(stop.code), DEFECT)
    except Exception:
        import traceback  # 2 ms that only a defect needs

        traceback.print_exc()
        return _failed("this is a defect of pvtprof; please report it", DEFECT)
    return code if isinstance(code, int) else 0


def _open_streams() -> None:
    """Open what was closed at the start, for nobody: else a pipe or a file takes its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this
            os.set_inheritable(opened, True)
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _failed(message: str, code: int) -> int:
    click.echo(f"pvtprof: {' '.join(message.split())}", err=True)
    return code
