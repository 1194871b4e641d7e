"""`pvtprof derive`: the closed form of any PyTorch module, with its domain."""

from __future__ import annotations

import sys
from typing import Any

import click

from pvtprof.cli import exit_codes
from pvtprof.cli.kinds import Range, Sizes
from pvtprof.cli.options import FREE_HELP, format_option, limit_option
from pvtprof.designs.words import MODES
from pvtprof.report import output


@click.command()
@click.argument("target")
@click.option("--free", help=FREE_HELP)
@click.option("--mode", type=click.Choice(MODES), default="inference", show_default=True)
@click.option("--at", type=Sizes(), help="Give the figures at these sizes too, as h=512,w=640.")
@click.option(
    "--range",
    "ranges",
    type=Range(),
    multiple=True,
    help="Derive pieces until this range is covered.",
)
@format_option("text", "json", "latex", "python", "markdown")
@limit_option
@click.option("--no-verify", "unverified", is_flag=True, help="Ask no witness.")
def command(
    target: str,
    at: dict[str, int] | None,
    ranges: tuple[tuple[str, tuple[int, int]], ...],
    form: str,
    unverified: bool,
    **options: Any,
) -> None:
    """Derive the closed form of a PyTorch module: MACs, params, moved, peak and saved bytes.

    TARGET is package.module:factory or path/to/file.py:factory (a factory takes no arguments and
    returns a module and an example input), or pvtprof:NAME, timm:NAME, transformers:CLASS.
    The form holds at every size of its domain, and is held to independent witnesses there.
    Exit code 0: they agree; 1: one disagrees; 2: wrong usage; 3: there is no closed form.

    \b
    Examples:
      pvtprof derive pvtprof:pvt_v2_b2 --at h=512,w=640
      pvtprof derive my_windows.py:attention --range h=64..512
      pvtprof derive transformers:SegformerModel --format latex
    """
    from pvtprof.derive.entry import derive
    from pvtprof.derive.render import render
    from pvtprof.observe.target import load

    module, example = load(target)
    found = derive(
        module,
        example,
        at=[at] if at else [],
        ranges=dict(ranges),
        verify=not unverified,
        name=target,
        **options,
    )
    point = {**found.example, **at} if at else None
    output.emit(render(found, form, point))
    if any(check.observed is not None and not check.agrees for check in found.checks):
        sys.exit(exit_codes.DISAGREES)
