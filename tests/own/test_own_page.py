"""The page of modules of the user's own: its engine under node, and itself in headless Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

import pvtprof
from pvtprof import spoken
from pvtprof.analytic.cost import Cost
from pvtprof.api import Run
from pvtprof.derive import stored
from pvtprof.derive.evaluate import PartCosts, folded
from pvtprof.derive.form import Form, OutsideError
from pvtprof.designs.part import submodule
from pvtprof.report.page import forms, html
from pvtprof.report.sections import growth, inside_modules, own_growth
from pvtprof.report.sections.picture import Step
from pvtprof.report.sections.picture_panel import lists, panel
from tests.browser import chromium, node, opened
from tests.derive import modules

TARGETS = Path(__file__).parent.parent / "derive" / "modules.py"
#: Runs ``body`` with ``engine``, the page's own, and ``given``, what Python hands over.
HARNESS = """
const fs = require("fs"), vm = require("vm");
const { page, given } = JSON.parse(fs.readFileSync(process.argv[1], "utf8"));
const script = (name) => page.match(new RegExp(` data-name="${name}">([^]*?)</script>`))[1];
for (const name of ["spoken", "forms"]) vm.runInThisContext(script(name));
const engine = vm.runInThisContext("pvtprofForms")(given.forms);
console.log(JSON.stringify((() => { %s })(), (_, v) => typeof v === "bigint" ? `${v}` : v));
"""
READY = "#own-proof:not([hidden])"


@pytest.fixture(scope="module")
def run() -> Run:
    """Two modules that take the same image, and one whose tokens the code fixes."""
    names = ("window", "neighbours", "fixed")
    return pvtprof.compare([f"{TARGETS}:{name}" for name in names], budget_s=0, device="cpu")


@pytest.fixture(scope="module")
def page(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "own.html"
    path.write_text(html.render(run), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def in_node(body: str, page: Path, its: list[Form], vectors: Any, folder: Path) -> Any:
    given = {"forms": [forms._form(form) for form in its], "vectors": vectors}
    handed = folder / "handed.json"
    handed.write_text(json.dumps({"page": page.read_text(encoding="utf-8"), "given": given}))
    return json.loads(node(HARNESS % body, str(handed)))


DIFFERING = "return given.vectors.map(engine.differs).filter(Boolean)"


def test_thousands_of_sizes_and_refusals_agree_with_python(
    run: Run, page: Path, tmp_path: Path
) -> None:
    more = [
        pvtprof.derive(*getattr(modules, name)(), ranges={"h": (4, 12)}, verify=False, name=name)
        for name in ("half",)
    ]
    its = [*forms.forms(run), *more]
    vectors = [
        forms._vector(number, form, point)
        for number, form in enumerate(its)
        for point in forms._around(form, 1000)
    ]
    refused = [v for v in vectors if "error" in v["expected"]]
    beyond = [v for v in vectors if int(v["expected"].get("macs", 0)) > 2**53]
    assert 100 < len(refused) < len(vectors) - 1000
    assert len(beyond) > 20  # where plain numbers of JavaScript are wrong
    assert in_node(DIFFERING, page, its, vectors, tmp_path) == []


def test_a_wrong_vector_is_found(run: Run, page: Path, tmp_path: Path) -> None:
    (first, *_), its = forms.vectors(run, forms.forms(run)), forms.forms(run)
    wrong = {**first, "expected": {**first["expected"], "macs": "1"}}
    assert "macs: " in in_node(DIFFERING, page, its, [wrong], tmp_path)[0]


def test_a_computed_size_is_evaluated_without_code(page: Path, tmp_path: Path) -> None:
    document = json.loads(stored.dumps(pvtprof.derive(*modules.window(), verify=False)))
    code = "floor((h) * 0.5 + sqrt(real(4)) - rint(2.5) / 2) + trunc((h + 6) / 7) - (h) // 2"
    for piece in document["pieces"]:
        piece["quotients"][0][1] = {"code": code, "names": ["h"]}
    form = stored.loads(json.dumps(document))
    vectors = [forms._vector(0, form, point) for point in forms._around(form, 200)]
    assert any("macs" in vector["expected"] for vector in vectors)
    assert in_node(DIFFERING, page, [form], vectors, tmp_path) == []


def test_the_picture_is_drawn_as_python_draws_it(run: Run, page: Path, tmp_path: Path) -> None:
    """At random sizes, whole: its finding, its boxes, its list."""
    depth, cases = forms.depth_of(run), []
    its = [forms._form(form, depth) for form in forms.forms(run)]
    for number, form in enumerate(forms.forms(run)):
        for point in forms._around(form, 100):
            try:
                parts = folded(form.parts(**point), depth)
            except OutsideError:
                continue
            drawn = [inside_modules.module(form.name, [_step(part) for part in parts])]
            said = (inside_modules.title("", drawn), panel("mesh", drawn, 1), lists(drawn))
            sizes = {name: str(size) for name, size in point.items()}
            color = drawn[0].color
            cases.append({"form": number, "sizes": sizes, "color": color, "expected": said})
    assert len(cases) > 60
    body = """vm.runInThisContext(script("inside"));
    const inside = vm.runInThisContext("pvtprofInside");
    return given.vectors.filter(({ form: number, sizes, color, expected }) => {
      const form = engine.forms[number], point = {};
      for (const [name, size] of Object.entries(sizes)) point[name] = BigInt(size);
      const its = [inside.drawnModule({ name: form.name, color }, engine.parts(form, point))];
      const found = [inside.titleOfModules(its), inside.panel("mesh", its, 1), inside.lists(its)];
      return JSON.stringify(found) !== JSON.stringify(expected);
    })"""
    handed = tmp_path / "handed.json"
    given = {"forms": its, "vectors": cases}
    handed.write_text(json.dumps({"page": page.read_text(encoding="utf-8"), "given": given}))
    assert json.loads(node(HARNESS % body, str(handed))) == []


def _step(part: PartCosts) -> Step:
    cost = Cost(part.macs, part.params, part.read_bytes, part.written_bytes)
    return inside_modules.module_step(submodule(part.module).name, cost, part.calls)


TYPED = """([name, value]) => {
  const input = document.getElementById("sizes").elements[name];
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def test_the_picture_follows_the_sizes(browser: Browser, page: Path, run: Run) -> None:
    with opened(browser, page) as found:
        found.page.wait_for_selector(READY)
        assert found.page.locator("#inside [role=alert]").count() == 0  # as Python drew it
        found.page.evaluate(TYPED, ["h", "112"])
        parts = folded(forms.forms(run)[0].parts(b=1, h=112, w=56), forms.depth_of(run))
        for part in parts:
            text = spoken.compact(int(part.macs))
            found.page.locator("#inside .c", has_text=text).first.wait_for(state="attached")
        found.page.evaluate(TYPED, ["h", "3.5"])
        found.page.wait_for_selector("#inside .refused")
        assert (found.requests, found.console) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_whole_at_any_width(
    browser: Browser, page: Path, scheme: str, width: int
) -> None:
    size = {"width": width, "height": 844}
    with opened(browser, page, color_scheme=scheme, viewport=size) as found:
        found.page.wait_for_selector(READY)
        assert "all are equal" in (found.page.text_content("#own-proof") or "")
        assert (found.requests, found.console) == ([], [])
        wide = found.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width


def test_the_explorer_says_what_python_says(browser: Browser, page: Path, run: Run) -> None:
    window = forms.forms(run)[0]
    with opened(browser, page) as found:
        found.page.wait_for_selector(READY)
        for name, size in (("b", "2"), ("h", "100"), ("w", "160")):
            found.page.fill(f"#sizes input[name={name}]", size)
        lines = found.page.locator("#own-results tr")
        costs = window(b=2, h=100, w=160)
        for figure in (costs.macs, costs.params, costs.peak_bytes):
            assert f"{figure:,}" in lines.nth(0).inner_text()
        found.page.fill("#sizes input[name=n]", "17")
        fixed = forms.forms(run)[2]
        with pytest.raises(OutsideError) as refusal:
            fixed(b=2, n=17)
        assert str(refusal.value) in lines.nth(2).inner_text()
        found.page.fill("#sizes input[name=h]", "3.5")
        assert "'h=3.5' is not NAME=SIZE" in lines.nth(0).inner_text()


def test_a_mismatch_is_a_red_banner(browser: Browser, page: Path, tmp_path: Path) -> None:
    (broken := tmp_path / "broken.html").write_text(
        page.read_text(encoding="utf-8").replace('"macs": "', '"macs": "9', 1), encoding="utf-8"
    )
    with opened(browser, broken) as found:
        found.page.wait_for_selector(READY)
        assert "DOES NOT COMPUTE AS PYTHON DOES" in (found.page.text_content("#own-proof") or "")


def test_every_figure_of_every_row_is_on_the_page(run: Run, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for row in run.rows:
        assert f"{row.macs:,}" in text, row.name
        assert f"{row.params:,}" in text, row.name
    assert "h1 = ceil(h/7)" in text
    assert "n = 16" in text


def test_hostile_names_are_inert(browser: Browser, run: Run, tmp_path: Path) -> None:
    from dataclasses import replace

    hostile = "<img src=x onerror=alert(1)>"
    design = replace(run.designs[0], name=hostile)
    rows = tuple(
        replace(row, design=design) if row.design == run.designs[0] else row for row in run.rows
    )
    text = {
        mode: form.replace(json.dumps(run.designs[0].name), json.dumps(hostile))
        for mode, form in run.forms[run.designs[0].name].items()
    }
    others = {name: its for name, its in run.forms.items() if name != run.designs[0].name}
    path = tmp_path / "hostile.html"
    path.write_text(html.render(replace(run, rows=rows, forms={hostile: text, **others})))
    with opened(browser, path) as found:
        found.page.wait_for_selector(READY)
        assert found.page.locator("img").count() == 0
        assert found.console == []


def test_lines_of_growth_are_what_the_forms_say(run: Run) -> None:
    found = own_growth.grown(run)
    assert [one.name for one in found] == ["window", "neighbours"]  # no size of "fixed" may grow
    for one in found:
        form = stored.loads(run.forms[f"{TARGETS}:{one.name}"]["inference"])
        assert len(one.points) > 6
        for factor, (macs, peak) in one.points.items():
            grown = {n: int(s * (factor if n in one.sides else 1)) for n, s in one.sizes.items()}
            costs = form(**grown)
            assert (macs, peak) == (costs.macs, costs.peak_bytes)
    section = growth.growth(run)
    assert section
    assert section.title.startswith("Doubling h and w multiplies the MACs: x4.0 for window")
