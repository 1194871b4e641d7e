"""Opening the file of a store, and what SQLite says of it in one line of plain words."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pvtprof.errors import SchemaError, StoreError
from pvtprof.sweep.schema import APPLICATION_ID, TABLES, UPGRADES, VERSION, VIEWS

#: How the name of a store may end.
SUFFIXES = (".sqlite", ".sqlite3", ".db")
#: A store that another program has locked for so long is given up.
BUSY_S = 30.0
#: A file of fewer bytes is read through when it is opened to be written: damage is said at once.
CHECKED_BYTES = 2**28
#: How every SQLite file begins; where its head has the size of a page, the number of pages, and
#: twice the number of its last change, by which that number of pages is known to be right.
MAGIC, HEAD_BYTES = b"SQLite format 3\0", 100
PAGE_SIZE, PAGES, CHANGED, CHANGED_TOO = (
    slice(16, 18),
    slice(28, 32),
    slice(24, 28),
    slice(92, 96),
)
DAMAGED = "is damaged or cut off; take a copy of it from before, or name another store"
ANOTHER = "name another store, or a copy of it"
#: What SQLite says by its number (the low byte of an extended one), in words.
WORDS = {
    sqlite3.SQLITE_BUSY: "is locked by another program; end that, or try again",
    sqlite3.SQLITE_LOCKED: "is locked by another program; end that, or try again",
    sqlite3.SQLITE_FULL: (
        "cannot grow: the disk is full; all that was recorded is kept; free some space, and give "
        "the same command again"
    ),
    sqlite3.SQLITE_READONLY: f"cannot be written: it is read-only, and is unchanged; {ANOTHER}",
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk fails or is full; all that was recorded is kept; give "
        "the same command again once that is repaired"
    ),
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check the path and its folder's permissions",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}


@contextmanager
def in_words(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise StoreError in one line in place of what SQLite raises."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        known = WORDS.get(code & 0xFF) if code is not None else None
        raise StoreError(f"{path} {known or f'cannot be used: {error}'}") from None


def is_sqlite(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a file that begins as every file of SQLite does."""
    try:
        if not Path(path).is_file():  # reading a pipe may never end
            return False
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def connection(
    path: str | os.PathLike[str], create: bool, read_only: bool, busy_s: float = BUSY_S
) -> sqlite3.Connection:
    """Return a connection to a store, made where it is not there yet and ``create`` asks for it.

    Raises StoreError in one line for a file that is no store, or cannot be read or written, and
    SchemaError for one of a newer schema; the file is unchanged then.
    """
    file = Path(path)
    try:
        _check_file(file, create, read_only)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"cannot open {path}: {reason}; check the path") from None
    with in_words(path):
        if read_only:
            return _to_read(file, busy_s)
        mode = "rwc" if create else "rw"
        opened = _connected(file, f"mode={mode}", busy_s)
        try:
            _made_ready(opened, file, create, busy_s)
        except BaseException:
            opened.close()
            raise
        return opened


def _check_file(file: Path, create: bool, read_only: bool) -> None:
    """Raise StoreError for what can be told without SQLite."""
    if "\0" in str(file):
        raise ValueError("its name has a NUL")
    if file.is_dir():
        raise StoreError(f"{file} is a directory; use the name of a file in it")
    if not file.exists():
        if not create or read_only:
            raise StoreError(f"there is no {file}; `pvtprof sweep -o {file}` makes a store")
        file.parent.mkdir(parents=True, exist_ok=True)
    if not read_only and not os.access(file.parent, os.W_OK):  # for the log beside it
        raise StoreError(f"{file} cannot be written: its folder is read-only; {ANOTHER}")
    if not file.exists():
        return
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    if not head and create and not read_only:
        return  # a file that was made and not yet filled
    if not head.startswith(MAGIC):
        what = "is empty, and no store of a sweep" if not head else "is no store of a sweep"
        raise StoreError(f"{file} {what}; it is left as it is; name another file")
    if len(head) < HEAD_BYTES or (not _has_log(file) and _pages_bytes(head) > file.stat().st_size):
        raise StoreError(f"{file} {DAMAGED}")


def _pages_bytes(head: bytes) -> int:
    """Return how large a file says that it is; 0 where it does not say."""
    size, pages = (int.from_bytes(head[where]) for where in (PAGE_SIZE, PAGES))
    return (65536 if size == 1 else size) * pages if head[CHANGED] == head[CHANGED_TOO] else 0


def _has_log(file: Path) -> bool:
    """Whether changes stand beside the file, in what SQLite calls the write-ahead log."""
    log = file.with_name(f"{file.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _connected(file: Path, words: str, busy_s: float) -> sqlite3.Connection:
    opened = sqlite3.connect(
        f"{file.absolute().as_uri()}?{words}", uri=True, timeout=busy_s, isolation_level=None
    )
    opened.row_factory = sqlite3.Row
    return opened


def _to_read(file: Path, busy_s: float) -> sqlite3.Connection:
    """Return a connection that cannot write, also on a disk that cannot be written."""
    try:
        return _checked(_connected(file, "mode=ro", busy_s), file)
    except sqlite3.OperationalError as error:
        is_unwritable = error.sqlite_errorcode & 0xFF in (
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
        )
        if not is_unwritable or _has_log(file):
            raise
        return _checked(_connected(file, "mode=ro&immutable=1", busy_s), file)


def _checked(opened: sqlite3.Connection, file: Path) -> sqlite3.Connection:
    """Return a connection to a store; close it where the file is none."""
    try:
        _check_kind(opened, file)
    except BaseException:
        opened.close()
        raise
    return opened


def number(opened: sqlite3.Connection, pragma: str) -> int:
    """Return the number that a pragma of SQLite has."""
    return int(opened.execute(f"PRAGMA {pragma}").fetchone()[0])


def _check_kind(opened: sqlite3.Connection, file: Path) -> None:
    """Raise where a file is no store, or a store of a newer schema."""
    kind, version = number(opened, "application_id"), number(opened, "user_version")
    if kind != APPLICATION_ID:
        raise StoreError(f"{file} is no store of a sweep; it is left as it is; name another file")
    if version > VERSION:
        raise SchemaError(
            f"{file} has schema {version} of a newer pvtprof, and this one reads up to {VERSION}; "
            "update pvtprof, or name another store"
        )


def _made_ready(opened: sqlite3.Connection, file: Path, create: bool, busy_s: float) -> None:
    """Check a store that is to be written; make its tables where the file has none."""
    is_new = number(opened, "application_id") == 0 and not number(opened, "schema_version")
    if not (is_new and create):
        _check_kind(opened, file)
    _log_ahead(opened, file, busy_s)
    opened.execute("PRAGMA foreign_keys = ON")
    if number(opened, "page_count") * number(opened, "page_size") < CHECKED_BYTES:
        found = opened.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StoreError(f"{file} {DAMAGED}")
    with transaction(opened):  # which also says whether it can be written
        if is_new and not number(opened, "schema_version"):
            for statement in (*statements(TABLES), *statements(VIEWS)):
                opened.execute(statement)
            opened.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            opened.execute(f"PRAGMA user_version = {VERSION}")
        _check_kind(opened, file)
        for version in range(number(opened, "user_version"), VERSION):
            for statement in statements(UPGRADES[version]):
                opened.execute(statement)
            opened.execute(f"PRAGMA user_version = {version + 1}")


@contextmanager
def transaction(opened: sqlite3.Connection) -> Iterator[None]:
    """Let what is done meanwhile happen as a whole or not at all."""
    opened.execute("BEGIN IMMEDIATE")
    try:
        yield
        opened.execute("COMMIT")
    except BaseException:
        if opened.in_transaction:
            opened.execute("ROLLBACK")
        raise


def _log_ahead(opened: sqlite3.Connection, file: Path, busy_s: float) -> None:
    """Let the file be changed by a log beside it, so that one writes while others read.

    SQLite does not wait by itself where two do that at once.
    """
    until = time.monotonic() + busy_s
    while True:
        with suppress(sqlite3.OperationalError):
            mode = opened.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            if mode == "wal":
                return
            raise StoreError(
                f"the file system of {file} cannot hold a store, which needs SQLite's log beside "
                "it (WAL); name a file on a local disk"
            )
        if time.monotonic() > until:
            opened.execute("PRAGMA journal_mode = WAL")  # raises what it is
            return
        time.sleep(0.05)


def statements(script: str) -> Iterator[str]:
    """Yield the statements of some SQL one by one: ``executescript`` would commit before each."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
