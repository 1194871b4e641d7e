"""`calibrate --from STORE`: the fit of a store's rows, kept in the store, and its predictions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pvtprof.designs.checks import one_of
from pvtprof.designs.words import DTYPES
from pvtprof.errors import PvtprofError, SpecError
from pvtprof.predict.calibration import Calibration, load_for
from pvtprof.predict.kept import known_calibration
from pvtprof.sweep.calibrating import FromRows, fitted
from pvtprof.sweep.known import dumped, stored_calibration
from pvtprof.sweep.machines import Machine, machines, named
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import environment_of
from pvtprof.sweep.timed_rows import kernels_of, timed_rows

#: So many rows get their prediction in one transaction.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Source:
    """Which times of a store count, and the calibration that a fit of them stands on.

    ``machine`` None is this one, ``threads`` None are those of most rows. ``base`` is a file; None
    is the calibration that is kept for this machine, else the store's own.
    """

    device: str = "auto"
    dtype: str = "float32"
    machine: str | None = None
    threads: int | None = None
    base: str | os.PathLike[str] | None = None


def calibrate_from(
    path: str | os.PathLike[str],
    source: Source = Source(),
    progress: Callable[[str], None] = lambda text: None,
) -> FromRows:
    """Return a calibration fitted to the times of a store, and keep it in the store.

    It stands on another one, of which it changes what the rows carry. Predictions of the store's
    rows are those of the new one from then on.
    """
    one_of("dtype", source.dtype, tuple(DTYPES))
    with Store.open(path) as store:
        opened = store.connection
        its = _machine(opened, source, path)
        rows, place = timed_rows(opened, its.name, source.dtype, source.threads)
        below = _base(opened, its, source)
        progress(f"fitting {len(rows)} rows")
        found = fitted(rows, replace(below, environment=place), its.name)
        with store.transaction() as db:
            db.execute(
                "INSERT INTO calibration (machine, dtype, date, json) VALUES (?, ?, ?, ?)",
                (its.name, source.dtype, place.date, dumped(found.calibration)),
            )
        _predict(store, found.calibration, its.name, progress)
        return found


def _machine(opened: sqlite3.Connection, source: Source, path: str | os.PathLike[str]) -> Machine:
    found = machines(opened)
    its = named(found, source.machine, source.device)
    if its is None:
        there = f"it has those of {', '.join(map(str, found))}: name one with --machine"
        raise SpecError(
            f"{path} has no times of this machine; "
            f"{there if found else f'measure with `pvtprof sweep -o {path}`'}"
        )
    return its


def _base(opened: sqlite3.Connection, machine: Machine, source: Source) -> Calibration:
    """Return the calibration that the fit stands on."""
    dtype = source.dtype
    if source.base is not None:
        return load_for(source.base, dtype, machine.environment)
    try:
        kept = known_calibration(source.device, dtype)
        if machine.is_here(kept.environment):
            return kept
        reason = "the one that is kept is of another machine"
    except PvtprofError as error:
        reason = str(error)
    found = stored_calibration(opened, machine.name, dtype)
    if found is None:
        raise SpecError(
            f"a fit to whole networks begins with a calibration of their machine, {machine.name}, "
            f"and {reason}; on another machine make it with `pvtprof calibrate -o FILE`, and give "
            "it with --calibration FILE"
        )
    return found


def _predict(
    store: Store, calibration: Calibration, machine: str, progress: Callable[[str], None]
) -> None:
    """Write the predictions of the rows of the calibration's dtype, where they are this machine's.

    A row that another machine measured too keeps what it has: the column has one machine's figure.
    """
    values: list[tuple[float, int]] = []
    for number, key in _rows(store, calibration, machine):
        planned = Planned.from_key(key)
        try:
            _, runs = kernels_of(planned)
            values.append((calibration.seconds(runs), number))
        except PvtprofError:  # a kernel that it has not seen, or a design file that is gone
            continue
        if len(values) % BATCH == 0:
            progress(f"{len(values):,} rows predicted")
    for begin in range(0, len(values), BATCH):
        with store.transaction() as db:
            db.executemany(
                'UPDATE "row" SET predicted_s = ?, predicted_for = ? WHERE id = ?',
                [(seconds, machine, number) for seconds, number in values[begin : begin + BATCH]],
            )


def _rows(store: Store, calibration: Calibration, machine: str) -> Iterator[tuple[int, str]]:
    """Yield the rows that a calibration can predict: of its devices and its number of threads."""
    threads = calibration.environment.threads or 0
    free = 0 if _takes(store, machine, threads) else threads
    on = 'measured AS m JOIN environment AS e ON e.id = m.environment JOIN "row" AS o ON o.id'
    sql = (
        "SELECT id, key FROM \"row\" AS r WHERE dtype = ? AND mode = 'inference' AND target = '' "
        "AND threads IN (?, ?) AND refused IS NULL AND device IN (SELECT o.device FROM "
        f'{on} = m."row" WHERE e.machine = ?) AND NOT EXISTS '
        f'(SELECT 1 FROM {on} = m."row" WHERE o.id = r.id AND e.machine != ?)'
    )
    words = (calibration.dtype, free, threads, machine, machine)
    for line in list(store.read(sql, words)):
        yield line["id"], line["key"]


def _takes(store: Store, machine: str, threads: int) -> bool:
    """Return whether torch takes so many threads on a machine by itself, as far as is known."""
    sql = (
        "SELECT DISTINCT e.json FROM measured AS m JOIN environment AS e ON e.id = m.environment "
        'LEFT JOIN "row" AS o ON o.id = m."row" WHERE e.machine = ? AND coalesce(o.threads, 0) = 0'
    )
    own = {environment_of(line["json"], "").threads for line in store.read(sql, (machine,))}
    return threads in own
