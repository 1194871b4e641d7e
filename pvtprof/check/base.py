"""The folder of the base version: a given folder, or a temporary worktree of a git ref."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pvtprof.check import worktrees
from pvtprof.check.git import GitError, git
from pvtprof.errors import SpecError, UnavailableError


@contextmanager
def base_folder(base: str) -> Iterator[str]:
    """Yield the folder of ``base``: itself, or a worktree of a git ref, removed afterwards."""
    if os.path.isdir(base):
        if _commit(base):
            raise SpecError(
                f"base {base!r} is a folder and a git ref; use ./{base} or refs/heads/{base}"
            )
        yield str(Path(base).resolve())
        return
    try:
        top = git("rev-parse", "--show-toplevel")
    except GitError as error:
        raise SpecError(
            f"base {base!r} is not a folder, and git says: {error}; give a folder, or a git ref "
            "inside the repository"
        ) from None
    commit = _commit(base)
    if commit is None:
        raise SpecError(
            f"base {base!r} is not a folder, commit, branch or tag here; "
            f"`git branch --all` lists branches{_shallow()}"
        )
    inside = Path.cwd().resolve().relative_to(Path(top).resolve())
    worktrees.remove_abandoned()
    with worktrees.own() as tree:
        try:
            git("worktree", "add", "--detach", "--quiet", str(tree), commit)
        except GitError as error:
            raise UnavailableError(
                f"git could not check out {base!r} into a worktree: {error}"
            ) from None
        yield str(tree / inside)


def _commit(ref: str) -> str | None:
    if not ref or ref.startswith("-"):
        return None
    try:
        return git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    except GitError:
        return None


def _shallow() -> str:
    """What to do where the history ends early, which may be why a ref is not there."""
    if git("rev-parse", "--is-shallow-repository") != "true":
        return ""
    return (
        "; this is a shallow clone: fetch the rest with `git fetch --unshallow --tags` "
        "(actions/checkout: fetch-depth: 0)"
    )
