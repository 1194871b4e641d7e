"""README and the pages of docs, taken apart: blocks of code, spans of code, links, prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"(?:<!-- from: (.*) -->\n)?^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of code: its language, the words after that, and its text.

    ``command`` is the command whose output the block quotes, from the comment above it.
    """

    language: str
    words: tuple[str, ...]
    text: str
    command: str


@dataclass(frozen=True)
class Page:
    """A page of the documentation, by its path from the root of the repository."""

    path: str

    @cached_property
    def text(self) -> str:
        """The whole page."""
        return (ROOT / self.path).read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All fenced blocks of code."""
        found = []
        for match in _BLOCK.finditer(self.text):
            command, info, text = match.groups()
            language, *words = info.split() or [""]
            found.append(Block(language, tuple(words), text, command or ""))
        return tuple(found)

    @cached_property
    def prose(self) -> str:
        """The page without its blocks of code."""
        return _BLOCK.sub("", self.text)

    @property
    def spans(self) -> Iterator[str]:
        """The spans of code in the prose, each in one line."""
        for span in re.findall(r"`([^`]+)`", self.prose):
            yield " ".join(span.split())

    @property
    def links(self) -> Iterator[str]:
        """The targets of all links and images."""
        yield from re.findall(r"\]\(([^)\s]+)\)", self.prose)

    @cached_property
    def anchors(self) -> frozenset[str]:
        """What a link can point to within the page: headings, as GitHub names them, and ids."""
        headings = re.findall(r"^#+ (.*)$", self.prose, re.MULTILINE)
        named = (re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings)
        return frozenset((*named, *re.findall(r'<a id="([^"]+)">', self.prose)))

    def __str__(self) -> str:
        return self.path


README = Page("README.md")
DOCS = tuple(Page(f"docs/{path.name}") for path in sorted((ROOT / "docs").glob("*.md")))
PAGES = (README, *DOCS)
