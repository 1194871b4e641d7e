"""Reads a store for its page: the lines of the frame, their samples, environments, the reference.

All of it in one transaction, so that a sweep may go on meanwhile; nothing is written.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pvtprof.errors import StoreError
from pvtprof.observe.machine import WITHHELD
from pvtprof.report.sweep_page.sweep_rows import COLUMNS, Reference, Stored
from pvtprof.sweep.connection import SUFFIXES, in_words, is_sqlite
from pvtprof.sweep.reading import connected

#: What the reference of a sweep is called.
REFERENCE = "the reference"
SAMPLES = """
SELECT m."row" AS id, e.machine, m.measurement FROM measured AS m
JOIN environment AS e ON e.id = m.environment
WHERE m.measurement IS NOT NULL AND NOT m.is_reference ORDER BY m.id"""
REFERENCES = """
SELECT e.machine, m.date, m.median_s FROM measured AS m
JOIN environment AS e ON e.id = m.environment
WHERE m.median_s IS NOT NULL AND m.is_reference ORDER BY m.id"""


def is_store(path: str) -> bool:
    """Return whether a path names a store, by the beginning of the file or by its name."""
    return is_sqlite(path) or Path(path).suffix in SUFFIXES


def read(path: str) -> Stored:
    """Return what a store holds; raises StoreError for any other file."""
    with connected(path) as opened, in_words(path):
        opened.execute("BEGIN")
        sql = f"SELECT id, key, {', '.join(COLUMNS)} FROM rows ORDER BY id, machine"
        lines = [tuple(line) for line in opened.execute(sql)]
        samples = _samples(opened, path)
        environments = _environments(opened)
        references = [Reference(m, REFERENCE, d, s) for m, d, s in opened.execute(REFERENCES)]
    machine = len(COLUMNS) + 1
    return Stored(
        Path(path).name,
        {name: [line[i] for line in lines] for i, name in enumerate(COLUMNS, 2)},
        [line[1] for line in lines],
        [samples.get((line[0], line[machine]), ()) for line in lines],
        environments,
        references,
    )


def _samples(opened: sqlite3.Connection, path: str) -> Mapping[tuple[int, str], Sequence[float]]:
    """Return the samples of every row and machine, of all its tries in their order."""
    found: dict[tuple[int, str], list[float]] = defaultdict(list)
    for number, machine, text in opened.execute(SAMPLES):
        try:
            found[number, machine] += map(float, json.loads(text)["samples"])
        except (ValueError, TypeError, KeyError):
            raise StoreError(f"{path} has a measurement that cannot be read") from None
    return found


def _environments(opened: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """Return what is known of each machine; of what changed meanwhile all values."""
    found: dict[str, dict[str, list[Any]]] = defaultdict(dict)
    for machine, text in opened.execute("SELECT machine, json FROM environment ORDER BY id"):
        for name, value in json.loads(text).items():
            values = found[machine].setdefault(name, [])
            if value not in values:
                values.append(value)
    return {
        machine: {n: v[0] if len(v) == 1 else " or ".join(map(str, v)) for n, v in its.items()}
        for machine, its in found.items()
    }


def anonymous(stored: Stored) -> Stored:
    """Return the same without devices, dates and the name of the file; machines are numbered."""
    machines = dict.fromkeys([*stored.environments, *stored.columns["machine"]])
    machines.pop(None, None)
    numbers = {machine: str(number) for number, machine in enumerate(machines, 1)}
    columns = {
        **stored.columns,
        "machine": [numbers.get(machine) for machine in stored.columns["machine"]],
    }
    return replace(
        stored,
        name="store.sqlite",
        columns=columns,
        environments={numbers[one]: {"known": WITHHELD} for one in stored.environments},
        references=[
            replace(one, machine=numbers[one.machine], date=f"{place:09}")
            for place, one in enumerate(stored.references)
        ],
    )
