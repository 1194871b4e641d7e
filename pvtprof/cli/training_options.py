"""Options of the command line that say how a network is trained."""

from __future__ import annotations

import click

from pvtprof.cli.options import Command
from pvtprof.designs.words import AMPS, OPTIMIZERS


def training_options(command: Command) -> Command:
    """Add the options that say how a network is trained, as one decorator."""
    options = (
        click.option(
            "--optimizer",
            type=click.Choice(OPTIMIZERS),
            default="none",
            show_default=True,
            help="In training: its state, and what its step makes.",
        ),
        click.option(
            "--amp",
            type=click.Choice(AMPS),
            default="off",
            show_default=True,
            help="In training: autocast of the forward pass.",
        ),
        click.option(
            "--checkpoint", is_flag=True, help="In training: each block is recomputed in backward."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
