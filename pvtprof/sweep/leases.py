"""Who measures which row: leases, as statements inside a transaction of the store."""

from __future__ import annotations

import sqlite3

from pvtprof.sweep.processes import Process, this_process

#: A lease is given back after so many seconds, if its process is on a machine that cannot be asked.
LEASE_S = 600.0


def leased(db: sqlite3.Connection, row_id: int, worker: str, until: float) -> bool:
    """Lease a row to a worker of this process; return False where it is leased already."""
    its = this_process()
    found = db.execute(
        "INSERT OR IGNORE INTO lease VALUES (?, ?, ?, ?, ?, ?)",
        (row_id, worker, its.host, its.pid, its.started, until),
    )
    return found.rowcount > 0


def give_back_abandoned(db: sqlite3.Connection, now: float) -> None:
    """End the leases that have expired, and those of processes that are gone."""
    for its in db.execute('SELECT "row", host, pid, started, until FROM lease').fetchall():
        if its["until"] <= now or Process(its["host"], its["pid"], its["started"]).is_gone:
            db.execute('DELETE FROM lease WHERE "row" = ?', (its["row"],))


def may_record(db: sqlite3.Connection, row_id: int, worker: str, tries: int) -> bool:
    """End the worker's lease; whether it had one, or nobody else has one or measured the row."""
    own = db.execute('DELETE FROM lease WHERE "row" = ? AND worker = ?', (row_id, worker))
    if own.rowcount:
        return True
    others = db.execute('SELECT 1 FROM lease WHERE "row" = ?', (row_id,)).fetchone()
    known = db.execute('SELECT tries FROM "row" WHERE id = ?', (row_id,)).fetchone()
    return not others and known is not None and known["tries"] < tries
