"""The size of modules and functions, so that each can be read in one look."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pvtprof

PACKAGE = Path(pvtprof.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
MODULE_LINES, FUNCTION_LINES, PARAMETERS = 300, 40, 6
#: The words of one published model at one setting; its value is what others are given.
WORDS_OF_A_COMMAND = {"workload"}


def too_large(source: str) -> Iterator[str]:
    """What of a module is larger than it may be; docstrings do not count as lines of a function."""
    if (lines := source.count("\n")) > MODULE_LINES:
        yield f"{lines} lines"
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef):
            continue
        docstring = ast.get_docstring(node, clean=False)
        lines = (node.end_lineno or 0) - node.lineno + 1
        lines -= docstring.count("\n") + 1 if docstring else 0
        if lines > FUNCTION_LINES:
            yield f"{node.name}: {lines} lines"
        words = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        given = sum(word.arg not in ("self", "cls") for word in words)
        if given > PARAMETERS and not is_public(node.name):
            yield f"{node.name}: {given} parameters"


def is_public(function: str) -> bool:
    """Whether a function is the Python API's, or a command, whose options are its parameters."""
    return function in {*pvtprof.__all__, *WORDS_OF_A_COMMAND, "command"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_read_in_one_look(path: Path) -> None:
    source = path.read_text()
    assert list(too_large(source)) == []
    assert "fmt: skip" not in source
    assert "fmt: off" not in source


def test_what_is_too_large_is_found() -> None:
    long = "def f():\n" + '    """One\n\n    two."""\n' + "    pass\n" * FUNCTION_LINES
    wide = "def g(a, b, c, d, e, f, *, g):\n    pass\n"
    assert list(too_large(long + wide)) == ["f: 41 lines", "g: 7 parameters"]
    assert list(too_large("x = 1\n" * 301)) == ["301 lines"]
