"""Worktrees of git in temporary folders: each is locked while its process lives.

A process that was killed leaves its worktree behind; its lock is free then, whatever became of its
number, and the next check takes the worktree away.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pvtprof.check.git import GitError, git

PREFIX, TREE, LOCK = "pvtprof-base-", "tree", "lock"
#: A folder without a lock was left by a process that died as it made it, once it is so old.
ABANDONED_S = 60.0


@contextmanager
def own() -> Iterator[Path]:
    """Where a worktree may be made; it is removed with its folder afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    with (folder / LOCK).open("w") as lock:
        _is_locked(lock)
        try:
            yield folder / TREE
        finally:
            _remove(folder)


def remove_abandoned() -> None:
    """Remove what processes that are dead left of this repository, and folders without worktree."""
    with suppress(GitError):
        lines = git("worktree", "list", "--porcelain").splitlines()
        trees = [Path(line.partition(" ")[2]) for line in lines if line.startswith("worktree ")]
        for tree in trees:
            if tree.name == TREE and tree.parent.name.startswith(PREFIX) and _is_free(tree.parent):
                _remove(tree.parent)
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not (folder / TREE).exists() and _is_free(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: Path) -> None:
    with suppress(GitError):
        git("worktree", "remove", "--force", "--force", str(folder / TREE))
    shutil.rmtree(folder, ignore_errors=True)


def _is_free(folder: Path) -> bool:
    """Whether the process that made the folder is dead."""
    try:
        with (folder / LOCK).open("r+") as lock:
            return _is_locked(lock)
    except FileNotFoundError:
        with suppress(OSError):
            return time.time() - folder.stat().st_mtime > ABANDONED_S
        return True  # the folder is gone too, and its worktree is but a name
    except OSError:  # somebody else's
        return False


def _is_locked(lock: IO[str]) -> bool:
    """Lock the file for this process; whether that went."""
    if os.name != "posix":
        return False
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
