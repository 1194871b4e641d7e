"""The frame of the report: its bar, its contents, what follows the bar and what does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import pvtprof
from pvtprof import units
from pvtprof.designs.named import network
from tests.browser import READY, opened, said_in_the_address
from tests.builders import observed_run
from tests.report.runs import REPORTS
from tests.trials import ALL

#: Where every section begins, and how long the page is.
LAYOUT = """[...document.querySelectorAll("section[data-section]")]
  .map((one) => one.offsetTop).concat(document.documentElement.scrollHeight)"""
SET = 'img => document.dispatchEvent(new CustomEvent("pvtprof:set", { detail: { img } }))'
SECTIONS = ["answer", "inside", "where", "clock", "growth", "memory", "trust", "measured"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bar") / "page.html"
    observed_run().to_html(path)
    return path


@pytest.fixture(scope="module")
def timed_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page whose sections on time follow, and so grow and shrink."""
    path = tmp_path_factory.mktemp("bar-timed") / "page.html"
    pvtprof.load(REPORTS / "pvt_v2_b2-224.json").to_html(path)
    return path


def current(page: Page) -> str:
    return str(page.get_attribute(".contents [aria-current]", "data-goto"))


def test_the_way_around_is_a_list_keys_and_a_select(browser: Browser, report: Path) -> None:
    size = {"width": 1300, "height": 900}
    with opened(browser, report, viewport=size, reduced_motion="reduce") as found:
        page = found.page
        page.wait_for_selector(READY)
        named = "all => all.map((one) => one.dataset.goto)"
        assert page.locator(".contents a").evaluate_all(named) == SECTIONS
        assert current(page) == "answer"
        for key, section in (("j", "inside"), ("j", "where"), ("k", "inside")):
            page.keyboard.press(key)
            page.wait_for_function(
                "name => document.activeElement.id.startsWith(name)", arg=section
            )
            page.wait_for_selector(f'.contents [data-goto="{section}"][aria-current]')
        page.focus("[name=R]")
        page.keyboard.type("j")
        assert (page.input_value("[name=R]")[-1], current(page)) == ("j", "inside")
        page.click('.contents [data-goto="trust"]')
        page.wait_for_selector('.contents [data-goto="trust"][aria-current]')
        top = page.locator(".top").bounding_box()
        assert top
        said_in_the_address(page, "R=")  # it keeps R
        assert top["y"] == 0  # in sight
        page.set_viewport_size({"width": 390, "height": 844})
        page.select_option("#goto", "memory")
        page.wait_for_function(
            "() => document.getElementById('memory').getBoundingClientRect().top < 200"
        )


@pytest.mark.parametrize("width", [360, 768, 2560])
def test_no_width_scrolls_sideways(browser: Browser, report: Path, width: int) -> None:
    with opened(browser, report, viewport={"width": width, "height": 800}) as found:
        found.page.wait_for_selector(READY)
        if width < 1100:
            found.page.click("#fold")
        assert found.page.is_visible("[name=R]")
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_moves_while_a_field_is_unfinished(browser: Browser, report: Path) -> None:
    with opened(browser, report, viewport={"width": 1300, "height": 900}) as found:
        page = found.page
        page.wait_for_selector(READY)
        before = page.evaluate(LAYOUT)
        for name, text in (("R", "4,"), ("img", ""), ("batch", "x"), ("pool-size", "0")):
            was = page.input_value(f"[name={name}]")
            page.fill(f"[name={name}]", text)
            field, reason = (page.locator(s).bounding_box() for s in (f"[name={name}]", "#refusal"))
            assert field
            assert reason
            assert page.get_attribute(f"[name={name}]", "aria-invalid") == "true"
            assert 0 <= reason["y"] - field["y"] - field["height"] < 16
            assert page.evaluate(LAYOUT) == before
            page.fill(f"[name={name}]", was)
            assert not page.is_visible("#refusal")
        assert found.console == []


@pytest.mark.parametrize("section", ["growth", *(["clock"] if ALL else [])])
def test_what_is_in_sight_stays_where_the_setting_changes(
    browser: Browser, timed_report: Path, section: str
) -> None:
    """Also while the line of "As the image grows" is dragged, and after all is laid out again."""
    size = {"width": 1300, "height": 900}
    with opened(browser, timed_report, viewport=size, reduced_motion="reduce") as found:
        page = found.page
        page.wait_for_selector(READY)
        handle, bar = page.locator("#growth [role=slider]"), page.locator(".top")
        seen = handle if section == "growth" else page.locator("#clock h2")
        place = "one => one.scrollIntoView({ block: 'center', behavior: 'instant' })"
        seen.evaluate(place)
        if section == "growth":
            handle.focus()
        top, high = (one.evaluate("one => one.getBoundingClientRect().top") for one in (seen, bar))
        for side in (256, 800, 4096, 224):
            if section == "growth":
                page.evaluate(SET, str(side))  # as the handle does
            else:
                page.fill("[name=img]", str(side))
            page.wait_for_selector(f"#growth >> text=/At ({side}|{side:,})/")
            page.wait_for_selector(":root:not(.resting)")
            now = (one.evaluate("one => one.getBoundingClientRect().top") for one in (seen, bar))
            assert tuple(now) == pytest.approx((top, high), abs=1.5), side
        assert found.console == []


def test_a_preset_is_undone_and_reset(browser: Browser, report: Path) -> None:
    def fields(page: Page) -> tuple[str, ...]:
        return tuple(page.input_value(f"[name={name}]") for name in ("img", "R", "preset"))

    with opened(browser, report) as found:
        page = found.page
        page.wait_for_selector(READY)
        assert page.is_disabled("#undo")
        page.select_option("[name=preset]", "img=800x1333")
        assert fields(page) == ("800x1333", "8,4,2,1", "img=800x1333")
        page.select_option("[name=preset]", "R=1")
        assert fields(page) == ("800x1333", "1,1,1,1", "R=1")
        page.click("#undo")
        assert fields(page) == ("800x1333", "8,4,2,1", "")
        page.click("#undo")
        assert (fields(page), page.is_disabled("#undo")) == (("224", "8,4,2,1", ""), True)
        page.fill("[name=batch]", "x")
        page.click("#undo")
        assert (page.input_value("[name=batch]"), page.is_visible("#refusal")) == ("1", False)
        page.fill("[name=batch]", "16")
        page.click("#reset")
        assert (page.input_value("[name=batch]"), page.is_disabled("#reset")) == ("1", True)
        page.select_option("[name=preset]", "R=1")
        page.fill("[name=batch]", "2")  # the name stays until the field that it set is changed
        assert fields(page)[2] == "R=1"
        page.fill("[name=R]", "1,1,1,2")
        assert fields(page)[2] == ""


def test_an_address_that_is_refused_opens_the_folded_bar(browser: Browser, report: Path) -> None:
    size = {"width": 390, "height": 844}
    with opened(browser, report, "#R=8,4,2,9", viewport=size) as found:
        found.page.wait_for_selector(READY, state="attached")
        assert found.page.is_visible("#refusal")
        assert found.page.is_disabled("#undo")
        found.page.click("#reset")
        assert not found.page.is_visible("#refusal")
        assert found.page.inner_text("#fold").startswith("pvt_v2_b2 at 224x224")
        assert found.console == []


def test_a_network_of_ones_own_is_typed(browser: Browser, report: Path) -> None:
    with opened(browser, report) as found:
        page = found.page
        page.wait_for_selector(READY)
        page.click("#advanced summary")
        page.fill("[name=embed_dims]", "64,128,321,512")
        assert page.inner_text("#refusal").startswith(
            "pvt_v2_b2 with --set embed_dims=64,128,321,512: stage 3: dim 321 is not divisible by "
            "num_heads 5; use one of 1, 3, 107, 321"
        )
        assert page.get_attribute("[name=embed_dims]", "aria-invalid") == "true"
        page.fill("[name=embed_dims]", "64,128,325,512")
        page.fill("[name=depths]", "3, 4, 18, 3")
        words = ["embed_dims=64,128,325,512", "depths=3,4,18,3"]
        command = page.text_content("#command") or ""
        assert command.startswith(f"pvtprof compare --set {words[0]} --set {words[1]} --img 224")
        page.evaluate("document.getElementById('totals').closest('details').open = true")
        page.wait_for_selector("#totals tr")
        run = pvtprof.compare(network("pvt_v2_b2", words), analytic=True)
        macs = units.integer(run.row(None, "sra_conv").macs)
        assert page.text_content("#total") == macs
        said_in_the_address(page, "depths")
        page.reload()
        page.wait_for_selector(READY)
        assert page.input_value("[name=depths]") == "3, 4, 18, 3"
        assert page.text_content("#command") == command


def test_what_was_measured_says_that_the_bar_says_otherwise(browser: Browser, report: Path) -> None:
    with opened(browser, report) as found:
        page = found.page
        page.wait_for_selector(READY)
        assert not page.is_visible("[data-measured-at]")
        page.fill("[name=img]", "512x512")
        assert page.locator(".block.stale").count() == 1
        assert page.is_visible("#measured [data-measured-at]")
        assert "those of the run (224x224)" in (
            page.text_content("#measured [data-measured-at]") or ""
        )
        assert page.inner_text("h1") == page.text_content("#fold") == "pvt_v2_b2 at 512x512"
        page.fill("[name=img]", "224x224")
        assert page.inner_text("h1") == "pvt_v2_b2 at 224x224"
        assert page.locator(".block.stale").count() == 0


def test_a_section_can_change_the_bar(browser: Browser, report: Path) -> None:
    with opened(browser, report) as found:
        found.page.wait_for_selector(READY)
        found.page.evaluate(
            """document.dispatchEvent(new CustomEvent("pvtprof:set", { detail: { img: "640" } }))"""
        )
        assert found.page.input_value("[name=img]") == "640"
        assert "--img 640" in (found.page.text_content("#command") or "")


def test_paper_takes_eight_pages_at_most(browser: Browser, report: Path) -> None:
    with opened(browser, report) as found:
        found.page.wait_for_selector(READY)
        made = found.page.pdf(format="A4")
    counts = [int(count) for count in re.findall(rb"/Count (\d+)", made)]
    assert counts
    assert max(counts) <= 8
