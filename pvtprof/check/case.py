"""What one gate says of one row, as a value."""

from __future__ import annotations

from dataclasses import dataclass

#: What a gate of `pvtprof check` can say of a row.
PASSED, FAILED, UNDECIDED, SKIPPED = "passed", "failed", "undecided", "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """One gate ("exact" or "latency") over one row: its status, and what it has to say."""

    row: str
    gate: str
    status: str
    lines: tuple[str, ...] = ()
