"""Which options of `pvtprof check` go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click


def check_usage(options: Mapping[str, Any], given: Sequence[str]) -> None:
    """Raise UsageError where options do not go together.

    ``given`` are the options on the command line that say what runs.
    """
    for option, name in (("BASELINE", "baseline"), ("--base", "base"), ("--samples", "samples")):
        if options[name] == "":
            raise click.UsageError(f"{option} is empty; name something, or leave it out")
    if not options["baseline"] and not options["base"]:
        raise click.UsageError("name a BASELINE, or a --base to time against, or both")
    _check_update(options)
    _check_baseline(options, given)
    _check_base(options)
    if {"--target", "--dtype"} <= set(given):
        raise click.UsageError("--dtype is of pvtprof's own rows; a --target builds what it is")
    if given and options["baseline"] and not options["update"]:
        raise click.UsageError(
            f"{', '.join(given)} belong to --update: without it {options['baseline']} says what "
            "runs"
        )


def _check_update(options: Mapping[str, Any]) -> None:
    if not options["update"]:
        if options["latency"]:
            raise click.UsageError(
                "--latency belongs to --update: without it the file says what it has"
            )
        return
    if options["base"] or not options["baseline"] or options["samples"]:
        raise click.UsageError("--update writes a BASELINE, and compares nothing: give that alone")


def _check_baseline(options: Mapping[str, Any], given: Sequence[str]) -> None:
    required, baseline = options["require_latency"], options["baseline"]
    if required and (options["update"] or not baseline):
        raise click.UsageError("--require-latency is of a BASELINE's times: name one to hold to")
    if options["samples"] and (options["base"] or not baseline or given or required):
        raise click.UsageError("--samples goes with a BASELINE of pytest-benchmark, and no more")


def _check_base(options: Mapping[str, Any]) -> None:
    for option, name, message in (
        ("--base-python", "base_python", "runs a --base: name one"),
        ("--row", "rows", "says what is timed: it needs a --base to time against"),
    ):
        if options[name] and not options["base"]:
            raise click.UsageError(f"{option} {message}")
