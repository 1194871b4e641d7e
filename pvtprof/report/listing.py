"""A list of records as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pvtprof import units


def render(records: Sequence[Mapping[str, Any]], form: str) -> str:
    """Return records of the same fields as "table", "csv" or "json"."""
    out = io.StringIO()
    if form == "json":
        return json.dumps(records, indent=1) + "\n"
    if form == "csv":
        writer = csv.DictWriter(out, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        return out.getvalue()
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name, value in records[0].items():
        table.add_column(name, justify="right" if isinstance(value, int) else "left", no_wrap=True)
    for record in records:
        table.add_row(*(v if isinstance(v, str) else units.integer(v) for v in record.values()))
    console = Console(file=out, width=9999)
    console.width = console.measure(table).maximum  # a terminal wraps what is too wide
    console.print(table)
    return trimmed(out)


def print_table(console: Console, table: Table) -> None:
    """Print a table as wide as its longest words: a terminal wraps them, and none is cut.

    A column that does not wrap is as wide as its cells.
    """
    for column in table.columns:
        cells = [str(cell) for cell in (column.header, *column.cells)]
        words = cells if column.no_wrap else [word for cell in cells for word in cell.split()]
        column.min_width = max(map(len, words), default=1)
    width = console.width
    wide = console.options.update(width=9999)
    console.width = max(
        width, console.measure(table, options=wide).minimum + 2 * len(table.columns)
    )
    console.print(table)
    console.width = width


def trimmed(out: io.StringIO) -> str:
    """Return printed text without the blanks that rich puts at the ends of lines."""
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
