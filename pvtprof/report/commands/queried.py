"""The answer to a query, as a table for the terminal, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pvtprof import units
from pvtprof.report.listing import trimmed


def render(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: str) -> str:
    """Return rows as "table", "csv" or "json"; every digit but in a table.

    >>> print(render(["design", "n"], [("mha", 3136), ("sra_conv", None)], "csv"), end="")
    design,n
    mha,3136
    sra_conv,
    """
    if form == "json":
        records = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
        return json.dumps(records, indent=1) + "\n"
    out = io.StringIO()
    if form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows([columns, *([_plain(value) for value in row] for row in rows)])
        return out.getvalue()
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for i, name in enumerate(columns):
        is_number = any(isinstance(row[i], int | float) for row in rows)
        table.add_column(Text(name), justify="right" if is_number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console(file=out, width=9999)
    console.width = console.measure(table).maximum  # a terminal wraps what is too wide
    console.print(table)
    return f"{trimmed(out)}\n{units.integer(len(rows))} row{'s' * (len(rows) != 1)}\n"


def _plain(value: Any) -> Any:
    """Return the value as CSV and JSON have it: bytes as hexadecimal digits."""
    return value.hex() if isinstance(value, bytes) else value


def _cell(value: Any) -> str:
    return units.cell(value.hex() if isinstance(value, bytes) else value)
