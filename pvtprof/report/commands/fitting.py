"""The answers of `fit` as a table, CSV or JSON."""

from __future__ import annotations

import io
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pvtprof import units
from pvtprof.analytic.fit import Edge, Fit, Fits
from pvtprof.designs.checks import MAX_BATCH, MAX_SIDE
from pvtprof.designs.setting import Setting
from pvtprof.observe.environment import Room
from pvtprof.report import listing, sentences

LIMITS = {"image": MAX_SIDE, "batch": MAX_BATCH}


def whose(room: Room) -> str:
    """Return whose memory it is, and what was subtracted on a GPU."""
    if not room.taken and not room.workspaces:
        return room.name
    return (
        f"{room.name}: {units.size(room.total)} without {units.size(room.taken)} of CUDA's context "
        f"and other programs and {units.size(room.workspaces)} of workspaces"
    )


def render(found: Fits, memory: str, form: str, width: int) -> str:
    """Return the answers as "table" (for people, ``width`` columns), "csv" or "json" (every byte).

    ``memory`` says whose memory it is.
    """
    if form != "table":
        return listing.render([_record(found, fit) for fit in found.fits], form)
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    console.print(Text(_title(found, memory)), "", sep="\n")
    listing.print_table(console, _table(found))
    for line in _remarks(found):
        console.print(Text(line))
    return listing.trimmed(out)


def _title(found: Fits, memory: str) -> str:
    spec, setting = found.fits[0].design.spec, found.setting
    return (
        f"What fits into {units.size(found.memory_bytes)} ({memory}): {sentences.used(spec)}, "
        f"R {units.ratios(spec.sr_ratios)}, {setting.dtype}, {setting.attention} attention"
        f"{''.join(f', {word}' for word in _training_words(setting))}"
    )


def _training_words(setting: Setting) -> list[str]:
    """Return how the networks are trained, in words."""
    words = setting.training.words
    return [f"training with {words[0]}", *words[1:]] if words else []


def _table(found: Fits) -> Table:
    setting = found.setting
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False, show_edge=False)
    size = units.sides(setting.height, setting.width)
    for i, name in enumerate(
        (
            "design",
            "mode",
            f"largest square image, batch {setting.batch}",
            "needs",
            f"largest batch at {size}",
            "needs",
        )
    ):
        table.add_column(name, justify="left" if i < 2 else "right", overflow="fold")
    for fit in found.fits:
        table.add_row(
            fit.variant,
            fit.mode,
            _size(fit.image, "image"),
            units.size(fit.image.needs),
            _size(fit.batch, "batch"),
            units.size(fit.batch.needs),
        )
    return table


def _size(edge: Edge, what: str) -> str:
    if not edge.size:
        return f"not even {edge.tried}"
    return str(edge.size) + (" or more" if edge.size == LIMITS[what] else "")


def _remarks(found: Fits) -> list[str]:
    edges = [edge for fit in found.fits for edge in (fit.image, fit.batch)]
    lines = [
        f"- {fit.variant}, {fit.mode}: {fit.image.at} holds the peak at {fit.image.size} pixels."
        for fit in found.fits
        if fit.image.size
    ]
    if any(edge.next_needs is not None for edge in edges):
        lines.append("- One pixel a side, or one image, more than a number above does not fit.")
    if any(edge.size and edge.next_needs is None for edge in edges):
        lines.append(
            f'- "or more": pvtprof goes to {MAX_SIDE} pixels a side and {MAX_BATCH} images.'
        )
    if any(not edge.size for edge in edges):
        lines.append('- "not even N": N is the smallest that the design takes, and does not fit.')
    return [
        *lines,
        "- Needs are parameters, input and the peak of live tensors, in training with the "
        f"gradients of the parameters, {state_included(found.setting)}. What the allocator and the "
        "kernels' workspaces add is not in them.",
    ]


def state_included(setting: Setting) -> str:
    """Return in words whether the state of an optimizer is part of what is needed."""
    if setting.optimizer == "none":
        return "without an optimizer's state (--optimizer adds it)"
    return f"and with what {setting.optimizer} needs"


def _record(found: Fits, fit: Fit) -> dict[str, str | int | None]:
    spec, setting = fit.design.spec, found.setting
    return {
        "model": spec.name,
        "task": spec.task,
        "variant": fit.variant,
        "mode": fit.mode,
        "sr_ratios": units.ratios(spec.sr_ratios),
        "pool_size": spec.pool_size,
        "dtype": setting.dtype,
        "attention": setting.attention,
        **asdict(setting.in_mode(fit.mode).training),
        "memory_bytes": found.memory_bytes,
        "batch": setting.batch,
        **_edge_record("image", fit.image),
        "height": setting.height,
        "width": setting.width,
        **_edge_record("batch", fit.batch),
    }


def _edge_record(what: str, edge: Edge) -> dict[str, str | int | None]:
    return {
        f"largest_{what}": edge.size or None,
        f"{what}_tried": edge.tried,
        f"{what}_needs_bytes": edge.needs,
        f"{what}_peak_at": edge.at,
        f"{what}_next_needs_bytes": edge.next_needs,
    }
