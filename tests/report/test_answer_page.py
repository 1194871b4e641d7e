"""Section 1 in Chromium: it says at another setting what Python says there, and what was measured
keeps its setting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

import pvtprof
from pvtprof.report.answer.answer import Answer, answer
from pvtprof.report.page import html
from tests.browser import READY, opened
from tests.builders import made_up_calibration, observed_run
from tests.report.runs import USUAL, timed
from tests.trials import ALL

SAID = (
    *("finding", "advice", "mix", "computed_so", "option", "attention", "surprise", "accuracy"),
)
#: What the bar says, and the same for Python.
SETTINGS: tuple[tuple[dict[str, str], dict[str, Any]], ...] = (
    ({"img": "800x1333"}, {"img": (800, 1333)}),
    ({"img": "64", "pool-size": "16"}, {"img": 64, "pool_size": 16}),
    ({"R": "1,1,1,1", "img": "96"}, {"sr_ratios": (1, 1, 1, 1), "img": 96}),
    ({"batch": "8", "dtype": "bfloat16"}, {"batch": 8, "dtype": "bfloat16"}),
    ({"model": "pvt_v2_b2_li"}, {"model": "pvt_v2_b2_li"}),
    ({"model": "pvt_large", "img": "1024"}, {"model": "pvt_large", "img": 1024}),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("answer") / "page.html"
    pvtprof.api.with_methods(timed(observed_run(), USUAL)).to_html(path)
    return path


def said(page: Page) -> dict[str, str]:
    return {
        name: (page.text_content(f".answer [data-said={name}]") or "").replace("\u00a0", " ")
        for name in SAID
    }


def table(page: Page) -> list[list[str]]:
    cells = "[...row.cells].map((c) => c.innerText.trim().split(/\\s+(?:least|tied)|\\n/)[0])"
    rows = "[...document.querySelectorAll('.versus tbody tr')]"
    return page.evaluate(f"{rows}.map((row) => {cells})")  # type: ignore[no-any-return]


def of(found: Answer, kinds: tuple[str, ...] = ("computed",)) -> dict[str, list[str]]:
    return {
        line.name: [f"{cell.text} {cell.ratio}".strip() for cell in line.cells]
        for line in found.lines
        if line.kind in kinds
    }


def test_another_setting_is_answered_as_python_answers_it(browser: Browser, report: Path) -> None:
    measured = answer(timed(observed_run(), USUAL))
    with opened(browser, report) as found:
        found.page.wait_for_selector(READY)
        assert said(found.page) == {name: getattr(measured, name) for name in SAID}
        first = found.page.inner_html(".answer")
        for fields, words in SETTINGS:
            for name, text in fields.items():
                if name in ("model", "dtype"):
                    found.page.select_option(f"[name={name}]", text)
                else:
                    found.page.fill(f"[name={name}]", text)
            expected = answer(pvtprof.compare(**words, analytic=True))
            assert said(found.page) == {name: getattr(expected, name) for name in SAID}
            shown = {name: cells for name, *cells in table(found.page)}
            assert {name: shown[name] for name in of(expected)} == of(expected)
            name = next(name for name in shown if name.startswith("time at 224x224"))
            assert shown[name] == of(measured, ("measured",))["time"]
            assert ("R 8,4,2,1" in name) is (words.get("sr_ratios") == (1, 1, 1, 1))
            assert ("batch 1" in name) is ("batch" in words)
            assert found.page.is_visible(".answer [data-measured-at]")
            found.page.click("#reset")
            assert found.page.inner_html(".answer") == first
        assert not found.page.is_visible(".answer [data-measured-at]")
        assert (found.requests, found.console) == ([], [])


def test_predicted_times_are_those_of_python(browser: Browser, tmp_path: Path) -> None:
    machine = made_up_calibration()
    run = replace(timed(observed_run(), USUAL), calibration=machine)
    run = replace(run, environment=replace(run.environment, memory_bytes=24 * 2**30))
    path = tmp_path / "page.html"
    path.write_text(html.render(run), encoding="utf-8")
    with opened(browser, path) as found:
        found.page.wait_for_selector(READY)
        for img in (512, 2048):
            found.page.fill("[name=img]", str(img))
            asked = pvtprof.compare(img=img, analytic=True, calibration=machine)
            expected = answer(replace(asked, environment=run.environment))
            assert ("does not fit" in expected.finding) is (img == 2048)
            assert said(found.page) == {name: getattr(expected, name) for name in SAID}
            shown = {name: cells for name, *cells in table(found.page)}
            kinds = of(expected, ("computed", "predicted"))
            assert {name: shown[name] for name in kinds} == kinds
        assert (found.requests, found.console) == ([], [])


def test_the_answer_fits_the_first_screen(browser: Browser, report: Path) -> None:
    with opened(browser, report, viewport={"width": 1300, "height": 900}) as found:
        found.page.wait_for_selector(READY)
        place = found.page.locator(".answer").bounding_box()
        assert place
        assert place["y"] + place["height"] <= 900


def test_each_figure_says_every_digit_when_it_has_the_focus(browser: Browser, report: Path) -> None:
    run = observed_run()
    with opened(browser, report) as found:
        found.page.wait_for_selector(READY)
        figures = found.page.locator(".versus tr.computed .fig")
        tips = figures.locator(".tip")
        assert figures.count() == 12
        figures.nth(3).focus()
        assert tips.nth(3).evaluate("tip => getComputedStyle(tip).opacity") == "1"
        assert tips.nth(4).evaluate("tip => getComputedStyle(tip).opacity") == "0"
        assert tips.nth(3).text_content() == f"{run.row(None, 'mha').macs:,} MACs"


@pytest.mark.parametrize("scheme", ["light", "dark"] if ALL else ["dark"])
def test_the_answer_is_accessible(browser: Browser, report: Path, scheme: str) -> None:
    with opened(browser, report, color_scheme=scheme) as found:
        found.page.wait_for_selector(READY)
        for text in ("224", "512"):
            found.page.fill("[name=img]", text)
            assert Axe().run(found.page, context=".answer").violations_count == 0
