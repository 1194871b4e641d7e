"""git as a function: what it prints, or its own reason."""

from __future__ import annotations

import os
import subprocess

#: What a hook sets for git commands, which would make those here work on the hook's index.
OF_HOOKS = ("GIT_INDEX_FILE", "GIT_PREFIX")


class GitError(Exception):
    """git failed; the message is its own, in one line."""


def git(*arguments: str) -> str:
    """Return what `git` with these arguments prints; raises GitError where it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in OF_HOOKS}
    try:
        done = subprocess.run(
            ["git", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env={**environment, "LC_ALL": "C"},
        )
    except OSError as error:
        raise GitError(f"git cannot be started ({error.strerror}); install it") from None
    if done.returncode:
        said = " ".join(done.stderr.split()).removeprefix("fatal: ")
        raise GitError(said or f"it ended with {done.returncode}")
    return done.stdout.strip()
