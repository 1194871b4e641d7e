"""The folder of the base version: a given folder, or a temporary worktree of a git ref."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pvtprof.errors import SpecError, UnavailableError


@contextmanager
def base_folder(base: str) -> Iterator[str]:
    """Yield the folder of ``base``: itself, or a worktree of a git ref, removed afterwards."""
    if Path(base).is_dir():
        if _commit(base):
            raise SpecError(
                f"base {base!r} is a folder and a git ref; use ./{base} or refs/heads/{base}"
            )
        yield str(Path(base).resolve())
        return
    top = _git("rev-parse", "--show-toplevel")
    if top is None:
        raise SpecError(
            f"base {base!r} is not a folder, and this folder is not in a git repository; "
            "give a folder, or a git ref inside the repository"
        )
    commit = _commit(base)
    if commit is None:
        raise SpecError(
            f"base {base!r} is not a folder, commit, branch or tag here; "
            "`git branch --all` lists branches; a checkout in CI needs fetch-depth: 0"
        )
    inside = Path.cwd().resolve().relative_to(Path(top).resolve())
    with tempfile.TemporaryDirectory(prefix="pvtprof-base-") as folder:
        tree = Path(folder, "tree")
        try:
            if _git("worktree", "add", "--detach", "--quiet", str(tree), commit) is None:
                raise UnavailableError(f"git could not check out {base!r} into a worktree")
            yield str(tree / inside)
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _commit(ref: str) -> str | None:
    if not ref or ref.startswith("-"):
        return None
    return _git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
