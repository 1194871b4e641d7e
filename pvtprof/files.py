"""Writing files: in one step, and never over a file that pvtprof did not write."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pvtprof.errors import StoreError

#: The beginning and the end of a file of each kind that pvtprof wrote and nobody changed since.
MARKS = {
    ".json": ('{\n "schema": "pvtprof.', "\n}\n"),
    ".html": (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="generator" content="pvtprof ',
        "</html>\n",
    ),
    ".csv": ("model,height,width,batch,dtype,device,attention,scope,stage,variant", "\n"),
    ".md": ("<!-- pvtprof ", "<!-- end of pvtprof -->\n"),
    ".xml": (
        '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="pvtprof ',
        "</testsuites>\n",
    ),
}
#: How a file that is being written is called, before the number of the process that writes it.
TEMPORARY = ".pvtprof-"
#: A process of another machine, whose number means nothing here, has written it by then.
ABANDONED_S = 10.0


#: The formats in which a run can be written.
OF_A_RUN = (".json", ".html", ".csv", ".md")


def check_writable(
    path: str | os.PathLike[str], force: bool = False, suffix: str | None = None
) -> None:
    """Raise StoreError if ``path`` must not or cannot be written; change nothing.

    ``suffix`` is the required end of the name. None allows the formats of a run.
    """
    target = Path(path)
    if suffix and target.suffix != suffix:
        raise StoreError(f"{path} would hold {suffix[1:]}; use a name that ends in {suffix}")
    try:
        _check_writable(target, force, (suffix,) if suffix else OF_A_RUN)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"cannot write {path}: {reason}; choose another output path") from None


def check_all_writable(paths: Iterable[str], force: bool, suffix: str | None = None) -> None:
    """Raise StoreError if one of ``paths`` must not or cannot be written; change nothing."""
    for path in paths:
        check_writable(path, force, suffix)


def _check_writable(target: Path, force: bool, suffixes: Sequence[str]) -> None:
    if os.path.isdir(target):
        raise StoreError(f"{target} is a directory; use the name of a file in it")
    if target.suffix not in suffixes:
        allowed = ", ".join(suffixes)
        raise StoreError(f"{target} has no known format; use a name that ends in {allowed}")
    folder = next(parent for parent in target.absolute().parents if os.path.lexists(parent))
    if not folder.is_dir():
        raise StoreError(f"{folder} is not a directory; choose another output path")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreError(f"{folder} is not writable; choose another output path")
    with tempfile.TemporaryFile(dir=folder, prefix=TEMPORARY):
        pass  # as root, access() allows what no file system does
    if _exists(target) and not force and not _is_ours(target):
        raise StoreError(
            f"{target} was not written by pvtprof, or was changed since, and is left as it is; "
            "choose another output path, or replace it with --force"
        )


def _exists(target: Path) -> bool:
    """Return whether the path exists; raise OSError for a name that cannot be looked up."""
    try:
        target.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _is_ours(target: Path) -> bool:
    if target.is_symlink() and not target.exists():
        return True  # a link to a file that is not there yet
    if not target.is_file():
        return False
    begin, end = (mark.encode() for mark in MARKS[target.suffix])
    text = target.read_bytes()
    return not text or (text.startswith(begin) and text.endswith(end))


def write(
    path: str | os.PathLike[str], text: str, force: bool = False, suffix: str | None = None
) -> None:
    """Write ``text`` to ``path`` in one step: a reader sees the new file or the old one.

    What cannot be written is kept in the temporary folder, and the StoreError says where.
    """
    try:
        check_writable(path, force, suffix)
    except StoreError as error:
        raise StoreError(f"{error}; {_kept_elsewhere(text, Path(path).suffix)}") from None
    try:
        with (
            replacing(path) as temporary,
            temporary.open("w", encoding="utf-8", newline="\n") as file,
        ):
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        suffix = Path(os.path.realpath(path)).suffix
        raise StoreError(
            f"cannot write {path}: {error.strerror}; what was there before is unchanged; "
            f"{_kept_elsewhere(text, suffix)}; choose another output path"
        ) from None


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces it at the end; removed on any error.

    Raises OSError where that cannot be.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target.parent)
    prefix = f"{TEMPORARY}{os.getpid()}-"
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=prefix)
    try:
        os.close(handle)
        yield Path(temporary)
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _remove_abandoned(folder: Path) -> None:
    """Remove what processes that were killed in the middle of a write left here."""
    for path in folder.glob(f"{TEMPORARY}*-*") if os.name == "posix" else ():
        with contextlib.suppress(OSError, ValueError):
            process = int(path.name.split("-")[1])
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                if time.time() - path.stat().st_mtime > ABANDONED_S:
                    path.unlink()


def _kept_elsewhere(text: str, suffix: str) -> str:
    """Put what cannot be written into the temporary folder, and say where: nothing is lost."""
    try:
        suffix = suffix if suffix in MARKS else ".txt"
        handle, path = tempfile.mkstemp(prefix="pvtprof-", suffix=suffix)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError:
        return "it is lost: the temporary folder is not writable either"
    return f"it is in {path} instead"


def _mode(target: Path) -> int:
    """Return the permissions of the file that is replaced, or those of a new file."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
