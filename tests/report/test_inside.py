"""What happens inside: the browser draws it as Python does; tabs, keys, events, labels, list."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import pvtprof
from pvtprof import spoken
from pvtprof.analytic.geometry import model_sizes
from pvtprof.analytic.parts import op_name, part_terms
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.part import attention_of
from pvtprof.designs.published import MODELS
from pvtprof.designs.variants import VARIANTS
from pvtprof.errors import SpecError
from pvtprof.report.page import drawing, explorer, html
from pvtprof.report.page.page import _asset
from pvtprof.report.sections import inside
from pvtprof.report.sections.picture import TIMES
from pvtprof.report.sections.picture_panel import lists, panel, title
from tests.browser import READY, node, opened
from tests.report.test_explorer import random_networks
from tests.trials import ALL

SCRIPTS = ("spoken", "engine", "inside")
DRAW = """
const fs = require("fs"), vm = require("vm");
const { scripts, program, given } = JSON.parse(fs.readFileSync(process.argv[1], "utf8"));
for (const script of scripts) vm.runInThisContext(script);
const inside = vm.runInThisContext("pvtprofInside");
const engine = vm.runInThisContext("pvtprofEngine")(program);
function differs({ texts, stage, designs, times, measure, expected }) {
  const work = engine.parsed(texts);
  const of = (one) => inside.drawn(engine, work, stage, one, times[one.name][stage]);
  const drawn = designs.map(of), title = inside.title(engine, inside.place(stage), drawn, measure);
  const found = [title, inside.panel("mesh", drawn, measure), inside.lists(drawn)].join("\\n");
  const around = (text, at) => text.slice(Math.max(0, at - 60), at + 60);
  let at = 0;
  while (at < found.length && found[at] === expected[at]) at++;
  return found === expected ? "" : `${around(found, at)} IS NOT ${around(expected, at)}`;
}
console.log(JSON.stringify(given.map(differs)));
"""


def test_the_browser_draws_what_python_draws(tmp_path: Path) -> None:
    """Published and random networks, one to four designs, some mixed; every measure."""
    batches, chance = 20 if ALL else 1, random.Random(19)
    own = [explorer.Explored(spec, "--model own") for spec in random_networks(400 if ALL else 24)]
    specs = [*(one.spec for one in own), *MODELS.values()]
    scripts, handed = [_asset(f"{name}.js") for name in SCRIPTS], tmp_path / "handed.json"
    for _ in range(batches):
        cases: list[dict[str, Any]] = []
        while len(cases) < (500 if ALL else 200):
            try:
                cases.append(case(chance, chance.choice(specs)))
            except SpecError:
                continue
        given = {"scripts": scripts, "program": explorer.program(own), "given": cases}
        handed.write_text(json.dumps(given))
        assert [said for said in json.loads(node(DRAW, str(handed))) if said] == []


def case(chance: random.Random, spec: Any) -> dict[str, Any]:
    """A random stage of a random network in a random setting, with what Python draws of it."""
    given = drawing.drawn(chance, spec)
    specs, setting = explorer.asked(given, spec)
    for one in specs.values():
        model_sizes(one, setting.batch, setting.image)
    designs = [PvtDesign(name, one) for name, one in specs.items()]
    if chance.random() < 0.4:
        mixed = [chance.choice(list(VARIANTS)) for _ in specs["mha"].stages]
        ratios = [int(ratio) for ratio in given["R"].split(",")]
        designs.insert(
            chance.randint(0, 2), PvtDesign("a<mix", specs["mha"].with_attention(mixed, ratios))
        )
    designs = designs[: chance.choice((1, 2, 3, 4, 4, 4))]
    stage, kind = chance.randint(1, specs["mha"].last), chance.choice(("measured", "predicted"))
    part, measure = attention_of(stage), chance.choice((0, 0, 1, 2))
    known = chance.choice((0.9, 1.1))  # of some operators, or of all
    seconds = {
        design.name: {
            op_name(term): 10 ** chance.uniform(-7, 1)
            for term in part_terms(design.spec, part, setting)
            if chance.random() < known
        }
        for design in designs
    }
    drawn = [
        inside.drawn_at(design, part, setting, kind, seconds[design.name]) for design in designs
    ]
    said = title(inside.where(f"stage {stage}"), drawn, measure)
    expected = (said, panel("mesh", drawn, measure), lists(drawn))
    return {
        "texts": given,
        "stage": stage,
        "designs": [inside.named(design) for design in designs],
        "times": {name: {stage: {"": kind, **found}} for name, found in seconds.items()},
        "measure": measure,
        "expected": "\n".join(expected),
    }


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with times of operators, and with a design of several variants."""
    designs = ("mha", "sra_conv", "late=sra_pool,sra_pool,sra_pool,mha")
    run = pvtprof.compare(designs=designs, analytic=True)
    rows = [
        replace(row, ops=tuple(replace(op, predicted_s=1e-3) for op in row.ops)) for row in run.rows
    ]
    path = tmp_path_factory.mktemp("inside") / "page.html"
    path.write_text(html.render(replace(run, rows=tuple(rows))), encoding="utf-8")
    return path


def boxes(page: Page) -> list[tuple[str, str, str]]:
    """The boxes of the open tab: design, operator, and the number on its bar."""
    found = page.locator("#inside .o[data-op]").evaluate_all(
        """all => all.map((box) => [box.closest("[data-design]").dataset.design, box.dataset.op,
        box.querySelector(".c").textContent])"""
    )
    return [(design, name, number) for design, name, number in found]


def test_tabs_bars_and_the_explorer_draw_it_again(browser: Browser, report: Path) -> None:
    with opened(browser, report) as found:
        page = found.page
        page.wait_for_selector(READY)
        assert page.locator("#inside [role=alert]").count() == 0  # as Python drew it
        run = pvtprof.compare(designs=["mha", "sra_conv"], analytic=True)
        for stage in (1, 3):
            page.get_by_role("tab", name=f"stage {stage}").click()
            its = run.row(stage, "sra_conv").ops
            expected = [("sra_conv", op.name, spoken.compact(op.macs)) for op in its]
            assert [box for box in boxes(page) if box[0] == "sra_conv"] == expected
            assert page.inner_text("#inside .finding").startswith(
                f"In one attention module of stage {stage}, mha compares"
            )
        page.get_by_role("radio", name="bytes moved").check()
        moved = spoken.compact(4 * (its[0].read + its[0].written), 1024)
        assert ("sra_conv", "q", moved) in boxes(page)
        assert "sra_conv moves" in (page.text_content("#inside .finding") or "")
        page.get_by_role("radio", name="time").check()
        assert {number for *_, number in boxes(page)} != {"-"}
        assert "takes 125 % of mha's time" in (page.text_content("#inside .finding") or "")
        page.fill("[name=img]", "512")
        assert (
            TIMES.join(("32", "32", "320"))
            in page.locator("#inside svg[role=group]").first.text_content()
        )
        assert {number for *_, number in boxes(page)} == {"-"}
        assert "No time is known of this setting" in (page.text_content("#inside") or "")
        page.select_option("[name=model]", "pvt_tiny")
        page.fill("[name=R]", "8,4,x,1")
        assert "1,024 tokens" in (page.text_content("#inside") or "")  # the last result stays
        assert (found.requests, found.console) == ([], [])


def test_it_is_walked_and_chosen_with_keys(browser: Browser, report: Path) -> None:
    with opened(browser, report) as found:
        page = found.page
        page.wait_for_selector(READY)
        page.evaluate("""document.addEventListener("pvtprof:operator",
            ({ detail }) => { document.title = JSON.stringify(detail); })""")
        page.get_by_role("tab", name="stage 1").focus()
        page.keyboard.press("ArrowRight")
        assert page.inner_text("#inside .finding").startswith("In one attention module of stage 2")
        page.locator("#inside .o[tabindex='0']").focus()
        for key in ("ArrowRight", "ArrowDown", "End", "ArrowLeft", "Enter"):
            page.keyboard.press(key)
        assert json.loads(page.title()) == {"stage": 2, "variant": "sra_conv", "name": "merge"}
        pressed = page.locator("#inside [aria-pressed=true]")
        assert pressed.get_attribute("data-op") == "merge"
        assert page.inner_text("#inside .which").startswith("sra_conv, merge: copy into another")
        page.evaluate("""document.dispatchEvent(new CustomEvent("pvtprof:operator",
            { detail: { stage: 1, variant: "late", name: "pool" } }))""")
        assert page.inner_text("#inside .finding").startswith("In one attention module of stage 1")
        assert pressed.get_attribute("data-op") == "pool"
        page.locator("#inside details summary").click()
        item = page.locator("#inside ol[data-design=late] li").nth(1)
        assert item.inner_text() in page.inner_text("#inside .which")
        assert (found.requests, found.console) == ([], [])


#: Draws a setting in a place of its own, and returns which texts lie on each other.
COLLISIONS = """([start, cases]) => cases.flatMap(([texts, stage, designs, measure]) => {
  const engine = pvtprofEngine(JSON.parse(document.getElementById("start").textContent).program);
  const place = document.getElementById("inside").querySelector("[role=tabpanel]");
  const work = engine.parsed(texts), times = null;
  const drawn = designs.map((one) => pvtprofInside.drawn(engine, work, stage, one, times));
  place.innerHTML = pvtprofInside.panel("mesh", drawn, measure);
  return [...place.querySelectorAll("svg[role=group]")].flatMap((svg) => {
    const all = [...svg.querySelectorAll("text")].map((one) => [one, one.getBoundingClientRect()]);
    const meet = (a, b) => a.left < b.right - 0.5 && b.left < a.right - 0.5 &&
      a.top < b.bottom - 3 && b.top < a.bottom - 3;
    return all.flatMap(([text, a], i) => all.slice(i + 1).filter(([, b]) => meet(a, b))
      .map(([other]) => `${text.textContent} on ${other.textContent}: ${JSON.stringify(texts)}`));
  });
})"""


def test_no_label_lies_on_another(browser: Browser, report: Path) -> None:
    chance = random.Random(7)
    cases: list[Any] = []
    while len(cases) < (400 if ALL else 30):
        spec = MODELS[chance.choice(list(MODELS))]
        given = drawing.drawn(chance, spec)
        try:
            specs, setting = explorer.asked(given, spec)
            for one in specs.values():
                model_sizes(one, setting.batch, setting.image)
        except SpecError:
            continue
        designs = [inside.named(PvtDesign(name, one)) for name, one in specs.items()]
        cases.append((given, chance.randint(1, specs["mha"].last), designs, chance.choice((0, 1))))
    with opened(browser, report) as found:
        found.page.wait_for_selector(READY)
        assert found.page.evaluate(COLLISIONS, ["", cases]) == []


def test_without_scripts_it_stands(browser: Browser, report: Path) -> None:
    with opened(browser, report, java_script_enabled=False) as found:
        assert found.page.locator("#inside svg[role=group]").count() == 3
        assert f"3,136{TIMES}49" in found.page.inner_text("#inside")
        assert not found.page.locator("#inside fieldset").is_visible()
