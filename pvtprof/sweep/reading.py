"""Reading a store without changing it: a connection that cannot write, and SQL of the user's own.

Two things keep a store as it is: its file is opened read-only, and SQLite's authorizer lets a
statement do nothing but read.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from pvtprof.errors import SpecError
from pvtprof.sweep.connection import connection, in_words

#: What a statement may do, as SQLite's authorizer calls it.
READS = {
    *(sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION),
    sqlite3.SQLITE_RECURSIVE,
}
#: What it may not do, in the words of SQL.
WRITES = {
    getattr(sqlite3, f"SQLITE_{name}"): name.replace("_", " ")
    for name in (
        *("INSERT", "UPDATE", "DELETE", "ATTACH", "DETACH", "PRAGMA", "TRANSACTION", "SAVEPOINT"),
        *("ALTER_TABLE", "CREATE_TABLE", "CREATE_INDEX", "CREATE_VIEW", "CREATE_TRIGGER"),
        *("CREATE_TEMP_TABLE", "CREATE_TEMP_VIEW", "CREATE_TEMP_INDEX", "CREATE_TEMP_TRIGGER"),
        *("DROP_TABLE", "DROP_INDEX", "DROP_VIEW", "DROP_TRIGGER", "REINDEX", "ANALYZE"),
        *("CREATE_VTABLE", "DROP_VTABLE"),
    )
}
#: Those of them that may write nothing.
NO_SELECT = ("PRAGMA", "TRANSACTION", "SAVEPOINT")
#: How many steps of SQLite's machine pass between two looks at whether Ctrl-C was pressed.
STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a statement: names of its columns, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@contextmanager
def connected(path: str | os.PathLike[str]) -> Iterator[sqlite3.Connection]:
    """Yield a connection to a store that can only read; raises StoreError for any other file."""
    with in_words(path), closing(connection(path, create=False, read_only=True)) as opened:
        opened.execute("PRAGMA query_only = ON")
        yield opened


def query(path: str | os.PathLike[str], sql: str) -> Answer:
    """Return the answer of a store to one statement of SQL that reads.

    Raises SpecError for SQL that is wrong, or does anything but read.
    """
    with connected(path) as opened:
        columns = _names(opened)
        refused: list[str] = []
        opened.set_authorizer(_authorizer(refused))
        opened.set_progress_handler(lambda: 0, STEPS)  # where Ctrl-C ends a statement
        try:
            cursor = opened.execute(sql)
            found = tuple(map(tuple, cursor.fetchall()))
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise KeyboardInterrupt from None  # which SQLite took for its own
            raise SpecError(_fault(error, refused, columns)) from None
        if cursor.description is None:
            raise SpecError("there is no SQL; give a statement such as 'SELECT * FROM rows'")
        return Answer(tuple(name for name, *_ in cursor.description), found)


def _names(opened: sqlite3.Connection) -> Sequence[str]:
    return [name for name, *_ in opened.execute("SELECT * FROM rows LIMIT 0").description]


def _authorizer(refused: list[str]) -> Any:
    def authorized(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in READS and second != "load_extension":
            return sqlite3.SQLITE_OK
        what = WRITES.get(action, second or "another action")
        refused.append(f"{what} {first}" if first and not first.startswith("sqlite_") else what)
        return sqlite3.SQLITE_DENY

    return authorized


def _fault(error: Exception, refused: Sequence[str], columns: Sequence[str]) -> str:
    """Return what is wrong with a statement, and the way out."""
    if refused:
        what = next((one for one in refused if not one.startswith("UPDATE sqlite")), refused[0])
        does = "is no SELECT" if what.startswith(NO_SELECT) else "does more than read"
        return (
            f"this SQL {does} ({what}), and a query leaves a store as it is; "
            "use a statement that begins with SELECT"
        )
    if "one statement" in str(error):
        return "there is more than one statement of SQL; give one"
    quotes = " (a text stands in single quotes)" if "no such column" in str(error) else ""
    return f"the SQL is wrong: {error}{quotes}; the view rows has the columns {', '.join(columns)}"
