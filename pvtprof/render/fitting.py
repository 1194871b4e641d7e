"""What fits into a device's memory, as a table, CSV or JSON."""

from __future__ import annotations

import io

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pvtprof import units
from pvtprof.fit import Edge, Fit, Fits
from pvtprof.render import listing
from pvtprof.spec import MAX_BATCH, MAX_SIDE

CHECKED = "Checked: live bytes on fake tensors are the same at every edge and one step beyond.\n"
LIMITS = {"image": MAX_SIDE, "batch": MAX_BATCH}


def render(found: Fits, memory: str, form: str, width: int) -> str:
    """The answers as "table" (for people, ``width`` columns), "csv" or "json" (every byte).

    ``memory`` says whose memory it is.
    """
    if form != "table":
        return listing.render([_record(found, fit) for fit in found.fits], form)
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    console.print(Text(_title(found, memory)), "", _table(found), sep="\n")
    for line in _remarks(found):
        console.print(Text(line))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _title(found: Fits, memory: str) -> str:
    work = found.workload
    return (
        f"What fits into {units.size(found.memory_bytes)} ({memory}): {work.model}, "
        f"R {','.join(map(str, work.sr_ratios))}, {work.dtype}, {work.attention} attention"
    )


def _table(found: Fits) -> Table:
    work = found.workload
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False, show_edge=False)
    size = units.sides(work.height, work.width)
    for i, name in enumerate(
        ("design", "mode", f"largest image, batch {work.batch}", "needs",
         f"largest batch at {size}", "needs")
    ):  # fmt: skip
        table.add_column(name, justify="left" if i < 2 else "right", overflow="fold")
    for fit in found.fits:
        table.add_row(
            fit.variant, fit.mode,
            _size(fit.image, "image"), units.size(fit.image.needs),
            _size(fit.batch, "batch"), units.size(fit.batch.needs),
        )  # fmt: skip
    return table


def _size(edge: Edge, what: str) -> str:
    if not edge.size:
        return "none"
    return str(edge.size) + (" or more" if edge.size == LIMITS[what] else "")


def _remarks(found: Fits) -> list[str]:
    lines = [
        f"- {fit.variant}, {fit.mode}: {fit.image.at} holds the peak at {fit.image.size} pixels."
        for fit in found.fits
        if fit.image.size
    ]
    return [
        *lines,
        '- "none": not even the smallest; its needs are shown.'
        if any(not edge.size for fit in found.fits for edge in (fit.image, fit.batch))
        else "- One pixel or one image more does not fit.",
        "- Needs are parameters, input and the peak of live tensors, in training with the "
        "gradients of the parameters, without an optimizer's state. What the allocator and the "
        "kernels' workspaces add is not in them.",
    ]


def _record(found: Fits, fit: Fit) -> dict[str, str | int]:
    work = found.workload
    return {
        "model": work.model,
        "variant": fit.variant,
        "mode": fit.mode,
        "dtype": work.dtype,
        "attention": work.attention,
        "memory_bytes": found.memory_bytes,
        **_edge_record("image", fit.image, "batch", work.batch),
        **_edge_record("batch", fit.batch, "height", work.height),
    }


def _edge_record(what: str, edge: Edge, beside: str, value: int) -> dict[str, str | int]:
    return {
        f"largest_{what}": edge.size,
        f"{what}_at_{beside}": value,
        f"{what}_needs_bytes": edge.needs,
        f"{what}_peak_at": edge.at,
        f"{what}_next_needs_bytes": "" if edge.next_needs is None else edge.next_needs,
    }
