"""The figures of a page as files: they stand on their own, in light colours, with what it says."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import READY, opened
from tests.builders import observed_run

SPACE = "{http://www.w3.org/2000/svg}"
FIGURES = {
    "answer": "The answer",
    "inside": "What happens inside",
    "growth": "As the image grows",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saving") / "page.html"
    observed_run().to_html(path)
    return path


def saved(page: Page, kind: str, name: str) -> bytes:
    """What the button of a figure gives."""
    with page.expect_download() as found:
        page.get_by_role("button", name=f"Save as {kind}: {FIGURES[name]}", exact=True).click()
    assert found.value.suggested_filename == f"pvtprof-{name}.{kind.lower()}"
    return found.value.path().read_bytes()


def words(text: str) -> str:
    """A text however its lines are broken."""
    return re.sub(r"\s+", " ", text).strip()


def test_a_figure_is_saved_with_its_own_style_and_its_title(browser: Browser, report: Path) -> None:
    with opened(browser, report, color_scheme="dark") as found:
        page = found.page
        page.wait_for_selector(READY)
        page.fill("[name=img]", "256")
        page.wait_for_function(
            "() => document.querySelector('#growth svg').textContent.includes('256')"
        )
        for name in FIGURES:
            said = words(page.text_content(f"#{name} .finding") or "")
            svg = saved(page, "SVG", name).decode()
            root = ET.fromstring(svg)
            assert words(root.findtext(f"{SPACE}title") or "") == said
            texts = [words("".join(one.itertext())) for one in root.iter(f"{SPACE}text")]
            assert said in " ".join(texts)
            assert "pvt_v2_b2 at 256x256; pvtprof" in " ".join(texts)
            for left in ("var(", "light-dark(", "class=", "data-", "currentColor", "NaN"):
                assert left not in svg
            png = saved(page, "PNG", name)
            size = [int(root.attrib[side]) for side in ("width", "height")]
            assert png[:8] == b"\x89PNG\r\n\x1a\n"
            assert [int.from_bytes(png[at : at + 4]) for at in (16, 20)] == [2 * n for n in size]
        assert page.evaluate("document.documentElement.dataset.theme") is None  # dark, as it was
        assert (found.requests, found.console) == ([], [])


def test_the_saved_answer_has_the_figures_of_its_table(browser: Browser, report: Path) -> None:
    with opened(browser, report) as found:
        found.page.wait_for_selector(READY)
        cells = found.page.locator(".versus td b").all_text_contents()
        root = ET.fromstring(saved(found.page, "SVG", "answer").decode())
        texts = [one.text for one in root.iter(f"{SPACE}text")]
        assert [text for text in texts if text in cells] == cells
        widths = [float(one.attrib["width"]) for one in root.iter(f"{SPACE}rect")][1:]
        assert len(widths) == len(cells)
