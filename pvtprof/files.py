"""The one way in which pvtprof writes files: all at once, and never over somebody else's."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pvtprof.errors import StoreError

#: How a file of each kind begins and ends if pvtprof wrote it and nobody changed it since.
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


def check_writable(
    path: str | os.PathLike[str], force: bool = False, suffix: str | None = None
) -> None:
    """Raise StoreError where ``path`` must not be, or cannot be, written; touches nothing.

    ``suffix`` is what the name must end in, where the caller knows the format.
    """
    target = Path(path)
    if suffix and target.suffix != suffix:
        raise StoreError(f"{path} would hold {suffix[1:]}; end its name in {suffix}")
    try:
        _check_writable(target, force)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"cannot write {path}: {reason}; choose another output path") from None


def check_all_writable(paths: Iterable[str], force: bool, suffix: str | None = None) -> None:
    """The same for several, before anything is measured or written."""
    for path in paths:
        check_writable(path, force, suffix)


def _check_writable(target: Path, force: bool) -> None:
    if os.path.isdir(target):
        raise StoreError(f"{target} is a directory; name a file in it")
    if target.suffix not in MARKS:
        raise StoreError(f"cannot tell the format of {target}; end its name in {', '.join(MARKS)}")
    folder = next(parent for parent in target.absolute().parents if os.path.lexists(parent))
    if not folder.is_dir():
        raise StoreError(f"{folder} is not a directory; choose another output path")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreError(f"{folder} is not writable; choose another output path")
    if _exists(target) and not force and not _is_ours(target):
        raise StoreError(
            f"{target} was not written by pvtprof, or was changed since, and is left as it is; "
            "choose another output path, or --force to replace it"
        )


def _exists(target: Path) -> bool:
    """Whether something is there; a name that the system cannot look up is an error."""
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
    """Put ``text`` at ``path`` in one step: either all of it is there, or what was there before."""
    check_writable(path, force, suffix)
    target = Path(os.path.realpath(path))
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".pvtprof-")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}; what was there before is unchanged; "
            "choose another output path"
        ) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, or what the umask leaves of a new one."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
