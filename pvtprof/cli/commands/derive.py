"""`pvtprof derive`: the closed form of any PyTorch module, with its domain."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from pvtprof.cli import exit_codes
from pvtprof.cli.options import format_option
from pvtprof.designs.words import MODES
from pvtprof.report import output


class Sizes(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``h=512,w=640`` as a dict."""

    name = "NAME=SIZE,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, int]:
        """Return sizes by name."""
        if isinstance(value, dict):
            return value
        found = {}
        for part in value.split(","):
            match = re.fullmatch(r"\s*([A-Za-z]\w*)\s*=\s*([0-9]{1,12})\s*", part)
            if not match:
                self.fail(f"{part!r} is not NAME=SIZE; use sizes such as h=512,w=640")
            found[match[1]] = int(match[2])
        return found


class Range(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``h=64..1024`` as ("h", (64, 1024))."""

    name = "NAME=FROM..TO"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, tuple[int, int]]:
        """Return a name and the first and last size."""
        if isinstance(value, tuple):
            return value[0], value[1]
        match = re.fullmatch(r"([A-Za-z]\w*)=([0-9]{1,9})\.\.([0-9]{1,9})", value.strip())
        if not match or int(match[2]) > int(match[3]):
            self.fail(f"{value!r} is not NAME=FROM..TO; use a range such as h=64..1024")
        return match[1], (int(match[2]), int(match[3]))


@click.command()
@click.argument("target")
@click.option(
    "--free",
    help="Dimensions that vary, as b=0,h=2,w=3 or q.0=b,k.1=m; default: "
    "batch, and spatial or sequence dimensions.",
)
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
@click.option(
    "--limit",
    "limit_s",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="Seconds that deriving may take.",
)
@click.option("--no-verify", "unverified", is_flag=True, help="Ask no witness.")
def command(
    target: str,
    free: str | None,
    mode: str,
    at: dict[str, int] | None,
    ranges: tuple[tuple[str, tuple[int, int]], ...],
    form: str,
    limit_s: float,
    unverified: bool,
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
    from pvtprof.derive.targets import load

    module, example = load(target)
    found = derive(
        module,
        example,
        free,
        mode=mode,
        at=[at] if at else [],
        ranges=dict(ranges),
        limit_s=limit_s,
        verify=not unverified,
        name=target,
    )
    point = {**found.example, **at} if at else None
    output.emit(render(found, form, point))
    if any(check.observed is not None and not check.agrees for check in found.checks):
        sys.exit(exit_codes.DISAGREES)
