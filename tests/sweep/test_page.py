"""The page of a store in Chromium: no request, no complaint, filters, and the figures of a row."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from pvtprof.cli import app
from pvtprof.observe.measurement import Measurement
from pvtprof.report.sweep_page import sweep, sweep_findings, sweep_picture, sweep_read, sweep_words
from pvtprof.report.sweep_page.sweep_rows import COLUMNS, Stored, sweep_of
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import Outcome
from tests.browser import chromium, opened
from tests.builders import ENVIRONMENT
from tests.sweep.made_up import LARGE, MACHINES, SMALL, stored
from tests.sweep.test_page_words import NOISY, sweep_with
from tests.trials import ALL, costly

READY = "html[data-sweep=ready]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def small() -> Stored:
    """18 rows on one machine; two of them failed, one is left."""
    made = stored({**SMALL, "img": ["64,96,128"]})
    columns = {name: list(values) for name, values in made.columns.items()}
    for i in (0, 1, 2):
        for name in ("latency_s", "latency_low_s", "latency_high_s"):
            columns[name][i] = None
        columns["failure"][i] = "ran out of time" if i < 2 else None
        columns["machine"][i] = columns["machine"][i] if i < 2 else None
        columns["tries"][i] = int(i < 2)
    samples = [() if i < 3 else one for i, one in enumerate(made.samples)]
    return replace(made, columns=columns, samples=samples)


@pytest.fixture(scope="module")
def page(small: Stored, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "page.html"
    path.write_text(sweep.render(small), encoding="utf-8")
    return path


def settled(page: Page) -> None:
    page.wait_for_selector(READY, state="attached")


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]


def shown_rows(page: Page) -> list[dict[str, str]]:
    """The rows that the filter shows, from the file that the page saves."""
    page.evaluate("document.getElementById('table-of-rows').open = true")
    with page.expect_download() as waiting:
        page.click("#download")
    return list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text("utf-8"))))


def test_the_page_is_quiet_and_leads_from_a_point_to_its_figures(
    browser: Browser, page: Path, small: Stored
) -> None:
    with opened(browser, page, color_scheme="dark") as found:
        it = found.page
        settled(it)
        assert it.locator("details[open]").count() == 0
        assert it.locator("main > section").count() == len(sweep.NAMES)
        it.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert violations(it) == []
        it.focus("#scatter-plot")
        it.keyboard.press("ArrowRight")
        told = it.inner_text("#scatter-plot-reading")
        it.keyboard.press("Enter")
        assert told.startswith(it.inner_text("#figures-title"))
        assert "pvtprof sweep --model pvt_v2_b0 --img" in it.inner_text("#figures-of")
        assert "12 samples" in it.inner_text("#figures-of")
        assert violations(it) == []
        it.keyboard.press("Escape")
        assert not it.is_visible("#figures")
        assert (found.requests, found.console) == ([], [])


def test_the_filter_shows_the_rows_that_it_says(
    browser: Browser, page: Path, small: Stored
) -> None:
    with opened(browser, page) as found:
        it = found.page
        settled(it)
        it.click("text=All rows")
        settled(it)
        assert it.inner_text("#shown") == "18 of 18 rows"
        texts = [
            {name: "" if one is None else str(one) for name, one in record.items()}
            for record in small.records
        ]
        assert shown_rows(it) == texts
        it.check("#filter label:text-is('mha')")
        it.click("#filter summary")
        it.fill("[aria-label='MACs (G): most']", "0.2")
        settled(it)
        wanted = [t for t in texts if t["design"] == "mha" and int(t["macs"]) <= 2e8]
        assert 0 < len(wanted) < 6
        assert shown_rows(it) == wanted
        it.click("#only-failed")
        settled(it)
        assert [row["failure"] for row in shown_rows(it)] == ["ran out of time"] * 2
        assert "0 rows drawn" in it.inner_text("#scatter-caption")
        assert (found.requests, found.console) == ([], [])


def test_the_first_view_says_what_python_wrote(browser: Browser, page: Path, small: Stored) -> None:
    whole = sweep_of(small)
    races = sweep_words.races(whole)
    points = sweep_picture.shown(whole)
    with opened(browser, page) as found:
        settled(found.page)
        assert found.page.inner_text("#answer-finding") == f"{sweep_words.title(whole, races)}."
        assert found.page.inner_text("#scatter-finding") == (
            f"{sweep_picture.title(whole, points)}."
        )
        said = found.page.inner_text("#growth-finding")
        assert said == f"{sweep_findings.growth_title(whole)}."
        found.page.click("text=All rows")
        settled(found.page)
        assert found.page.inner_text("#predicted-finding") == sweep_findings.predictions(whole)


def test_a_row_of_the_front_for_which_the_noise_decides_is_marked(
    browser: Browser, tmp_path: Path
) -> None:
    lines, finding = NOISY
    path = tmp_path / "page.html"
    path.write_text(sweep.render(sweep_with(*lines).stored), encoding="utf-8")
    with opened(browser, path) as found:
        settled(found.page)
        assert found.page.inner_text("#scatter-finding") == f"{finding}."
        assert "decides whether this row is on a front" in found.page.inner_text("#scatter-caption")
        assert found.page.locator("#scatter-plot path.dashed").count() == 1
        marked = found.page.locator("#front button").all_inner_texts()
        assert [text.endswith("(within the noise)") for text in marked] == [False, False, True]
        found.page.select_option("#y-of", "peak_bytes")
        assert found.page.locator("#scatter-plot path.dashed").count() == 0
        assert (found.requests, found.console) == ([], [])


def test_without_javascript_there_are_sentences_and_a_picture(
    browser: Browser, page: Path, small: Stored
) -> None:
    with opened(browser, page, java_script_enabled=False) as found:
        assert "The store holds 18 rows" in found.page.inner_text("#answer")
        assert found.page.is_visible(".sw-static svg")
        assert not found.page.is_visible("#filter")
        assert "2 of 18 rows failed: ran out of time." in found.page.inner_text("#failures")


@pytest.mark.parametrize("width", (360, 2560) if ALL else (360,))
def test_nothing_is_wider_than_the_window(browser: Browser, page: Path, width: int) -> None:
    with opened(browser, page, viewport={"width": width, "height": 800}) as found:
        settled(found.page)
        size = "document.documentElement.scrollWidth"
        assert found.page.evaluate(size) <= width


@costly
def test_a_page_of_5000_rows_is_small_and_quiet(browser: Browser, tmp_path: Path) -> None:
    made = stored(LARGE, 5000, tuple(MACHINES), failing=0.02, left=0.05, samples=40)
    assert made.count == 5000
    path = tmp_path / "page.html"
    path.write_text(sweep.render(made), encoding="utf-8")
    assert path.stat().st_size <= 3e6
    for scheme in ("light", "dark"):
        with opened(browser, path, color_scheme=scheme) as found:
            settled(found.page)
            assert violations(found.page) == []
            found.page.click("text=All rows")
            settled(found.page)
            assert found.page.inner_text("#shown") == "5,000 of 5,000 rows"
            found.page.select_option("#machine", label="Intel Xeon Platinum 8481C (4 cores)")
            settled(found.page)
            hashes = {row["machine"] for row in shown_rows(found.page)}
            assert hashes == {"", "0f9e8d7c6b5a"}
            assert (found.requests, found.console) == ([], [])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A real store: two rows, one of them measured twice, and the reference."""
    path = tmp_path / "night.sqlite"
    rows = [
        Planned("pvt_v2_b0", design, 64, 64, (1, 1, 1, 1), 7, part="stage 4")
        for design in ("mha", "sra_pool")
    ]
    times = [tuple(1e-3 * (turn + number / 100) for number in range(1, 8)) for turn in (1, 2)]
    with Store.open(path, create=True) as opened_store:
        opened_store.add(rows, 0)
        for samples in times:
            opened_store.measure_again(rows)
            leased = opened_store.lease("me")
            assert leased
            done = Outcome(Measurement(samples), spent_s=0.2, timing_s=0.1)
            assert opened_store.record(leased[0], "me", ENVIRONMENT, done)
        reference = Outcome(Measurement(times[0]), spent_s=0.2, timing_s=0.1, is_reference=True)
        opened_store.record(None, "me", ENVIRONMENT, reference)
    return path


def test_report_takes_a_store(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["report", str(store)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("pvt_v2_b0 at 64: ")
    assert "The store holds 2 rows, all of them measured." in out
    assert err.strip() == f"Wrote {store.with_suffix('.html')}"
    assert store.with_suffix(".html").read_text("utf-8").endswith("</html>\n")
    assert app.main(["report", str(store), "--format", "csv"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(lines[0]) == list(COLUMNS)
    found = sweep_read.read(str(store))
    assert sorted(map(len, found.samples)) == [7, 7]
    assert len(found.references) == 1


def test_an_anonymous_page_names_no_device(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine,) = sweep_read.read(str(store)).environments
    assert ENVIRONMENT.device in sweep.render(sweep_read.read(str(store)))
    assert app.main(["report", str(store), "--anonymous"]) == 0
    text = store.with_suffix(".html").read_text("utf-8") + capsys.readouterr().out
    for secret in (ENVIRONMENT.device, machine, "night"):
        assert secret not in text.replace(str(store.with_suffix(".html")), "")


@pytest.mark.parametrize("what", ["two stores", "markdown", "no store", "cut off", "empty"])
def test_bad_input_is_one_line_and_exit_code_2(
    store: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(store)]
    if what == "two stores":
        arguments *= 2
    elif what == "markdown":
        arguments += ["--format", "markdown"]
    elif what == "no store":
        store.unlink()
        sqlite3.connect(store).execute("CREATE TABLE other (x)").connection.close()
    else:
        store.write_bytes(store.read_bytes()[:5000] if what == "cut off" else b"")
    assert app.main(["report", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    assert not store.with_suffix(".html").exists()
