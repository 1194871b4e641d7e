"""The store of a sweep: one SQLite file that holds every row asked for and every try of it.

It may be killed at any moment: each method is one transaction, and what is measured but not yet
recorded is leased to a process; when that is gone, the row is free again.
"""

from __future__ import annotations

import datetime
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from pvtprof.observe.machine import Environment
from pvtprof.sweep import connection
from pvtprof.sweep.adding import adding, batches, columns
from pvtprof.sweep.closed_forms import ClosedForms
from pvtprof.sweep.leases import LEASE_S, give_back_abandoned, leased, may_record
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.stored import (
    Outcome,
    Progress,
    Stored,
    environment_text,
    machine_of,
    measurement_text,
)

#: The last so many tries say what a row takes.
RECENT = 200


class Store:
    """An open store; a context manager that closes it."""

    def __init__(self, path: str | os.PathLike[str], opened: sqlite3.Connection) -> None:
        self.path, self.connection = path, opened
        self._tries = 1  # a row of so many tries needs no more
        self._again: tuple[str, ...] | None = None  # keys of the rows that are measured again
        self._alone = ""

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        create: bool = False,
        read_only: bool = False,
        busy_s: float = connection.BUSY_S,
    ) -> Store:
        """Return the store at ``path``; raises StoreError in one line where that cannot be."""
        return cls(path, connection.connection(path, create, read_only, busy_s))

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()

    @contextmanager
    def transaction(self, is_lasting: bool = True) -> Iterator[sqlite3.Connection]:
        """Let what is done meanwhile happen as a whole or not at all.

        ``is_lasting``: it is on the disk at the end, and not only safe from whatever is killed.
        """
        db = self.connection
        with connection.in_words(self.path):
            if db.in_transaction:  # Ctrl-C came in the very moment of a beginning
                db.execute("ROLLBACK")
            db.execute(f"PRAGMA synchronous = {'FULL' if is_lasting else 'NORMAL'}")
            with connection.transaction(db):
                yield db

    def read(self, sql: str, words: Iterable[Any] = ()) -> Iterator[sqlite3.Row]:
        """Yield the rows of a query."""
        with connection.in_words(self.path):
            yield from self.connection.execute(sql, tuple(words))

    def add(self, rows: Iterable[Planned], seed: int) -> int:
        """Add the rows that are not there yet, a batch at a time; return how many those are.

        ``seed`` decides the order in which they are measured. A row whose closed form said no is
        asked for it again: a module of the user's own may be repaired meanwhile.
        """
        forms = ClosedForms()
        return sum(self._added(batch, seed, forms) for batch in batches(rows))

    def _added(self, batch: Mapping[str, Planned], seed: int, forms: ClosedForms) -> int:
        marks = ",".join("?" * len(batch))
        found = self.read(
            f'SELECT key FROM "row" WHERE key IN ({marks}) AND refused IS NULL', batch
        )
        known = {row["key"] for row in found}
        new = [planned for key, planned in batch.items() if key not in known]
        values = [columns(planned, seed, forms) for planned in new]  # no lock meanwhile
        if not values:
            return 0
        last = 'SELECT coalesce(max(id), 0) FROM "row"'
        with self.transaction() as db:
            (before,) = db.execute(last).fetchone()
            db.executemany(adding(values[0]), values)
            (after,) = db.execute(last).fetchone()
            return int(after - before)

    def another(self) -> Store:
        """Return one more connection to this store, for another thread."""
        opened = Store.open(self.path)
        if self._again is not None:
            opened._measure_alone(self._again)
        opened._tries = self._tries
        return opened

    def measure_again(self, rows: Iterable[Planned]) -> None:
        """Let some rows, and no others, be measured once more than the least measured of them."""
        self._again = tuple(planned.key for planned in rows)
        self._measure_alone(self._again)
        sql = f'SELECT coalesce(min(tries), 0) FROM "row" WHERE refused IS NULL {self._alone}'
        self._tries = next(self.read(sql))[0] + 1

    def _measure_alone(self, keys: Iterable[str]) -> None:
        """Keep the numbers of the rows of some keys, for this connection alone."""
        with connection.in_words(self.path):
            self.connection.execute(
                "CREATE TEMP TABLE IF NOT EXISTS alone (id INTEGER PRIMARY KEY)"
            )
            self.connection.execute("DELETE FROM alone")
            sql = 'INSERT OR IGNORE INTO alone SELECT id FROM "row" WHERE key = ?'
            self.connection.executemany(sql, ((key,) for key in keys))
        self._alone = "AND id IN alone"

    def lease(
        self,
        worker: str,
        for_s: float = LEASE_S,
        devices: Collection[str] = (),
    ) -> tuple[int, Planned] | None:
        """Return the next row to measure, by its number; None where there is none.

        It is nobody else's for ``for_s`` seconds, as long as this process lives. ``devices`` are
        those that the row may ask for; () for any.
        """
        now = time.time()
        with self.transaction(is_lasting=False) as db:
            give_back_abandoned(db, now)
            found = db.execute(
                'SELECT id, key FROM "row" AS r WHERE tries < ? AND refused IS NULL AND NOT EXISTS '
                '(SELECT 1 FROM lease WHERE lease."row" = r.id) '
                f"{_one_of('device', devices)} {self._alone} ORDER BY tries, place LIMIT 1",
                (self._tries, *devices),
            ).fetchone()
            if found is None:
                return None
            leased(db, found["id"], worker, now + for_s)
            return found["id"], Planned.from_key(found["key"])

    def lease_row(self, row_id: int, worker: str) -> bool:
        """Lease one row, measured before or not; return False where another process has it."""
        now = time.time()
        with self.transaction(is_lasting=False) as db:
            give_back_abandoned(db, now)
            return leased(db, row_id, worker, now + LEASE_S)

    def devices(self) -> list[str]:
        """Return the devices that rows ask for, by name."""
        sql = 'SELECT DISTINCT device FROM "row" WHERE refused IS NULL ORDER BY device'
        return [row["device"] for row in self.read(sql)]

    def give_back(self, worker: str) -> None:
        """Let others measure what is leased to a worker that does not measure it any more."""
        with self.transaction() as db:
            db.execute("DELETE FROM lease WHERE worker = ?", (worker,))

    def record(
        self,
        row_id: int | None,
        worker: str,
        environment: Environment,
        outcome: Outcome,
        machine: str | None = None,
    ) -> bool:
        """Record one try of a row and end its lease; None is the reference, which needs no lease.

        False, and nothing is recorded, where the lease has ended meanwhile and the row is measured
        by someone else, or was. ``machine`` is that of the environment, if not given.
        """
        machine = machine or machine_of(environment)
        with self.transaction() as db:
            if row_id is not None and not may_record(db, row_id, worker, self._tries):
                return False
            where = (machine, environment_text(environment))
            db.execute("INSERT OR IGNORE INTO environment (machine, json) VALUES (?, ?)", where)
            (found,) = db.execute(
                "SELECT id FROM environment WHERE machine = ? AND json = ?", where
            ).fetchone()
            values = {"row": row_id, "environment": found, "worker": worker} | _tried(outcome)
            names = ", ".join(f'"{name}"' for name in values)
            places = ", ".join("?" * len(values))
            db.execute(f"INSERT INTO measured ({names}) VALUES ({places})", tuple(values.values()))
            db.execute('UPDATE "row" SET tries = tries + 1 WHERE id = ?', (row_id,))
            return True

    def progress(self) -> Progress:
        """Return how far the sweep is."""
        (found,) = self.read(
            "SELECT count(*) AS rows, count(refused) AS refused, "
            f"count(*) FILTER (WHERE refused IS NULL AND tries < :tries {self._alone}) AS left, "
            "count(*) FILTER (WHERE tries > 0) AS tried, "
            '(SELECT count(DISTINCT "row") FROM measured WHERE median_s IS NOT NULL) AS done, '
            "(SELECT avg(spent_s) FROM (SELECT spent_s FROM measured WHERE NOT is_reference "
            f"ORDER BY id DESC LIMIT {RECENT})) AS row_s, "
            '(SELECT count(DISTINCT worker) FROM lease) AS workers FROM "row"',
            (self._tries,),
        )
        its = dict(found)
        # The reference is in `measured` without a row, and count(DISTINCT) leaves NULL out.
        return Progress(failed=its.pop("tried") - its["done"], **its)

    def failures(self) -> dict[str, int]:
        """Return the last reason of the rows that failed and have no time, with their numbers."""
        sql = (
            "SELECT failure, count(*) AS count FROM measured WHERE id IN "
            '(SELECT max(id) FROM measured WHERE NOT is_reference GROUP BY "row" '
            "HAVING max(median_s) IS NULL) GROUP BY failure ORDER BY count DESC, failure"
        )
        return {row["failure"]: row["count"] for row in self.read(sql)}

    def rows(self, where: str = "") -> Iterator[Stored]:
        """Yield the rows of the view ``rows`` for which the SQL condition ``where`` holds."""
        for found in self.read("SELECT * FROM rows" + (f" WHERE {where}" if where else "")):
            yield Stored.of(found)  # type: ignore[arg-type] # a row is read by name

    def reference_s(self, machine: str | None = None) -> list[float]:
        """Return the medians of the reference in the order in which they were taken."""
        sql = (
            "SELECT m.median_s FROM measured AS m JOIN environment AS e ON e.id = m.environment "
            "WHERE m.is_reference AND m.median_s IS NOT NULL AND e.machine = coalesce(?, e.machine)"
            " ORDER BY m.id"
        )
        return [row["median_s"] for row in self.read(sql, (machine,))]


def _one_of(column: str, values: Collection[str]) -> str:
    """Return the condition that a column has one of some values; "" for any."""
    return f"AND {column} IN ({','.join('?' * len(values))})" if values else ""


def _tried(outcome: Outcome) -> dict[str, Any]:
    """Return the columns of one try."""
    its = outcome.measurement
    low, high = (its.interval if its else None) or (None, None)
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "spent_s": outcome.spent_s,
        "timing_s": outcome.timing_s,
        "median_s": its and its.median,
        "low_s": low,
        "high_s": high,
        "measurement": its and measurement_text(its),
        "failure": outcome.failure,
        "is_reference": int(outcome.is_reference),
    }
