"""Results of a check for a CI system: files, GitHub's step summary, and workflow commands."""

from __future__ import annotations

import os
from pathlib import Path

from pvtprof import files
from pvtprof.check import formats
from pvtprof.check.result import GateResult


def write(found: GateResult, junit: str | None, markdown: str | None, force: bool) -> str:
    """Write the requested files; return why the step summary of GitHub was not written, or ""."""
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
    """Return the workflow commands for GitHub; "" if this does not run there."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return ""
    return "".join(f"{line}\n" for line in (*formats.commands(found.cases), found.summary))
