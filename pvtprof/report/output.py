"""Output of results: files (data first) and stdout."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pvtprof.errors import StoreError

if TYPE_CHECKING:
    from pvtprof.run.run import Run


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore further Ctrl-C while samples are saved."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def partial_name(path: str) -> str:
    """Return a free name beside ``path``: run.partial.json, run.partial2.json, ..."""
    from pvtprof import files

    name = path
    for number in range(1, 100):
        infix = f".partial{number if number > 1 else ''}"
        name = str(Path(path).with_suffix(f"{infix}{Path(path).suffix}"))
        with suppress(StoreError):
            files.check_writable(name)
            break
    return name


def save(run: Run, outputs: Sequence[str], force: bool) -> list[str]:
    """Write every output, data first and the page last, and return the paths in that order.

    Where writing fails, ``files.write`` keeps it elsewhere and says where; what went well is named.
    """
    from pvtprof import files

    distinct = {os.path.realpath(path): path for path in outputs}.values()
    written: list[str] = []
    for path in sorted(distinct, key=_place):
        try:
            files.write(path, text(run, Path(path).suffix), force)
        except StoreError:
            name_written(written)
            raise
        written.append(path)
    return written


def _place(path: str) -> int:
    """Data first, the page last, where the eye ends."""
    return 0 if path.endswith(".json") else 2 if path.endswith(".html") else 1


def name_written(paths: Sequence[str]) -> None:
    """Name every file that was written, on stderr: the last lines that a user sees."""
    for path in paths:
        print(f"Wrote {path}", file=sys.stderr)


def save_pages(outputs: Sequence[str], page: str, force: bool) -> None:
    """Write one page to every output, or none where one of them must not be written."""
    from pvtprof import files

    files.check_all_writable(outputs, force, ".html")
    for path in outputs:
        files.write(path, page, force)


@dataclass(frozen=True, slots=True)
class Table:
    """How much a table says: everything (``is_full``), with every digit (``is_exact``)."""

    is_full: bool = False
    is_exact: bool = False


def text(run: Run, form: str, table: Table = Table()) -> str:
    """Return the run as text, in the format of a file extension or of --format."""
    if form in (".json", "json"):
        from pvtprof.run import store

        return store.dumps(run)
    if form in (".csv", "csv"):
        from pvtprof.run.frame import frame

        return frame(run).to_csv(index=False)
    if form in (".md", "markdown"):
        from pvtprof.report import markdown

        return markdown.render(run)
    if form == ".html":
        from pvtprof.report.page import html

        return html.render(run)
    from pvtprof.report import terminal_answer

    color = sys.stdout.isatty()
    answer = terminal_answer.render(run, width(), color, table.is_exact)
    if not table.is_full:
        return answer
    from pvtprof.report import terminal_full

    return f"{answer}\n{terminal_full.render(run, width(), color, table.is_exact)}"


def width() -> int:
    """Return the columns of the terminal; 120 if there is none."""
    return shutil.get_terminal_size((120, 40)).columns


@contextmanager
def shown_in_any_case(show: Callable[[], str]) -> Iterator[None]:
    """Put a result on stdout where what is done meanwhile cannot write it to a file."""
    try:
        yield
    except StoreError:
        emit(show())
        raise


def emit_then_name(result: str, written: Sequence[str]) -> None:
    """Put a result on stdout, and after it name the files that were written, also on an error."""
    try:
        emit(result)
    finally:
        name_written(written)


def emit(result: str) -> None:
    """Print a result on stdout. A closed pipe is not an error; a full disk is."""
    from pvtprof.report.encoding import in_encoding

    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(in_encoding(result, encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_stdout()
    except OSError as error:
        _leave_stdout()
        raise StoreError(f"cannot write to stdout: {error.strerror}; use -o FILE") from None


def _leave_stdout() -> None:
    """Discard what is still buffered, so that Python's last flush cannot fail."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
