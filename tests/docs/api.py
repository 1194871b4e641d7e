"""The parts of the API pages that are made from docstrings: `python -m tests.docs.api --write`."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pvtprof
from pvtprof.api import Run

DOCS = Path(__file__).parents[2] / "docs"
BEGIN = (
    "<!-- generated from docstrings by `python -m tests.docs.api --write`; do not edit below -->\n"
)
#: The functions of each page.
PAGES = {
    "python.md": ("compare", "load", "Run"),
    "python-models.md": ("models", "formula", "build_model", "reconcile"),
    "python-analyses.md": ("fit", "choose", "calibrate", "check", "derive", "register_shape_rule"),
    "python-sweeps.md": ("sweep",),
}
#: The methods and properties of a run that the page lists.
RUN = ("comparisons", "row", "agrees", "anonymous", "to_frame", "figures", "save", "to_html")
WIDTH = 100


def reference(page: str) -> str:
    """Return the generated part of a page as Markdown."""
    return "".join(_run() if name == "Run" else _entry(name) for name in PAGES[page])


def _function(name: str) -> Callable[..., Any]:
    from pvtprof import api

    return getattr(api, name, None) or getattr(pvtprof, name)  # some are the names of rooms too


def _entry(name: str) -> str:
    function = _function(name)
    signature = _signature(f"pvtprof.{name}", function)
    return f"\n## {name}\n\n```text\n{signature}\n```\n\n{_text(function)}"


def _run() -> str:
    members = "".join(f"- {_line(name)}\n" for name in RUN)
    return f"\n## Run\n\n{_text(Run)}\n{members}"


def _signature(title: str, function: Callable[..., Any]) -> str:
    """Return the signature without types, and without defaults that have no short form."""
    shown = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        default = parameter.default
        plain = default is None or isinstance(default, str | int | float | tuple)
        value = f"={default!r}" if plain else "=..."
        shown.append(parameter.name + (value if default is not parameter.empty else ""))
    call = f"{title}({', '.join(shown)})"
    return "\n".join(textwrap.wrap(call, WIDTH, subsequent_indent="    ", break_on_hyphens=False))


def _text(thing: object) -> str:
    """Return a docstring as Markdown: paragraphs, lists, and its example as a block of Python."""
    words, mark, example = (inspect.getdoc(thing) or "").partition(">>> ")
    text = "".join(f"{paragraph}\n\n" for paragraph in _paragraphs(words))
    return f"{text}```python\n{mark}{example}\n```\n" if example else text.rstrip("\n") + "\n"


def _paragraphs(words: str) -> Iterator[str]:
    for paragraph in words.replace("``", "`").strip().split("\n\n"):
        joined = " ".join(paragraph.split())
        yield "\n".join(
            textwrap.wrap(joined, WIDTH, break_on_hyphens=False, break_long_words=False)
        )


def _line(name: str) -> str:
    """Return one member of Run with the first paragraph of its docstring."""
    member = inspect.getattr_static(Run, name)
    call = name
    if inspect.isfunction(member):
        call = _signature(name, member).replace("(self, ", "(").replace("(self)", "()")
    first, *_ = (inspect.getdoc(member) or "").replace("``", "`").split("\n\n")
    return f"`run.{call}`: {' '.join(first.split())}"


def page(name: str) -> str:
    """Return a page with its generated part made anew."""
    written, _, _ = (DOCS / name).read_text(encoding="utf-8").partition(BEGIN)
    return f"{written}{BEGIN}{reference(name)}"


if __name__ == "__main__":
    for each in PAGES:
        if sys.argv[1:] == ["--write"]:
            (DOCS / each).write_text(page(each), encoding="utf-8")
        else:
            print(page(each), end="")
