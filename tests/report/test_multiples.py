"""Several settings on one page: the sections that have a frame for each of them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

import pvtprof
from pvtprof.report.page import html, several
from pvtprof.report.page.multiples import multiples
from pvtprof.report.sections.clock import clock
from pvtprof.run.run import Run
from tests.browser import READY, opened
from tests.builders import made_up_calibration
from tests.report.runs import REPORTS

HAVE = ("answer", "clock", "growth")


@pytest.fixture(scope="module")
def run() -> Run:
    """One network at four sizes, with predicted times."""
    calibration = replace(made_up_calibration(), waited=0.0)
    return pvtprof.compare(
        "pvt_v2_b0", img=[64, 96, 128, 160], analytic=True, calibration=calibration
    )


@pytest.fixture(scope="module")
def report(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("multiples") / "page.html"
    run.to_html(path)
    return path


def test_each_of_the_three_sections_has_a_frame_a_setting(browser: Browser, report: Path) -> None:
    with opened(browser, report, reduced_motion="reduce") as found:
        page = found.page
        page.wait_for_selector(READY)
        names = [one.inner_text() for one in page.locator("#picker option").all()]
        assert len(names) == 4
        for suffix, picked in (("-1", 0), ("-3", 2)):
            page.select_option("#picker", index=picked)
            page.wait_for_selector(f"#answer{suffix} [data-multiples]")
            for section in HAVE:
                frames = page.locator(f"#{section}{suffix} [data-multiples] figure:visible")
                links = [one.inner_text() for one in frames.locator("a").all()]
                assert links == names
                assert frames.locator("[aria-current]").inner_text() == names[picked]
        page.select_option("#growth-3 select[data-multiple]", "1")
        figures = page.locator("#growth-3 [data-multiples] figure:visible")
        assert figures.count() == 4
        assert "\nMemory At 64: mha" in figures.first.inner_text()
        page.click("#clock-3 [data-multiples] figure:nth-child(4) a")
        page.wait_for_selector("#comparison-4:visible")
        assert page.locator("#clock-4 [data-multiples] figure").count() == 4
        context = {"include": [["[data-multiples]"]]}
        assert Axe().run(page, context).response["violations"] == []
        assert (found.console, found.requests) == ([], [])


def test_without_javascript_the_first_setting_has_the_frames(
    browser: Browser, report: Path
) -> None:
    with opened(browser, report, java_script_enabled=False) as found:
        for section in HAVE:
            frames = found.page.locator(f"#{section}-1 [data-multiples] figure:visible")
            assert frames.count() == 4
            assert found.page.locator(f"[data-multiples={section}]").count() == 1


def test_frames_say_what_their_own_sections_say() -> None:
    runs = [pvtprof.load(REPORTS / f"xeon-2-cores-{side}.json") for side in (224, 512)]
    text = html.render(*runs)
    found = re.search(r'<div class="multiples" data-multiples="clock".*?</section>', text, re.S)
    assert found
    frames = found[0].partition('<div class="w-clock')[0]
    for run in runs:
        for place in clock(run).places:
            for share in place.shares:
                assert f"<b>{share.label}</b>" in frames
    assert frames.count("<figure") == 2
    assert text.count("<figure") < 60


def test_eight_settings_at_most_share_a_scale_that_can_be_read(run: Run) -> None:
    one = run.comparisons[0]
    blocks, runs = [html._block(run, one, "64x64", "-1")] * 9, [one] * 9
    panels = several.several(runs, [block.anchor for block in blocks]).panels
    made = multiples(blocks, panels)
    assert len(made.answer) == len(made.clock) == several.MOST
    assert [one.quantity for one in made.growth] == ["MACs", "Memory", "Predicted time"]
    ends = {place.most for one in made.clock for place in one.places}
    assert len(ends) == 1 or max(ends) > 2.5
