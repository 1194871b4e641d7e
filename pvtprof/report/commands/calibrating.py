"""What a calibration found, for the terminal: rates by class of kernels, ceilings, errors."""

from __future__ import annotations

import io
import json
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pvtprof import units
from pvtprof.predict.calibration import Calibration
from pvtprof.report import listing

#: What the kinds of probes are called.
PLACES = {"attention": "attention modules", "model": "whole networks"}


def render(found: Calibration, form: str, width: int) -> str:
    """Return the calibration as "table" or "json"."""
    if form == "json":
        return json.dumps(asdict(found), indent=1) + "\n"
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    here = found.environment
    console.print(Text(f"{here.device}, {here.threads} threads, torch {here.torch}, {found.dtype}"))
    console.print()
    listing.print_table(console, _rates(found))
    console.print()
    if found.overlaps:
        console.print(Text(f"each launch: {1e6 * found.call_s:.1f} microseconds"))
    else:
        console.print(
            Text(
                f"a kernel's call, whatever its size: {1e6 * found.typical_call_s:.1f} "
                "microseconds, in the middle of all kinds of kernels"
            )
        )
    for kind, quality in found.quality.items():
        console.print(
            Text(
                f"{quality.count} {PLACES[kind]}, held out: {units.percent(quality.error, 1)} "
                f"mean error; repeating one differs by {units.percent(quality.noise, 1)}; nine "
                f"in ten take {quality.low:.2f} to {quality.high:.2f} of what is predicted"
            )
        )
    return listing.trimmed(out)


def _rates(found: Calibration) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 1), pad_edge=False, show_edge=False)
    for i, name in enumerate(("kernels", "GFLOP/s", "of best", "GB/s", "of best")):
        table.add_column(name, justify="right" if i else "left", no_wrap=True)
    best = found.ceilings
    best_rates = {"best (a matrix product; a copy)": (best.flops_per_s, best.bytes_per_s)}
    for name, (flops, moved) in (best_rates | dict(found.rates)).items():
        arithmetic = (
            (f"{flops / 1e9:,.1f}", units.percent(flops, best.flops_per_s)) if flops else ("-", "-")
        )
        table.add_row(
            name, *arithmetic, f"{moved / 1e9:,.1f}", units.percent(moved, best.bytes_per_s)
        )
    return table
