"""The verdict of one gate about one row."""

from __future__ import annotations

from dataclasses import dataclass

#: What a gate of `pvtprof check` can say of a row.
PASSED, FAILED, UNDECIDED, SKIPPED = "passed", "failed", "undecided", "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """The verdict of one gate ("exact" or "latency") about one row, with its lines of text."""

    row: str
    gate: str
    status: str
    lines: tuple[str, ...] = ()
