"""The sections where, clock and memory in headless Chromium: they follow, and can be walked."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

import pvtprof
from pvtprof.report.figures.memory import live_info
from pvtprof.report.sections import bars_drawn, bars_time, bars_time_drawn, clock, live, where
from pvtprof.report.sections.bars import frames_of
from pvtprof.run.run import Run
from tests.browser import READY, opened
from tests.builders import observed_run
from tests.report.runs import REPORTS
from tests.trials import ALL

MINE = ("where", "clock", "memory")


@pytest.fixture(scope="module")
def run() -> Run:
    made = observed_run()
    rows = [
        replace(row, ops=tuple(replace(op, measured_s=1.0) for op in row.ops))
        if row.part.stage
        else row
        for row in made.rows
    ]
    return replace(made, rows=tuple(rows))


@pytest.fixture(scope="module")
def report(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("charts") / "page.html"
    run.to_html(path)
    return path


def violations(page: Page) -> list[str]:
    """What axe finds in the three sections, at every level."""
    context = {"include": [[f"#{name}"] for name in MINE]}
    found = Axe().run(page, context, {"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html']}" for one in found]


def finding(page: Page, name: str) -> str:
    return (page.text_content(f"#{name} .finding") or "").replace("\u00a0", " ")


@pytest.mark.parametrize("scheme", ["light", "dark"] if ALL else ["dark"])
def test_they_follow_the_bar_and_the_arrows(browser: Browser, report: Path, scheme: str) -> None:
    with opened(browser, report, color_scheme=scheme, reduced_motion="reduce") as found:
        page = found.page
        page.wait_for_selector(READY)
        page.fill("[name=img]", "512")
        other = pvtprof.compare(img=512, analytic=True)
        page.wait_for_selector("#clock .w-stale:visible")
        page.wait_for_selector("#where .w-stale:visible")  # its times are the run's
        page.select_option("#where [name=quantity]", "macs")
        assert not page.is_visible("#where .w-stale")
        assert finding(page, "where") == bars_drawn.drawn(frames_of(other), "macs")[0]
        assert finding(page, "memory") == live.finding(live_info(other).moments)
        assert page.is_visible("#clock .w-stale")  # of the run, and grey
        page.focus("#where .w-track i[tabindex='0']")
        page.keyboard.press("ArrowRight")
        assert "stage 1, mha: kv (projection to keys and values)" in (
            page.text_content("#where .w-said") or ""
        )
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert page.locator("#where [data-chosen]").count() == 1
        assert page.is_visible("#memory .w-operator")
        page.focus("#memory input[type=range]")
        page.keyboard.press("Home")
        assert "operator 1 of " in (page.text_content("#memory .w-said") or "")
        page.fill("[name=img]", "96")
        page.select_option("[name=mode]", "training")
        step = pvtprof.compare(img=96, mode="training", analytic=True)
        page.wait_for_function(
            "() => document.querySelector('#memory').textContent.includes('way back')"
        )
        assert finding(page, "memory") == live.finding(live_info(step).moments)
        assert "of one training step" in (page.text_content("#memory") or "")
        assert "MACs are those of the forward pass" in (page.text_content("#where") or "")
        assert finding(page, "answer").startswith("A training step at 96x96: ")
        assert "predicted for inference alone" in (page.text_content("#answer") or "")
        page.select_option("#where [name=quantity]", "params")
        assert "params" in finding(page, "where")
        assert violations(page) == []
        assert found.console == []


def test_time_is_measured_where_it_ran_and_predicted_elsewhere(
    browser: Browser, tmp_path: Path
) -> None:
    run, path = pvtprof.load(REPORTS / "pvt_v2_b2-224.json"), tmp_path / "page.html"
    run.to_html(path)
    with opened(browser, path, reduced_motion="reduce") as found:
        page = found.page
        page.wait_for_selector(READY)
        measured = bars_time_drawn.drawn(bars_time.time_frames(run))
        assert finding(page, "where") == measured[0]
        assert page.locator("#where .w-bar.w-predicted").count() == 0
        page.fill("[name=img]", "96")
        page.wait_for_selector("#where .w-predicted")
        other = pvtprof.compare(img=96, analytic=True, calibration=run.calibration)
        title, frames = bars_time_drawn.drawn(bars_time.time_frames(other))
        assert finding(page, "where") == title
        shown = page.locator("#where figcaption").all_text_contents()
        assert [text.replace("\u00a0", " ") for text in shown] == [one.title for one in frames]
        assert not page.is_visible("#where .w-stale")
        page.fill("[name=img]", "800x1333")  # plain attention needs more memory than there is
        large = pvtprof.compare(img=(800, 1333), analytic=True, calibration=run.calibration)
        large = replace(large, environment=run.environment)
        made, told = where.where(large), clock.clock(large)
        assert made
        assert [finding(page, name) for name in ("where", "clock")] == [made.title, told.title]
        assert not re.search(r"\bmha\b", made.title + told.title)
        labels = page.locator('#where [data-design="mha"] .w-much').all_text_contents()
        assert labels == ["does not fit"] * 5
        assert page.locator('#clock [data-design="mha"]').count() == 0
        how = (page.text_content("#clock .w-how") or "").replace("\u00a0", " ")
        assert "as shares of sra_conv's" in how
        assert how.endswith(told.text.rpartition(". ")[2])
        assert "mha does not fit into" in how
        page.select_option("[name=mode]", "training")
        page.wait_for_selector("#where .w-stale:visible")  # of the run again, and grey
        assert finding(page, "where") == measured[0]
        for name in ("where", "clock"):  # grey, and the note says of what setting
            assert page.locator(f"#{name} .finding[data-measured]").count() == 1
            assert "224x224, R 8,4,2,1, pooling to 7x7" in (
                page.text_content(f"#{name} .w-stale") or ""
            )
        assert "Time is predicted for inference alone" in (
            page.text_content("#where .w-stale") or ""
        )
        assert violations(page) == []
        assert (found.console, found.requests) == ([], [])


def test_without_javascript_they_are_there_on_a_telephone(browser: Browser, report: Path) -> None:
    size = {"width": 390, "height": 844}
    with opened(browser, report, java_script_enabled=False, viewport=size) as found:
        for name in MINE:
            assert len(found.page.inner_text(f"#{name} .finding")) > 40
        assert found.page.locator("#where .w-track i").count() > 50
        assert found.page.locator("#memory path").count() == 3
        for hidden in ("#where form", "#memory form", "#memory .w-walk"):
            assert not found.page.is_visible(hidden)
        box = found.page.locator("#where .w-bar").first.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 390
