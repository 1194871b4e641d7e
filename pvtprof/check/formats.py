"""The verdicts of `pvtprof check` for a CI system: JUnit XML, Markdown and annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from pvtprof.check.case import FAILED, PASSED, SKIPPED, UNDECIDED, Case

#: JUnit's elements for what did not pass; GitHub's commands for it.
TAGS = {FAILED: "failure", UNDECIDED: "error", SKIPPED: "skipped"}
COMMANDS = {FAILED: "error", UNDECIDED: "error", SKIPPED: "notice"}


def junit(cases: Sequence[Case]) -> str:
    """Return JUnit XML with one test case for each gate of each row; undecided is an error.

    Source: the schema that Jenkins and GitLab read, testsuites / testsuite / testcase.
    """
    counts = {
        "tests": len(cases),
        "failures": sum(case.status == FAILED for case in cases),
        "errors": sum(case.status == UNDECIDED for case in cases),
        "skipped": sum(case.status == SKIPPED for case in cases),
    }
    numbers = {name: str(count) for name, count in counts.items()}
    root = ElementTree.Element("testsuites", {"name": "pvtprof check", **numbers})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "pvtprof check", **numbers})
    for case in cases:
        names = {"classname": f"pvtprof.{case.gate}", "name": case.row, "time": "0"}
        element = ElementTree.SubElement(suite, "testcase", names)
        if case.status != PASSED:
            problem = ElementTree.SubElement(element, TAGS[case.status], {"message": case.lines[0]})
            problem.text = "\n".join(case.lines)
        elif case.lines:
            ElementTree.SubElement(element, "system-out").text = "\n".join(case.lines)
    ElementTree.indent(root)
    text: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def markdown(cases: Sequence[Case], last: str) -> str:
    """Return the summary and a table of the gates, failed ones first."""
    lines = [
        "<!-- pvtprof check -->",
        f"**{last}**",
        "",
        "| row | gate | verdict | |",
        "|---|---|---|---|",
    ]
    for case in sorted(cases, key=lambda case: case.status == PASSED):
        details = "<br>".join(line.replace("|", "\\|") for line in case.lines)
        row = case.row.replace("|", "\\|")
        lines.append(f"| {row} | {case.gate} | {case.status} | {details} |")
    return "\n".join([*lines, "<!-- end of pvtprof -->"]) + "\n"


def commands(cases: Sequence[Case]) -> Iterator[str]:
    """Yield GitHub's workflow commands, one for each gate that did not pass."""
    for case in cases:
        if case.status != PASSED:
            text = _escaped("\n".join(case.lines))
            title = _escaped(f"pvtprof check: {case.row} ({case.gate})")
            title = title.replace(":", "%3A").replace(",", "%2C")
            yield f"::{COMMANDS[case.status]} title={title}::{text}"


def _escaped(text: str) -> str:
    """Return text with percent signs and line ends escaped, as GitHub's runner reads it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
