"""What the store has of a row that was asked for: its words, its place and its closed form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pvtprof.errors import PvtprofError
from pvtprof.sweep.closed_forms import ClosedForms, Figures
from pvtprof.sweep.planned import ROW_COLUMNS, Planned

#: So many rows are added in one transaction.
BATCH = 256


def batches(rows: Iterable[Planned]) -> Iterator[dict[str, Planned]]:
    """Yield rows by their keys, BATCH at a time."""
    left = iter(rows)
    while batch := {planned.key: planned for planned in islice(left, BATCH)}:
        yield batch


def columns(planned: Planned, seed: int, forms: ClosedForms) -> dict[str, Any]:
    """Return what stands in the table; figures are None where the closed form says no."""
    return {
        "key": planned.key,
        "place": _place(planned.key, seed),
        **dict(zip(ROW_COLUMNS, planned.columns, strict=True)),
        **_figures(planned, forms),
    }


def adding(names: Iterable[str]) -> str:
    """Return the SQL that adds a row of these columns.

    Of a row that is there and was refused, it replaces the figures.
    """
    listed, places = ", ".join(names), ", ".join(f":{name}" for name in names)
    figures = ", ".join(f"{name} = excluded.{name}" for name in (*Figures._fields, "refused"))
    return (
        f'INSERT INTO "row" ({listed}) VALUES ({places}) ON CONFLICT (key) DO UPDATE SET {figures} '
        'WHERE "row".refused IS NOT NULL'
    )


def _figures(planned: Planned, forms: ClosedForms) -> dict[str, int | float | str | None]:
    try:
        return {**forms.of(planned)._asdict(), "refused": None}
    except PvtprofError as error:
        return {**dict.fromkeys(Figures._fields), "refused": str(error)}


def _place(key: str, seed: int) -> float:
    """Return a number from 0 to 1 that is random, and the same on every machine."""
    digest = hashlib.sha256(f"{seed} {key}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
