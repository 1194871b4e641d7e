"""What a CI system is told of a check: files, GitHub's step summary, its workflow commands."""

from __future__ import annotations

import os
from pathlib import Path

from pvtprof import files
from pvtprof.check import formats
from pvtprof.check.result import GateResult


def write(found: GateResult, junit: str | None, markdown: str | None, force: bool) -> str:
    """Write the files that were asked for; returns what kept GitHub's step summary back, or ""."""
    if junit:
        files.write(junit, formats.junit(found.cases), force, ".xml")
    if not markdown:
        return ""
    text = formats.markdown(found.cases, found.summary)
    files.write(markdown, text, force, ".md")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            return f"no step summary: {error}"
    return ""


def commands(found: GateResult) -> str:
    """Return the workflow commands that GitHub reads, where this runs there."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return ""
    return "".join(f"{line}\n" for line in (*formats.commands(found.cases), found.summary))
