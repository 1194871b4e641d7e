"""The section "As the image grows": its rules, and the page's script under node against Python."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import pvtprof
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.variants import VARIANTS
from pvtprof.errors import SpecError
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.program import program
from pvtprof.report import drawing, explorer, growth
from pvtprof.report.growth_pictures import pictures, sheet
from pvtprof.report.growth_words import Found, remarks, sentences, title
from tests.builders import made_up_calibration
from tests.report.test_explorer import PLAIN, in_node
from tests.report.test_predict import NETWORKS, OWN, random_calibration
from tests.trials import ALL

ASSETS = Path(growth.__file__).parent / "assets"
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
        texts = drawing.drawn(chance, spec)
        memory = int(2 ** chance.uniform(22, 45))
        try:
            found_here = explorer.asked(texts, spec)
            for one in found_here[0].values():
                explorer.model_sizes(one, 1, found_here[1].image)
        except SpecError:
            continue
        made.append((texts, memory))
    return made


@pytest.mark.parametrize("dtype", [None, "float32", "float16"])
def test_the_page_says_and_draws_what_python_does(dtype: str | None, tmp_path: Path) -> None:
    chance = random.Random(f"growth {dtype}")
    calibration = random_calibration(chance, dtype) if dtype else None
    asked = random_settings(chance, 100 if ALL else 6)
    asked += [(PLAIN | {"dtype": dtype or "float32"}, 24 * 2**30)]
    for one, page in zip(asked, shown_by_the_page(asked, calibration, tmp_path), strict=True):
        assert as_shown(found_by_python(*one, calibration)) == page, one


def test_made_up() -> None:
    assert made_up_calibration()
    assert VARIANTS
