"""Options of commands that take the store of a sweep."""

from __future__ import annotations

import click

from pvtprof.cli.options import Command

from_option = click.option(
    "--from", "store", metavar="STORE", help="Take the measured times of this sweep."
)
machine_option = click.option(
    "--machine",
    metavar="NAME",
    help="With --from: the machine of the store that counts, by its first letters.  [default: this "
    "one]",
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(0),
    help="With --from: the threads of the times that count.  [default: the store's]",
)


def store_options(command: Command) -> Command:
    """Add the options with which `choose` answers from the store of a sweep."""
    measure = click.option(
        "--measure",
        type=click.IntRange(1),
        metavar="N",
        help="With --from: make N measurements of the designs that may be the fastest before.",
    )
    return from_option(measure(machine_option(threads_option(command))))
