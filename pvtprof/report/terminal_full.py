"""Every table and remark of a run for the terminal: what --full adds to the answer.

In a narrow terminal whole columns are left out, and named.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pvtprof import spoken, units
from pvtprof.report import gpu, listing, notes, own, sentences
from pvtprof.report.sheet import Figure, Sheet
from pvtprof.run.row import Row
from pvtprof.run.run import Run


def _counted(
    name: str, of: Callable[[Row], int | None], short: Callable[[int | None], str], unit: str = ""
) -> Figure:
    """A whole number: short, and exact with its unit."""

    def exact(row: Row) -> str:
        value = of(row)
        return "-" if value is None else units.integer(value) + unit

    return Figure(name, lambda row: short(of(row)), of, exact)


#: The lines of a table, in their order; one that no design has is left out.
_COSTS = (
    Figure("keys", lambda row: units.integer(row.kv_tokens), lambda row: row.kv_tokens),
    _counted("MACs", lambda row: row.macs, spoken.short),
    _counted("params", lambda row: row.params, spoken.short),
    _counted("peak", lambda row: row.peak.bytes, units.size, " B"),
    _counted("saved", lambda row: row.saved_bytes, units.size, " B"),
    _counted("moved", lambda row: sum(row.moved_bytes), units.size, " B"),
    Figure("FLOPs/B", lambda row: units.intensity(row.intensity)),
)
_TIMES = (
    Figure(
        "latency",
        lambda row: sentences.latency(row),
        lambda row: row.latency_median_s,
    ),
    Figure("95 %", lambda row: units.interval(row.latency_interval_s)),
)
_PREDICTED = Figure("predicted", lambda row: sentences.predicted(row), lambda row: row.predicted_s)


def figures(run: Run) -> tuple[Figure, ...]:
    """The figures of each row of a run: on a GPU its times are several."""
    return (*_COSTS, *(gpu.FIGURES if run.setting.on_cuda else _TIMES), _PREDICTED)


def render(run: Run, width: int, color: bool = False, exact: bool = False) -> str:
    """Return a table, its sentences and its notes for every comparison, ``width`` columns wide.

    ``exact``: with every digit of every whole number. Where not even one design fits, a table is as
    wide as its digits: a terminal wraps them.
    """
    return "\n".join(
        _own(run, width, color) if one.is_own else _comparison(one, width, color, exact)
        for one in run.comparisons
    )


def _own(run: Run, width: int, color: bool) -> str:
    """Modules of the user's own, side by side and by submodule."""
    out = io.StringIO()
    console = _console(out, width, color)
    console.print(Text(f"{own.title(run)}, {own.setting(run)}{_machine(run)}"))
    for sheet in (own.beside(run), own.submodules(run)):
        if sheet.lines:
            table = _sheet_table(sheet)
            console.width = max(width, _width(table, console))
            console.print(table)
            console.width = width
    agrees = all(row.agrees for row in own.wholes(run))
    for text in own.said(run):
        console.print(Text(text, style="bold" if agrees else "bold red"))
    for text in own.remarks(run):
        console.print(Text(f"- {text}"))
    return listing.trimmed(out)


def _sheet_table(sheet: Sheet) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False, show_edge=False)
    for name, right in zip(sheet.header, sheet.right, strict=True):
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for line in sheet.lines:
        table.add_row(*line)
    return table


def _console(out: io.StringIO, width: int, color: bool) -> Console:
    return Console(
        file=out,
        width=width,
        force_terminal=color,
        no_color=not color,
        highlight=False,
        markup=False,  # a user's own names stand as they are: brackets, and ":name:"
        emoji=False,
    )


def _comparison(run: Run, width: int, color: bool, exact: bool) -> str:
    out = io.StringIO()
    console = _console(out, width, color)
    table, needed, dropped = _fitting(run, console, exact)
    console.print(Text(_title(run)))
    console.width = max(width, needed)
    console.print(table)
    console.width = width
    for text in sentences.sentences(run):
        console.print(Text(text, style="bold" if run.agrees else "bold red"))
    equal = ["equal: the 95 % intervals overlap, so both are as fast within the noise."]
    legend = equal if sentences.EQUAL in out.getvalue().split() else []
    for text in (*sentences.disagreements(run), *legend, *dropped, *notes.notes(run)):
        console.print(Text(f"- {text}"))
    return listing.trimmed(out)


def _title(run: Run) -> str:
    return f"{sentences.place(run)}, {sentences.setting(run)}{_machine(run)}"


def _machine(run: Run) -> str:
    env = run.environment
    return f", {env.device}, {env.threads} threads, torch {env.torch}" if env.threads else ""


def _fitting(run: Run, console: Console, exact: bool) -> tuple[Table, int, list[str]]:
    """Return the table with the columns that fit, its width, and a note that names the others."""
    variants = list(run.variants)
    ratios = variants[1:]
    dropped: list[str] = []
    while True:
        table = _table(_lines(run, variants, ratios, exact))
        needed = _width(table, console)
        if needed <= console.width or len(variants) == 1:
            return table, needed, _left_out(dropped, console.width)
        dropped.insert(0, _ratio_name(ratios.pop(), run) if ratios else variants.pop())


def _left_out(columns: Sequence[str], width: int) -> list[str]:
    if not columns:
        return []
    names = f"{', '.join(columns)} {'is' if len(columns) == 1 else 'are'}"
    return [f"{names} left out at {width} columns; use a wider terminal, or --format csv."]


def _ratio_name(variant: str, run: Run) -> str:
    """Return the name of the column of a design relative to the first one: "conv/mha"."""
    return "/".join(name.removeprefix("sra_") for name in (variant, run.reference))


def _width(table: Table, console: Console) -> int:
    return console.measure(table, options=console.options.update(width=9999)).maximum


def _lines(
    run: Run, variants: Sequence[str], ratios: Sequence[str], exact: bool
) -> list[list[str]]:
    lines = [["stage", "per module", *variants, *(_ratio_name(v, run) for v in ratios)]]
    for part in run.parts:
        rows = {row.design.name: row for row in run.rows if row.part == part}
        labels = iter(_labels(rows))
        for its in figures(run):
            text = its.exact if exact and its.exact else its.text
            cells = [text(rows[variant]) for variant in variants]
            if all(cell == "-" for cell in cells):
                continue
            first = rows.get(run.reference)
            shares = [_ratio(its, rows[v], first) for v in ratios if first]
            lines.append([next(labels, ""), its.name, *cells, *shares])
        lines.extend([label, ""] + [""] * (len(lines[0]) - 2) for label in labels)
        lines.append([])
    return [line or [""] * len(lines[0]) for line in lines[:-1]]


def _ratio(figure: Figure, row: Row, first: Row) -> str:
    """Return a row's figure against that of the first design, as the cell of a ratio column."""
    part, whole = figure.number(row), figure.number(first)
    if part is None or whole is None:
        return "-"
    if (
        figure.name in ("latency", gpu.TIMES[0])
        and row is not first
        and sentences.equally_fast(row, first)
    ):
        return sentences.EQUAL
    is_doubtful = figure.name in ("latency", gpu.TIMES[0]) and (
        row.is_doubtful or first.is_doubtful
    )
    return units.marked(units.ratio(part, whole), is_doubtful)


def _labels(rows: dict[str, Row]) -> list[str]:
    row = next(iter(rows.values()))
    if row.part.stage is None:
        return ["model", f"{row.blocks} blocks"]
    assert row.grid is not None  # every attention row has its grid
    ratio = row.design.spec.sr_ratios[row.part.stage - 1]
    return [str(row.part.stage), units.grid(*row.grid), f"R {ratio}", f"x{row.blocks} blocks"]


def _table(lines: list[list[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False, show_edge=False)
    for i, name in enumerate(lines[0]):
        table.add_column(name, justify="left" if i < 2 else "right", no_wrap=True)
    for line in lines[1:]:
        table.add_row(*line)
    return table
