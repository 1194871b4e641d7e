"""The closed forms of a sweep as Parquet or CSV, row by row: memory does not grow with the rows."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from pvtprof import files, units
from pvtprof.errors import PvtprofError, SpecError, StoreError, UnavailableError
from pvtprof.sweep.closed_forms import EXACT, ClosedForms, Figures
from pvtprof.sweep.planned import ROW_COLUMNS, Planned

#: The columns, one fact a column. Of a row whose closed form says no, ``refused`` says why, and
#: its figures are empty.
WORDS = ROW_COLUMNS[:-1]
FIGURES = Figures._fields
COLUMNS = (*WORDS, *FIGURES, "refused")
NUMBERS = ("height", "width", "pool_size", "batch", "threads", *EXACT)
#: So many rows are written at a time.
GROUP = 20_000
#: What a file of pvtprof begins with, or has in its metadata.
MARK = "pvtprof.sweep/1"
SUFFIXES = (".parquet", ".csv")
#: How far it is, is said at most so often.
SAY_S = 0.5


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a file of closed forms has: rows, how many were refused, and the first reason."""

    path: str
    rows: int
    refused: int
    reason: str = ""


class _Writer(Protocol):
    """What takes rows, a group at a time."""

    def write(self, columns: Sequence[Sequence[Any]]) -> None: ...

    def close(self) -> None: ...


def write(
    rows: Iterable[Planned],
    count: int,
    path: str | os.PathLike[str],
    *,
    force: bool = False,
    forms: ClosedForms | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Streamed:
    """Write the closed forms of some rows, whose number is ``count``, as Parquet or CSV.

    The file is there as a whole or not at all. Raises SpecError where every row is refused,
    StoreError where it cannot be written.
    """
    check_writable(path, force)
    told = _Told(count, progress)
    forms = forms or ClosedForms()
    with in_one_step(Path(path)) as temporary:
        writer = _Parquet(temporary) if Path(path).suffix == ".parquet" else _Csv(temporary)
        try:
            for group in _groups(rows):
                lines = [_line(one, forms, told) for one in group]
                writer.write(list(zip(*lines, strict=True)))
                told.say()
        finally:
            writer.close()
        if told.refused == told.rows:
            raise SpecError(
                f"no row of this sweep has a closed form; the first says: {told.reason}"
            )
    return Streamed(os.fspath(path), told.rows, told.refused, told.reason)


class _Told:
    """How many rows there were, and what is said of them meanwhile."""

    def __init__(self, count: int, progress: Callable[[str], None]) -> None:
        self.count, self.progress = count, progress
        self.rows = self.refused = 0
        self.reason = ""
        self.begun = self.said_at = time.monotonic()

    def refuse(self, reason: str) -> None:
        """Count a row that has no closed form."""
        self.refused += 1
        self.reason = self.reason or reason

    def say(self) -> None:
        """Say how far it is, and how long the rest takes."""
        now = time.monotonic()
        if now - self.said_at < SAY_S or not self.rows:
            return
        self.said_at = now
        left_s = (now - self.begun) / self.rows * (self.count - self.rows)
        refused = f", {units.integer(self.refused)} without a closed form" if self.refused else ""
        self.progress(
            f"{units.integer(self.rows)} of {units.integer(self.count)} rows{refused}, "
            f"about {units.about_duration(left_s)} left"
        )


def _groups(rows: Iterable[Planned]) -> Iterator[list[Planned]]:
    left = iter(rows)
    while group := list(islice(left, GROUP)):
        yield group


def _line(one: Planned, forms: ClosedForms, told: _Told) -> tuple[Any, ...]:
    told.rows += 1
    words = one.columns[:-1]
    try:
        return (*words, *forms.of(one), None)
    except PvtprofError as error:
        told.refuse(str(error))
        return (*words, None, None, None, None, None, str(error))


class _Parquet:
    """A Parquet file; words as dictionaries, which they repeat from."""

    def __init__(self, path: Path) -> None:
        self.arrow, parquet = _arrow()
        kinds = {name: self.arrow.int64() for name in NUMBERS} | {
            "predicted_s": self.arrow.float64()
        }
        fields = [(name, kinds.get(name, self.arrow.string())) for name in COLUMNS]
        self.schema = self.arrow.schema(fields, metadata={"pvtprof": MARK})
        self.writer = parquet.ParquetWriter(path, self.schema, compression="zstd")

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        """Write one group of rows."""
        arrays = [
            self.arrow.array(values, type=field.type)
            for values, field in zip(columns, self.schema, strict=True)
        ]
        self.writer.write_table(self.arrow.Table.from_arrays(arrays, schema=self.schema))

    def close(self) -> None:
        """End the file."""
        self.writer.close()


class _Csv:
    """A CSV file with a head."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("w", encoding="utf-8", newline="")
        self.writer = csv.writer(self.file, lineterminator="\n")
        self.writer.writerow(COLUMNS)

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        """Write one group of rows."""
        self.writer.writerows(zip(*columns, strict=True))

    def close(self) -> None:
        """End the file."""
        self.file.close()


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UnavailableError(
            'Parquet needs pyarrow: pip install "pvtprof[sweep]", or write a .csv'
        ) from None
    return pyarrow, parquet


def check_suffix(target: Path) -> None:
    """Raise StoreError for a name that says no format in which rows are written."""
    if target.suffix not in SUFFIXES:
        raise StoreError(f"{target} has no known format; use a name that ends in .parquet or .csv")


def check_writable(path: str | os.PathLike[str], force: bool = False) -> None:
    """Raise StoreError if a file of rows must not or cannot be written there; change nothing."""
    target = Path(path)
    check_suffix(target)
    files.check_writable(path, force=True, suffix=target.suffix)
    if target.suffix == ".parquet":
        _arrow()
    if target.exists() and not force and not _is_ours(target):
        raise StoreError(
            f"{path} was not written by pvtprof sweep, and is left as it is; choose another output "
            "path, or replace it with --force"
        )


def _is_ours(target: Path) -> bool:
    if not target.stat().st_size:
        return True
    if target.suffix == ".csv":
        with target.open("rb") as file:
            return file.readline(2**12) == (",".join(COLUMNS) + "\n").encode()
    arrow, parquet = _arrow()
    try:
        found: Mapping[bytes, bytes] = parquet.read_schema(target).metadata or {}
    except (arrow.ArrowException, OSError):
        return False
    return found.get(b"pvtprof") == MARK.encode()


@contextmanager
def in_one_step(target: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``target`` at the end; it is removed on any error."""
    try:
        with files.replacing(target) as temporary:
            yield temporary
    except OSError as error:
        raise StoreError(
            f"cannot write {target}: {error.strerror or error}; what was there before is "
            "unchanged; choose another output path"
        ) from None
