"""The rows of a store that a calibration can be fitted to: their kernels, and their seconds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from pvtprof.analytic.parts import part_terms
from pvtprof.errors import PvtprofError, SpecError
from pvtprof.observe.machine import Environment
from pvtprof.observe.measurement import Measurement
from pvtprof.predict.kernels import Kernel, kernels
from pvtprof.sweep.planned import Planned, part_named
from pvtprof.sweep.stored import environment_of, measurement_of


@dataclass(frozen=True)
class TimedRow:
    """A measured row: its kernels and how often each runs, and its seconds.

    ``kind`` is "model" or "attention"; ``noise`` half the width of the interval as a share;
    ``waited`` the share of the time without a core.
    """

    planned: Planned
    kind: str
    runs: tuple[tuple[Kernel, int], ...]
    seconds: float
    noise: float
    waited: float


def timed_rows(
    opened: sqlite3.Connection, machine: str, dtype: str, threads: int | None = None
) -> tuple[list[TimedRow], Environment]:
    """Return the rows in inference of one machine, and the environment in which they were timed.

    ``threads`` None takes the number of threads of most rows. Raises SpecError where there are
    none.
    """
    found: dict[int, dict[str, list[Measurement]]] = {}
    places: dict[int, Environment] = {}
    for line in opened.execute(
        'SELECT r.key, m.measurement, m.date, e.json FROM measured AS m JOIN "row" AS r '
        'ON r.id = m."row" JOIN environment AS e ON e.id = m.environment WHERE e.machine = ? '
        "AND r.dtype = ? AND r.mode = 'inference' AND r.target = '' AND r.task = 'classify' "
        "AND m.measurement IS NOT NULL AND NOT m.is_reference",
        (machine, dtype),
    ):
        number = json.loads(line["json"]).get("threads") or 0
        places[number] = environment_of(line["json"], line["date"])
        measurement = measurement_of(line["measurement"])
        found.setdefault(number, {}).setdefault(line["key"], []).append(measurement)
    if threads is None:
        threads = max(found, key=lambda number: len(found[number]), default=0)
    if threads not in found:
        raise SpecError(
            f"there are no times of {dtype} networks in inference on machine {machine}"
            + (f" with {threads} threads" if threads else "")
            + "; measure some with `pvtprof sweep`"
        )
    return list(_rows(found[threads])), places[threads]


def _rows(found: dict[str, list[Measurement]]) -> Iterator[TimedRow]:
    for key, taken in found.items():
        planned = Planned.from_key(key)
        try:
            kind, runs = kernels_of(planned)
        except PvtprofError:  # a design file that is gone
            continue
        seconds = median(one.median for one in taken)
        yield TimedRow(planned, kind, runs, seconds, _noise(taken, seconds), _waited(taken))


def kernels_of(planned: Planned) -> tuple[str, tuple[tuple[Kernel, int], ...]]:
    """Return the kind of a row, and its kernels with how often each runs."""
    work = planned.workload
    part = part_named(planned.part, work.model.last)
    terms = part_terms(work.designs[0].spec, part, work.setting)
    return part.kind, tuple((kernel, term.times) for term, kernel in kernels(terms, planned.dtype))


def _noise(taken: Sequence[Measurement], seconds: float) -> float:
    widths = [one.interval[1] - one.interval[0] for one in taken if one.interval]
    return median(widths) / (2 * seconds) if widths else 0.0


def _waited(taken: Sequence[Measurement]) -> float:
    return median(one.waited for one in taken)
