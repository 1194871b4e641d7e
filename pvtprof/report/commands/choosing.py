"""The designs of a search, for the terminal, as data, and as a page with a chart."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pvtprof import units
from pvtprof.analytic.dense import PARTS
from pvtprof.analytic.geometry import model_sizes
from pvtprof.analytic.parts import costs_by_part, part_terms
from pvtprof.designs.part import MODEL
from pvtprof.designs.words import DEFAULT_POOL_SIZE
from pvtprof.errors import SpecError
from pvtprof.predict.choose import Found
from pvtprof.predict.space import POOL, keys, network
from pvtprof.predict.wanted import Design
from pvtprof.report import listing, sentences
from pvtprof.report.commands.plotly_section import DrawnChart, Section
from pvtprof.report.figures.choosing import draw_choices
from pvtprof.report.notes import left_out
from pvtprof.report.page.page import page
from pvtprof.report.sheet import Sheet

#: Lines that a terminal shows of a front.
MOST_LINES = 24
#: The papers' ImageNet top-1 accuracy, at 224x224.
TOP_1 = "top-1 at 224"
HONEST = "Accuracy is not predicted: a cheaper design may see less."


def records(found: Found) -> list[dict[str, Any]]:
    """Return one record a design: the front by latency, then the published models."""
    return [_record(design, found.is_whole) for design in (*found.front, *found.published)]


def _record(design: Design, is_whole: bool) -> dict[str, Any]:
    return {
        "published": design.published,
        "design": design.name,
        "latency_s": design.latency.seconds,
        "latency_low_s": design.latency.low,
        "latency_high_s": design.latency.high,
        "macs": design.macs,
        "params": design.params,
        "memory_bytes": design.memory_bytes,
        "top_1": design.top_1,
        "latency_of": "model" if is_whole else "backbone",
        "latency_by": by(design),
    }


def by(design: Design) -> str:
    """Return where the latency of a design comes from, in a word."""
    return "measured" if design.is_measured else "predicted"


def render(found: Found, form: str, width: int) -> str:
    """Return the designs as "table", "csv" or "json"."""
    if form != "table":
        return listing.render(records(found), form)
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    console.print(Text(_summary(found)))
    console.print()
    shown = _spread(found.front)
    listing.print_table(console, _table(shown, bool(found.notes)))
    if len(shown) < len(found.front):
        console.print(
            Text(
                f"{len(shown)} of {len(found.front)} designs on the front, evenly over "
                "latency; all: --format csv"
            )
        )
    if found.published:
        console.print(Text("\nThe published models, as they are:"))
        listing.print_table(console, _table(found.published, bool(found.notes)))
    console.print(Text(f"\n{honest(found)}"))
    return listing.trimmed(out)


def honest(found: Found) -> str:
    """Return what the search does not know, and what follows for the fastest design."""
    return " ".join(filter(None, (*found.notes, *_of_task(found), HONEST, few_keys(found))))


def _of_task(found: Found) -> Iterator[str]:
    """Yield what neck and head cost, whether they are timed, and what they leave out."""
    spec = network(found.model, found.front[0].options)
    costs = costs_by_part(part_terms(spec, MODEL, found.setting), spec)
    if alike := [(part, costs[part]) for part in PARTS[1:] if part in costs and costs[part].macs]:
        said = (
            f"{part} {units.giga(cost.macs)} MACs, {units.millions(cost.params)} params"
            for part, cost in alike
        )
        yield f"In every design: {'; '.join(said)}."
    if not found.is_whole:
        yield (
            "Latency (--within too) is that of the backbone alone: the calibration has not seen "
            f"the kernels of {spec.task}'s {' and '.join(part for part, _ in alike)}."
        )
    yield from left_out(spec)


def few_keys(found: Found) -> str:
    """Return a sentence if the fastest design has fewer keys than the model itself, or ""."""
    fastest, model = found.front[0], found.model
    pooled = replace(model, pool_size=fastest.pool_size)
    mine = keys(pooled, found.setting, fastest.options)
    fewer, its = [], list(mine)
    with suppress(SpecError):  # an R of the model is larger than the grid of so small an image
        sizes = model_sizes(model, found.setting.batch, found.setting.image)
        its = [of_stage["m"] for of_stage in sizes]
        pairs = enumerate(zip(mine, its, strict=True), 1)
        fewer = [(number, few, many) for number, (few, many) in pairs if few < many]
    if fewer:
        number, few, many = fewer[0]
        what = (
            f"has {units.integer(few)} keys in stage {number}, where {model.name} itself has "
            f"{units.integer(many)}"
        )
        every = min(its)  # as many as the model has in every stage
        how = f"more with --min-keys {every}" if every > min(mine) else "others with --only or --R"
    elif POOL in fastest.options and fastest.pool_size < DEFAULT_POOL_SIZE:
        side, usual = (units.grid(edge, edge) for edge in (fastest.pool_size, DEFAULT_POOL_SIZE))
        what = f"pools to {side}, where the published pvt_v2_b2_li pools to {usual}"
        how = f"more with --pool-size {DEFAULT_POOL_SIZE}"
    else:
        return ""
    return (
        f"The fastest design {what}: few keys win every search that knows no accuracy, so ask for "
        f"{how}."
    )


def _summary(found: Found) -> str:
    setting = found.setting
    searched = f" ({found.search.said})" if found.search.said else ""
    return (
        f"{sentences.used(found.model)} at {units.sides(*setting.image)}, batch {setting.batch}, "
        f"{setting.dtype}, {setting.attention} attention: {units.integer(found.searched)} "
        f"design{'s' * (found.searched != 1)}"
        f"{searched}, "
        f"{units.integer(found.feasible)} within the limits, {units.integer(len(found.front))} "
        "that no other design beats in latency, MACs, params and memory at once"
    )


def _spread(front: tuple[Design, ...]) -> list[Design]:
    """Return some designs of a front, evenly spread, with both ends."""
    if len(front) <= MOST_LINES:
        return list(front)
    step = (len(front) - 1) / (MOST_LINES - 1)
    return [front[round(i * step)] for i in range(MOST_LINES)]


def _cells(design: Design, has_name: bool, has_top_1: bool, has_by: bool) -> tuple[str, ...]:
    latency = design.latency
    return (
        *([design.published or ""] if has_name else []),
        design.name,
        *([by(design)] if has_by else []),
        units.milliseconds(latency.seconds),
        units.interval((latency.low, latency.high)),
        units.giga(design.macs),
        units.millions(design.params),
        units.size(design.memory_bytes),
        *([_top_1(design)] if has_top_1 else []),
    )


def _top_1(design: Design) -> str:
    return "" if design.top_1 is None else f"{design.top_1:.1f} %"


def _table(designs: Sequence[Design], has_by: bool) -> Table:
    """Return a table; ``has_by``: each line says whether its latency was measured or predicted."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    has_name = any(design.published for design in designs)
    has_top_1 = any(design.top_1 for design in designs)
    if has_name:
        table.add_column("model", no_wrap=True)
    times = ("by", "latency", "interval, ms") if has_by else ("predicted", "90 %, ms")
    names = ("design", *times, "MACs", "params", "memory")
    for i, name in enumerate((*names, *([TOP_1] if has_top_1 else []))):
        table.add_column(name, justify="right" if i else "left", no_wrap=True)
    for design in designs:
        table.add_row(*_cells(design, has_name, has_top_1, has_by))
    return table


def html(found: Found) -> str:
    """Return the page: a chart of latency against MACs, and its table."""
    header = (
        "published",
        "design",
        *(("by", "latency (ms)") if found.notes else ("predicted (ms)",)),
        "low (ms)",
        "high (ms)",
        "MACs",
        "params",
        "memory (bytes)",
        TOP_1,
    )
    has_by = bool(found.notes)
    lines = tuple(_line(design, has_by) for design in (*found.front, *found.published))
    latency = "latency, measured or predicted," if has_by else "predicted latency"
    label = f"Dots: {latency} against MACs, a dot a design"
    chart = DrawnChart.of("choices", label, draw_choices(found))
    return page(
        "choose.html",
        (),
        title=f"Designs of {sentences.used(found.model)}",
        summary=_summary(found),
        honest=honest(found),
        notes=found.notes,
        section=Section(
            "choices",
            "Latency against MACs" if has_by else "Predicted latency against MACs",
            "Colour: bytes of parameters, input and peak.",
            (chart,),
            (Sheet("The front, then the published models", header, lines),),
        ),
    )


def _line(design: Design, has_by: bool) -> tuple[str, ...]:
    latency = design.latency
    times = (latency.seconds, latency.low, latency.high)
    return (
        design.published or "",
        design.name,
        *([by(design)] if has_by else []),
        *map(units.bare_milliseconds, times),
        units.integer(design.macs),
        units.integer(design.params),
        units.integer(design.memory_bytes),
        _top_1(design),
    )
