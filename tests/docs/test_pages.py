"""README and docs: links, lengths, words, and figures that stand once."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from tests.docs import api
from tests.docs.pages import DOCS, PAGES, README, ROOT, Page
from tests.docs.words import PLAIN

MOST_LINES = {README.path: 130}
MOST_LINES_OF_DOCS = 150
#: A figure with its unit that a machine gave: three digits or more.
FIGURE = re.compile(r"(?<![\w.,])(\d[\d,]*\.\d+|\d[\d,]{2,}) ?(ms|s|MiB|GiB|%)(?!\w)")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Page) -> None:
    for link in page.links:
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page.path).parent / name if name else ROOT / page.path
        assert target.is_file(), link
        if anchor:
            linked = Page(str(target.resolve().relative_to(ROOT)))
            assert anchor in linked.anchors, link


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, waiting = {README.path}, [README]
    while waiting:
        page = waiting.pop()
        for link in page.links:
            path = ((ROOT / page.path).parent / link.partition("#")[0]).resolve()
            name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else ""
            if name.endswith(".md") and name not in seen:
                seen.add(name)
                waiting.append(Page(name))
    assert {page.path for page in DOCS} <= seen


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_page_is_short(page: Page) -> None:
    assert page.text.count("\n") <= MOST_LINES.get(page.path, MOST_LINES_OF_DOCS)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_words_are_plain(page: Page) -> None:
    for pattern, better in PLAIN.items():
        found = re.search(rf"\b(?:{pattern})\b", page.prose, re.IGNORECASE)
        assert found is None, f"{found[0] if found else ''}: write {better}"


def test_a_figure_stands_in_one_page() -> None:
    pages = defaultdict(set)
    for page in PAGES:
        for number, unit in FIGURE.findall(page.prose):
            pages[f"{number} {unit}"].add(page.path)
    assert {figure: names for figure, names in pages.items() if len(names) > 1} == {}


@pytest.mark.parametrize("name", api.PAGES)
def test_the_reference_is_what_the_docstrings_say(
    name: str, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--overwrite"):
        (api.DOCS / name).write_text(api.page(name), encoding="utf-8")
    assert (api.DOCS / name).read_text(encoding="utf-8") == api.page(name)
