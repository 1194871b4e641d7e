"""The report as a person has it: opened in Chromium, driven, looked at by axe, offline."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

import pvtprof
from pvtprof import units
from pvtprof.cli import app
from pvtprof.predict import choose
from pvtprof.report.commands import choosing, formula
from pvtprof.report.page import html, index
from pvtprof.run import store
from pvtprof.run.run import Run
from tests.browser import READY, opened, said_in_the_address
from tests.builders import MINE, made_up_calibration, model_at, observed_run, with_row
from tests.trials import ALL, costly

KINDS = ("report", "several", "pair", "index", "choose")
LIVE = ("report", "several", "pair", "own")  # kinds of pages that have an explorer
CHART = ".chart .main-svg"
HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def run() -> Run:
    made = observed_run()
    return replace(made, environment=replace(made.environment, memory_bytes=24 * 2**30))


@pytest.fixture(scope="module")
def report(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    run.to_html(path)
    return path


@pytest.fixture(scope="module")
def pages(report: Path, run: Run) -> dict[str, Path]:
    """Every kind of page, and what tells that it is ready."""
    other = observed_run(img=320)
    made = {
        **({"several": html.render(several(run))} if ALL else {}),  # that no other opens
        "choose": choosing.html(choose.choose(*model_at("pvt_v2_b0", 64), made_up_calibration())),
        "pair": html.render(run, other),
        "own": html.render(pvtprof.compare(MINE, analytic=True)),
        "index": index.render({"a.json": run}, {"a.json": "a.html"}, {"b": "x"}),
    }
    for name, text in made.items():
        report.with_name(f"{name}.html").write_text(text, encoding="utf-8")
    return {"report": report, **{name: report.with_name(f"{name}.html") for name in made}}


def several(run: Run) -> Run:
    """A run of two models, one of them at two sizes."""
    others = (observed_run(img=320), observed_run(model="pvt_tiny", img=(64, 96)))
    return replace(run, rows=(*run.rows, *(row for other in others for row in other.rows)))


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [(kind, scheme) for kind in (*KINDS, "own") for scheme in ("light", "dark")]
    if ALL
    else [("report", "dark"), ("choose", "light")],
)
def test_no_requests_no_complaints_no_violations(
    browser: Browser, pages: dict[str, Path], kind: str, scheme: str
) -> None:
    with opened(browser, pages[kind], color_scheme=scheme) as found:
        if kind in LIVE:
            found.page.wait_for_selector(READY)
            assert "all are equal" in found.page.inner_text("#proof")
            if ALL:  # else once all is open, and a field refused
                assert violations(found.page) == []
            found.page.fill("[name=R]", "8,4,x,1")
            assert "'x' is not a whole number" in found.page.inner_text("#refusal")
        open_all(found.page)
        assert violations(found.page) == []
        assert found.requests == []
        assert found.console == []


def test_a_network_of_ones_own_is_explored(browser: Browser, pages: dict[str, Path]) -> None:
    """Its stages and R follow the model that is chosen."""
    with opened(browser, pages["own"]) as found:
        page = found.page
        page.wait_for_selector(READY)
        open_all(page)
        mine = pvtprof.compare(MINE, analytic=True)
        assert page.text_content("#total") == units.integer(mine.row(None, "sra_conv").macs)
        assert [line[0] for line in figures(page)[1]] == ["stage 1", "stage 2", "stage 3"]
        page.select_option("[name=model]", "pvt_tiny")
        assert page.input_value("[name=R]") == "8,4,2,1"
        page.select_option("[name=stage]", "4")
        page.select_option("[name=model]", "mine")
        assert (page.input_value("[name=R]"), page.input_value("[name=stage]")) == ("8,4,1", "1")
        assert page.locator("[name=stage] option").count() == 3
        page.fill("[name=R]", "8,4,2,1")
        assert page.inner_text("#refusal") == "R has 4 values; use 3, one per stage, such as 4,2,1"
        assert (found.requests, found.console) == ([], [])


@costly
def test_every_comparison_of_a_page_is_reached_by_its_link(
    browser: Browser, pages: dict[str, Path], run: Run
) -> None:
    with opened(browser, pages["several"]) as found:
        found.page.wait_for_selector(READY)
        links = found.page.locator("a[data-comparison]")
        assert links.count() == 3
        for number, one in enumerate(several(run).comparisons, 1):
            links.nth(number - 1).click()
            found.page.wait_for_selector(f"#comparison-{number}:not([hidden])")
            assert shown_comparisons(found.page) == [f"comparison-{number}"]
            assert links.nth(number - 1).get_attribute("aria-current") == "true"
            told = found.page.text_content(f"#comparison-{number}") or ""
            assert units.integer(one.row(None, "sra_pool").macs) in told
            assert found.page.input_value("[name=img]") == units.sides(*one.setting.image)
            assert found.page.input_value("#picker") == f"comparison-{number}"
            if ALL or number == 2:
                assert violations(found.page) == []
        assert (found.requests, found.console) == ([], [])
    with opened(browser, pages["several"], anchor="#comparison-3") as again:
        again.page.wait_for_selector(READY)
        assert shown_comparisons(again.page) == ["comparison-3"]


def shown_comparisons(page: Page) -> list[str]:
    blocks = page.locator("div[id^=comparison-]:not([hidden])")
    return list(blocks.evaluate_all("all => all.map((one) => one.id)"))


def violations(page: Page, context: str | None = None) -> list[str]:
    """What axe finds, at every level, with the first element of each."""
    options = {"resultTypes": ["violations"]}
    found = Axe().run(page, context, options).response["violations"]
    return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html']}" for one in found]


def test_axe_and_the_policy_can_find_something(browser: Browser, report: Path) -> None:
    bad = report.with_name("bad.html")
    text = report.read_text(encoding="utf-8")
    bad.write_text(text.replace("</main>", '<img src="http://127.0.0.1:9/x.png"></main>'))
    with opened(browser, bad) as found:
        found.page.wait_for_selector(READY)
        assert any("image-alt" in one for one in violations(found.page, "main img"))
        assert "Content Security Policy" in " ".join(found.console)


def test_the_page_is_small(report: Path) -> None:
    assert report.stat().st_size <= 1_800_000


def test_every_chart_is_drawn_and_none_is_uploaded(browser: Browser, report: Path) -> None:
    with opened(browser, report) as found:
        found.page.wait_for_selector(READY)
        charts = found.page.locator("[data-chart]").count()
        assert found.page.locator(".chart .main-svg .cartesianlayer").count() == charts
        assert {"Save as CSV", "Filter"} <= {text.split(":")[0] for text in labels(found.page)}
        assert found.page.locator(".modebar-btn").count() == 0  # "Share chart" is one of those


def open_all(page: Page) -> None:
    """Open every table, and the fields that are folded: all are closed at first."""
    page.evaluate(
        """document.querySelectorAll('details').forEach((d) => d.open = true);
        new Promise((done) => setTimeout(done, 50))"""
    )


def labels(page: Page) -> list[str]:
    found = page.locator("button[aria-label], input[aria-label]")
    return [label or "" for label in found.evaluate_all("all => all.map((one) => one.ariaLabel)")]


def test_the_explorer_says_what_the_command_line_says(
    browser: Browser, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(browser, report) as found:
        page = found.page
        page.wait_for_selector(READY)
        open_all(page)
        page.fill("[name=img]", "512")
        page.fill("[name=R]", "4,2,2,1")
        page.select_option("[name=attention]", "sdpa")
        command, url, shown = (
            page.text_content("#command") or "",
            said_in_the_address(page, "attention=sdpa"),
            figures(page),
        )
        total = page.text_content("#total")
    with opened(browser, report, anchor=url.partition(".html")[2]) as again:
        again.page.wait_for_selector(READY)
        open_all(again.page)
        assert figures(again.page) == shown
        assert again.page.input_value("[name=img]") == "512"
    assert command == "pvtprof compare --img 512 --R 4,2,2,1 --attention sdpa --analytic"
    assert app.main([*shlex.split(command)[1:], "--format", "json"]) == 0
    run = store.loads(capsys.readouterr().out)
    rows = {(r.part.stage, r.design.name): r for r in run.rows}
    assert total == units.integer(rows[None, "sra_conv"].macs)
    for line in shown[0]:
        row = rows[None, line[0]]
        moved = sum(row.moved_bytes)
        told = (row.macs, row.params, row.peak.bytes, row.saved_bytes, moved)
        assert [line[i] for i in (1, 3, 4, 7, 8)] == [units.integer(n) for n in told]
        plain = rows[None, "mha"]
        peak, peak_of_plain = (r.peak.bytes for r in (row, plain))
        assert line[2] == units.percent(row.macs, plain.macs)
        assert line[5:7] == [units.size(peak), units.percent(peak, peak_of_plain)]
        assert line[9] == row.peak.at
    for stage, line in enumerate(shown[1], 1):
        row = rows[stage, "sra_conv"]
        all_blocks = row.blocks * row.macs
        told = (
            row.tokens,
            row.kv_tokens,
            row.macs,
            row.blocks,
            all_blocks,
            row.params,
            row.peak.bytes,
        )
        assert line[3:10] == [units.integer(n) for n in told]


def figures(page: Page) -> list[list[list[str]]]:
    """Every cell of the explorer's two tables."""
    read = "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    return [page.locator(f"#{name} tr").evaluate_all(read) for name in ("totals", "stages")]


def test_totals_beyond_javascript_numbers_are_exact(browser: Browser, report: Path) -> None:
    with opened(browser, report) as found:
        found.page.wait_for_selector(READY)
        open_all(found.page)
        found.page.fill("[name=img]", "16384")
        found.page.fill("[name=batch]", "4096")
        found.page.select_option("[name=variant]", "mha")
        found.page.select_option("[name=count]", "FLOPs")
        macs = pvtprof.compare(img=16384, batch=4096, analytic=True).row(None, "mha").macs
        assert macs > 2**60
        assert found.page.text_content("#total") == units.integer(2 * macs)


def test_a_refusal_keeps_the_last_figures_dimmed_and_marks_its_field(
    browser: Browser, report: Path
) -> None:
    with opened(browser, report) as found:
        page = found.page
        page.wait_for_selector(READY)
        open_all(page)
        before = figures(page)
        page.fill("[name=R]", "8,4,2,9")
        assert page.inner_text("#refusal") == (
            "stage 4: R 9 is larger than the 7x7 token grid; use R 1 to 7, or a larger image"
        )
        assert page.get_attribute("[name=R]", "aria-invalid") == "true"
        assert (is_dimmed(page), figures(page)) == (True, before)
        page.fill("[name=R]", "8,4,2,7")
        assert not is_dimmed(page)
        assert figures(page) != before
        assert not page.is_visible("#refusal")


def is_dimmed(page: Page) -> bool:
    return bool(page.evaluate("document.body.classList.contains('dimmed')"))


ADDRESSES = [
    "#variant=foo",
    "#stage=9",
    "#stage=0",
    "#count=foo",
    "#img=224x224x9",
    "#img=",
    "#x=1",
    "#memory=lots",
    "#dtype=int8&variant=&batch=%00",
]


@pytest.mark.parametrize("anchor", ADDRESSES if ALL else ADDRESSES[::4])
def test_no_address_breaks_the_page(browser: Browser, report: Path, anchor: str) -> None:
    with opened(browser, report, anchor) as found:
        found.page.wait_for_selector(READY)
        assert is_dimmed(found.page) == found.page.is_visible("#refusal")
        assert found.page.input_value("[name=count]") == "MACs"
        assert found.console == []


def test_a_link_to_a_section_and_a_reload_keep_their_place(browser: Browser, report: Path) -> None:
    """Though what lies below the first screen is built after it."""
    with opened(browser, report, "#growth") as found:
        found.page.wait_for_selector(READY)
        found.page.wait_for_function("() => scrollY > 1000")
        assert found.page.locator("noscript.later").count() == 0
        found.page.reload()
        found.page.wait_for_function("() => scrollY > 1000")
        assert (found.requests, found.console) == ([], [])


def test_an_anchor_without_a_setting_changes_nothing(browser: Browser, report: Path) -> None:
    with opened(browser, report, "#batch=3") as found:
        found.page.wait_for_selector(READY)
        found.page.evaluate("location.hash = '#where'")
        assert found.page.input_value("[name=batch]") == "3"


def test_the_address_has_a_refused_setting_too(browser: Browser, report: Path) -> None:
    with opened(browser, report) as found:
        found.page.wait_for_selector(READY)
        found.page.fill("[name=R]", "8,4,2,9")
        said_in_the_address(found.page, "R=8%2C4%2C2%2C9")
        found.page.reload()
        found.page.wait_for_selector(READY)
        assert found.page.is_visible("#refusal")


def test_the_list_of_runs_keeps_r_as_it_is(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["index"]) as found, found.page.expect_download() as download:
        found.page.get_by_label("Save as CSV: Runs").click()
        (line,) = csv.DictReader(io.StringIO(download.value.path().read_text()))
    assert line["R"] == "8,4,2,1"
    assert line["mha macs"] == "8587381760"


def test_designs_are_drawn_sorted_and_handed_out(browser: Browser, pages: dict[str, Path]) -> None:
    """A dot for each design of the front, and one for each published model; both in the table."""
    made = choose.choose(*model_at("pvt_v2_b0", 64), made_up_calibration())
    designs = [*made.front, *made.published]
    with opened(browser, pages["choose"]) as found:
        found.page.wait_for_selector("#choices-chart .point")
        dots = found.page.locator("#choices-chart .point")
        assert dots.count() == len(designs)
        open_all(found.page)
        with found.page.expect_download() as download:
            found.page.get_by_label("Save as CSV: The front, then the published models").click()
            lines = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
        assert [line["design"] for line in lines] == [design.name for design in designs]
        assert [int(line["MACs"]) for line in lines] == [design.macs for design in designs]
        found.page.get_by_role("button", name="params", exact=True).click()
        column = found.page.locator("table tbody tr td:nth-child(7)").all_inner_texts()
        shown = [int(text.replace(",", "")) for text in column]
        assert shown == sorted(design.params for design in designs)


def test_what_the_filter_hides_is_not_handed_out(browser: Browser, report: Path) -> None:
    name = "Operators of attention, explorer"
    with opened(browser, report) as found:
        found.page.wait_for_selector(READY)
        found.page.get_by_text("Operators of attention, all blocks").click()
        found.page.get_by_label(f"Filter: {name}").fill("sra_pool")
        with found.page.expect_download() as download:
            found.page.get_by_label(f"Save as CSV: {name}").click()
        lines = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert {line["design"] for line in lines} == {"sra_pool"}
    told = {(line["stage"], line["operator"]): int(line["MACs"]) for line in lines}
    for op in pvtprof.compare(analytic=True).row(3, "sra_pool").ops:
        assert told["stage 3", op.name] == 6 * op.macs


def test_a_mismatch_is_a_red_banner(browser: Browser, report: Path) -> None:
    broken = report.with_name("broken.html")
    text, macs = report.read_text(encoding="utf-8"), "4026734592"
    assert f'"{macs}"' in text
    broken.write_text(text.replace(f'"{macs}"', '"4026734593"'), encoding="utf-8")
    with opened(browser, broken) as found:
        found.page.wait_for_selector(READY)
        said = found.page.inner_text("#proof[role=alert]")
        assert "1 of 255 vectors differ" in said
        assert "macs: 4026734592, Python: 4026734593" in said
        assert found.page.evaluate("getComputedStyle(document.getElementById('proof')).color") == (
            "rgb(180, 35, 24)"
        )


def test_hostile_texts_are_inert(browser: Browser, run: Run, tmp_path: Path) -> None:
    hostile = with_row(run, 1, "mha", not_run=HOSTILE, latency=None, runs_as=HOSTILE)
    told = dict.fromkeys(("device", "commit", "date", "system", "driver"), HOSTILE)
    hostile = replace(hostile, command=HOSTILE, environment=replace(run.environment, **told))
    made = {
        "report": html.render(hostile),
        "pair": html.render(hostile, hostile),
        "own": html.render(pvtprof.compare(MINE, analytic=True)),
        "index": index.render({HOSTILE: hostile}, {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE}),
    }
    for name, text in made.items():
        path = tmp_path / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        anchor = f"#model={HOSTILE}&R={HOSTILE}" if name != "index" else ""
        with opened(browser, path, anchor) as found:
            if anchor:
                found.page.wait_for_selector(READY)
                assert HOSTILE in found.page.inner_text("#refusal")
            assert HOSTILE in found.page.inner_text("body")
            assert found.page.locator("img").count() == 0
            assert found.console == []
            assert found.requests == []


def test_hostile_names_of_a_model_and_of_a_design_do_nothing(
    browser: Browser, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "run.json"
    hostile = HOSTILE.replace("/", "\\/")
    text = store.dumps(run).replace("pvt_v2_b2", hostile)
    path.write_text(text.replace('"name": "sra_pool"', f'"name": "{hostile}"'))
    assert app.main(["report", str(path)]) == 0
    with opened(browser, path.with_suffix(".html")) as found:
        found.page.wait_for_selector(READY)
        assert HOSTILE in found.page.inner_text("h1")
        assert found.page.locator("img").count() == 0
        assert (found.console, found.requests) == ([], [])


def test_the_run_is_handed_out_byte_for_byte(browser: Browser, tmp_path: Path) -> None:
    large = observed_run(img=16384, batch=4096)
    path = tmp_path / "large.html"
    large.to_html(path)
    with opened(browser, path) as found:
        found.page.wait_for_selector(READY)
        open_all(found.page)
        with found.page.expect_download() as download:
            found.page.locator("button", has_text="JSON").first.click()
        text = download.value.path().read_text(encoding="utf-8")
    assert text == store.dumps(large)
    assert max(row["macs"] for row in json.loads(text)["rows"]) > 2**60


def test_tables_sort_filter_and_are_handed_out(browser: Browser, report: Path, run: Run) -> None:
    with opened(browser, report) as found:
        page, name = found.page, "One attention module of each stage, and the whole model"
        page.wait_for_selector(READY)
        open_all(page)
        table = page.get_by_role("table", name=name)
        head = table.get_by_role("columnheader", name="MACs")
        for order, reverse in (("ascending", False), ("descending", True)):
            head.get_by_role("button").click()
            assert head.get_attribute("aria-sort") == order
            column = [line.split("\t")[7] for line in table.inner_text().splitlines()[1:]]
            macs = sorted((row.macs for row in run.rows), reverse=reverse)
            assert column == [units.integer(n) for n in macs]
        page.get_by_label(f"Filter: {name}").fill("sra_pool")
        assert table.locator("tbody tr:visible").count() == 5
        page.get_by_label(f"Filter: {name}").fill("")
        with page.expect_download() as download:
            page.get_by_label(f"Save as CSV: {name}").click()
        lines = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert {(line["place"], line["design"], int(line["MACs"])) for line in lines} == {
        ("model" if r.part.stage is None else f"stage {r.part.stage}", r.design.name, r.macs)
        for r in run.rows
    }


@pytest.mark.parametrize(("form", "begin"), [("SVG", b"<svg"), ("PNG", b"\x89PNG")])
def test_charts_are_handed_out(
    browser: Browser, pages: dict[str, Path], form: str, begin: bytes
) -> None:
    with opened(browser, pages["choose"]) as found:
        found.page.wait_for_selector(CHART)
        with found.page.expect_download() as download:
            found.page.get_by_role("button", name=form).click()
        assert download.value.path().read_bytes().startswith(begin)
        assert download.value.suggested_filename == f"pvtprof-choices-chart.{form.lower()}"
        assert found.requests == []


def test_without_javascript_every_figure_is_there(browser: Browser, report: Path, run: Run) -> None:
    with opened(browser, report, java_script_enabled=False) as found:
        shown = found.page.text_content("main") or ""
        assert "without JavaScript" in found.page.inner_text("body")
        assert not found.page.is_visible("#explorer")
        for row in run.rows:
            assert units.integer(row.macs) in shown
        assert found.page.locator("math").first.is_visible()


@pytest.mark.parametrize("kind", ["report", "pair", "index", "choose"])
def test_a_telephone_does_not_scroll_sideways(
    browser: Browser, pages: dict[str, Path], kind: str
) -> None:
    with opened(browser, pages[kind], viewport={"width": 390, "height": 844}) as found:
        if kind in LIVE:
            found.page.wait_for_selector(READY)
        open_all(found.page)
        root = "document.documentElement"
        assert found.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")


def test_the_theme_turns_and_charts_turn_with_it(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["choose"], color_scheme="light") as found:
        backgrounds = [looks(found.page)]
        found.page.click("#theme")
        backgrounds.append(looks(found.page))
        found.page.reload()
        backgrounds.append(looks(found.page))
    light, dark = ("rgb(255, 255, 255)",) * 2, ("rgb(13, 17, 23)",) * 2
    assert backgrounds == [light, dark, dark]


def looks(page: Page) -> tuple[str, str]:
    """Background of the page, and of its chart."""
    page.wait_for_selector(CHART)
    of_page = page.evaluate("getComputedStyle(document.body).backgroundColor")
    of_chart = page.evaluate(f"document.querySelector('{CHART}').style.background")
    return of_page, of_chart


def test_paper_is_light_and_the_screen_is_as_before(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with opened(browser, pages["choose"], color_scheme="dark") as found:
        before = looks(found.page)
        found.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert looks(found.page)[1] == "rgb(255, 255, 255)"
        found.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert looks(found.page) == before
        assert found.page.pdf().startswith(b"%PDF")


def test_formulas_with_numbers_are_true(browser: Browser, report: Path, run: Run) -> None:
    python = """math => { const made = math.cloneNode(true);
      for (const power of made.querySelectorAll("msup"))
        power.replaceWith(`${power.children[0].textContent}**${power.children[1].textContent}`);
      return made.textContent; }"""
    with opened(browser, report) as found:
        found.page.wait_for_selector(READY)
        found.page.select_option("[name=stage]", "2")
        for variant in run.variants:
            place = found.page.locator(f"[data-numbers={variant}] math")
            said = [place.nth(i).evaluate(python) for i in range(2)]
            row = run.row(2, variant)
            for text, name, value in zip(
                said, ("MACs", "params"), (row.macs, row.params), strict=True
            ):
                label, middle, result = (
                    re.sub(",|\u2062", "", text).replace("\u00d7", "*").split("=")
                )
                assert label == name
                assert eval(middle) == int(result) == value  # digits and operators
        copied = found.page.get_attribute("[data-formula=sra_conv] [data-copy]", "data-copy")
        assert copied == formula.render("sra_conv", "latex", None, 0)


def test_an_anonymous_page_names_no_device_and_no_date(run: Run) -> None:
    environment = replace(run.environment, driver="535.1", commit="abc1234")
    told = html.render(replace(run, environment=environment).anonymous())
    for secret in (environment.device, environment.date, environment.system, "535.1", "abc1234"):
        assert secret not in told
        assert secret in html.render(replace(run, environment=environment))
