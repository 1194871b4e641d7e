"""The section "As the image grows": its rules, and the page's script under node against Python."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

import pvtprof
from pvtprof.analytic.geometry import model_sizes
from pvtprof.designs.design import PvtDesign
from pvtprof.errors import SpecError
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.program import program
from pvtprof.report.page import drawing, explorer, html
from pvtprof.report.sections import growth
from pvtprof.report.sections.curves import SIDES, STEP
from pvtprof.report.sections.growth_pictures import pictures, sheet
from pvtprof.report.sections.growth_words import Found, remarks, sentences, title
from tests.browser import READY, opened
from tests.builders import made_up_calibration
from tests.report.test_explorer import PLAIN, in_node
from tests.report.test_predict import NETWORKS, OWN, random_calibration
from tests.trials import ALL

ASSETS = Path(growth.__file__).parents[1] / "assets"
#: Shows what it is given; ``given`` is [calibration, data, [texts, memory]s].
BODY = """for (const script of given.scripts) vm.runInThisContext(script);
const load = (name) => vm.runInThisContext(name);
const predict = given.calibration && load("pvtprofPredict")(engine, given.calibration);
const curves = load("pvtprofCurves")(engine, predict, given.data);
return given.settings.map(([texts, memory]) => {
  const work = engine.parsed(texts), steps = curves.grown(work, BigInt(memory));
  for (;;) {
    const { done, value } = steps.next();
    if (done) return curves.shown(value, work);
  }
});"""


def shown_by_the_page(
    settings: list[tuple[dict[str, str], int]], calibration: Calibration | None, folder: Path
) -> Any:
    run = pvtprof.compare(analytic=True, calibration=calibration)
    section = growth.growth(run)
    assert section
    assert section.data
    given = {
        "scripts": [(ASSETS / f"{name}.js").read_text() for name in ("predict", "curves")],
        "calibration": calibration and program(calibration),
        "data": {**section.data, "how": "", "place": ""},
        "settings": [(texts, str(memory)) for texts, memory in settings],
    }
    made = explorer.program([explorer.Explored(NETWORKS[name], "") for name in OWN])
    return in_node(BODY, given, folder, made)


def found_by_python(
    texts: Mapping[str, str], memory: int, calibration: Calibration | None
) -> Found:
    specs, setting = explorer.asked(dict(texts), NETWORKS[texts["model"]])
    designs = {name: PvtDesign(name, spec) for name, spec in specs.items()}
    return growth.at(designs, setting, memory, calibration)


def as_shown(found: Found) -> dict[str, Any] | None:
    if not found.curves:
        return None
    return {
        "title": title(found),
        "sentences": list(sentences(found)),
        "remarks": list(remarks(found)),
        "pictures": [
            {"heading": one.heading, "svg": str(one.svg), "caption": one.caption}
            for one in pictures(found)
        ],
        "lines": [list(line) for line in sheet(found).lines],
    }


def random_settings(chance: random.Random, count: int) -> list[tuple[dict[str, str], int]]:
    made: list[tuple[dict[str, str], int]] = []
    while len(made) < count:
        spec = NETWORKS[chance.choice(list(NETWORKS))]
        texts = drawing.drawn(chance, spec) | {"mode": "inference"}
        memory = int(2 ** chance.uniform(22, 45))
        try:
            found_here = explorer.asked(texts, spec)
            for one in found_here[0].values():
                model_sizes(one, 1, found_here[1].image)
        except SpecError:
            continue
        made.append((texts, memory))
    return made


@pytest.mark.parametrize("dtype", [None, "float32"])
def test_the_page_says_and_draws_what_python_does(dtype: str | None, tmp_path: Path) -> None:
    chance = random.Random(f"growth {dtype}")
    calibration = random_calibration(chance, dtype) if dtype else None
    asked = random_settings(chance, 100 if ALL else 3 if dtype else 1)
    asked += [(PLAIN | {"dtype": dtype or "float32"}, 24 * 2**30)]
    for one, page in zip(asked, shown_by_the_page(asked, calibration, tmp_path), strict=True):
        assert as_shown(found_by_python(*one, calibration)) == page, one


@cache
def drawn_plain(is_predicted: bool) -> tuple[Found, str, list[str]]:
    """What is found of the plain setting, with predicted times or without."""
    return of(made_up_calibration() if is_predicted else None)


def of(
    calibration: Calibration | None = None, memory: int = 24 * 2**30, **texts: str
) -> tuple[Found, str, list[str]]:
    found = found_by_python(PLAIN | texts, memory, calibration)
    return found, title(found), list(sentences(found))


def with_quality(low: float, high: float) -> Calibration:
    made = made_up_calibration()
    quality = {kind: replace(one, low=low, high=high) for kind, one in made.quality.items()}
    return replace(made, quality=quality)


def test_crossings_are_those_of_every_side() -> None:
    found, said, lines = drawn_plain(False)
    assert said == "From 189 pixels a side on, sra_pool needs the fewest MACs."
    assert found.macs
    assert found.macs.since == {"mha": 93, "sra_conv": 189}
    assert lines[0].endswith(
        "fewer than mha from 93 pixels on, fewer than sra_conv from 189 pixels on."
    )


def test_nobody_is_called_faster_than_its_interval_allows() -> None:
    sure, said, _ = of(with_quality(0.99, 1.01))
    assert sure.time
    assert sure.time.clear
    assert "clearly the fastest from about" in said
    wide, said, lines = of(with_quality(0.05, 20.0))
    assert wide.time
    assert wide.time.clear is None
    assert said.endswith(", and no design is clearly the fastest.")
    assert "but nowhere beyond the interval of the predictions" in lines[1]


def test_where_a_design_is_clearly_faster_intervals_lie_apart() -> None:
    found, _, _ = drawn_plain(True)
    assert found.time
    start = found.time.clear
    assert start
    best = next(one for one in found.curves if one.name == found.time.name)
    for side in (start, *(side for side in SIDES if side > start)):
        mine = best.at(side).time
        theirs = [one.at(side).time for one in found.curves if one is not best and side <= one.fits]
        assert mine
        assert all(one and mine.high < one.low for one in theirs)
    before = [one.at(start - STEP).time for one in found.curves]
    assert sum(bool(one and best.at(start - STEP).time.high < one.low) for one in before) < 2  # type: ignore[union-attr]


def test_designs_that_are_the_same_are_not_told_apart() -> None:
    _, said, lines = of(made_up_calibration(), R="1,1,1,1", **{"pool-size": "4096"})
    assert said == (
        "mha and sra_conv need the fewest MACs at every size, and no design is clearly the fastest."
    )
    assert lines[0] == "MACs: mha needs as many as sra_conv, fewer than sra_pool at every size."
    assert lines[1] == "Time: mha and sra_conv are predicted to take equally long."


def test_a_design_whose_kernels_were_not_seen_is_named() -> None:
    _, said, lines = of(made_up_calibration(), **{"pool-size": "1"})
    assert "of those with a prediction, sra_conv is clearly the fastest" in said
    assert "Time: the calibration has not seen the kernels of sra_pool." in lines


def test_what_fits_is_what_fit_says_and_lines_of_time_end_there() -> None:
    memory = 2**30
    found, _, lines = of(made_up_calibration(), memory)
    for one in found.curves:
        assert one.at(one.fits).needs <= memory < one.at(one.fits + 1).needs
        assert list(one.drawn_times)[-1] == one.fits
        assert f"{one.fits:,} pixels with {one.name}" in lines[2]


def test_a_machine_without_memory_for_any_says_so() -> None:
    found, said, lines = of(made_up_calibration(), 2**20)
    assert found.time is None
    assert "fastest" not in said
    assert lines[-1].endswith("has none with mha, none with sra_conv, none with sra_pool.")
    assert [one.heading for one in pictures(found)] == ["MACs", "Memory"]


def test_slopes_are_those_of_the_last_doubling() -> None:
    found, _, _ = drawn_plain(False)
    plain = next(one for one in found.curves if one.name == "mha")
    by = plain.points[4096].macs / plain.points[2048].macs
    assert 15 < by < 16.001
    assert f">x{by:.0f}</text>" in pictures(found)[0].svg


def test_without_a_calibration_the_section_says_how_to_get_one() -> None:
    run = pvtprof.compare(dtype="float16", analytic=True, calibration=None)
    section = growth.growth(replace(run, calibration=None))
    assert section
    assert section.remarks[0] == (
        "No time is predicted: this run has no calibration. Run `pvtprof calibrate --dtype "
        f"float16`, then `{run.command}`."
    )
    assert len(section.pictures) == 2


def test_the_calibration_is_named_with_its_age_and_its_interval() -> None:
    run = pvtprof.compare(analytic=True, calibration=made_up_calibration())
    later = replace(run.environment, date="2026-01-05T00:00:00+00:00")
    section = growth.growth(replace(run, environment=later))
    assert section
    said = section.remarks[0]
    assert "a calibration of 2026-01-02 (2 days before this run; Test CPU, 2 cores" in said
    assert "nine in ten lie between 90 and 120 %" in said
    assert "of unknown age" in growth.growth(run.anonymous()).remarks[0]  # type: ignore[union-attr]


@pytest.mark.parametrize("task", ["pyramid", "retinanet"])
def test_sides_of_detectors_are_about(task: str) -> None:
    run = pvtprof.compare("pvt_v2_b0", task=task, analytic=True, calibration=None)
    section = growth.growth(run)
    assert section
    assert section.title.startswith("From about ")
    assert section.data is None  # the page computes networks that classify


def test_the_line_sets_the_image_and_everything_follows(browser: Browser, tmp_path: Path) -> None:
    """By keyboard, and by pointer; the times that the page says are Python's."""
    calibration = made_up_calibration()
    run = pvtprof.compare("pvt_v2_b0", img=64, analytic=True, calibration=calibration)
    path = tmp_path / "page.html"
    path.write_text(html.render(run), encoding="utf-8")
    section = "#growth figure >> nth=2"
    with opened(browser, path) as found:
        page = found.page
        page.wait_for_selector(READY, state="attached")
        assert "predicted times made by Python" in page.text_content("#proof")
        slider = page.locator("#growth [role=slider]")
        slider.focus()
        for key, side in (("ArrowRight", 96), ("PageUp", 192), ("ArrowLeft", 160)):
            page.keyboard.press(key)
            page.wait_for_selector(f"{section} >> text=At {side}")
            assert (
                page.input_value("[name=img]") == slider.get_attribute("aria-valuenow") == str(side)
            )
        expected = growth.growth(
            pvtprof.compare("pvt_v2_b0", img=160, analytic=True, calibration=calibration)
        )
        assert expected
        captions = page.locator("#growth figcaption span").all_inner_texts()
        assert captions == [one.caption for one in expected.pictures]
        before = page.inner_text("#growth .finding")
        page.fill("[name=R]", "4,2,2,1")
        page.wait_for_function(
            "before => document.querySelector('#growth .finding').innerText !== before", arg=before
        )
        page.wait_for_selector(":root:not(.resting)")
        handle = page.locator("#growth .growth-handle").nth(1)
        handle.hover(position={"x": 12, "y": 150})  # waits until nothing moves any more
        box = handle.bounding_box()
        assert box
        page.mouse.down()
        page.mouse.move(box["x"] + 51, box["y"] + 150, steps=3)
        page.mouse.up()
        page.wait_for_selector(rf"{section} >> text=/At (25[7-9]|2[6-9]\d|[3-9]\d\d|\d{{4}})\b/")
        assert int(page.input_value("[name=img]")) > 256
        page.select_option("[name=dtype]", "float16")
        page.wait_for_selector("#growth >> text=No time is predicted for float16")
        assert (found.requests, found.console) == ([], [])
