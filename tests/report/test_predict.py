"""Prediction in the browser under node: the page's own script against Python."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from pvtprof.analytic.geometry import model_sizes
from pvtprof.analytic.parts import op_name, part_terms
from pvtprof.designs.part import MODEL, attention_of
from pvtprof.designs.published import MODELS
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import DTYPES
from pvtprof.errors import SpecError
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.kernels import kernels
from pvtprof.predict.program import program
from pvtprof.report.page import drawing, explorer
from tests.builders import MINE, made_up_calibration
from tests.report.test_explorer import in_node, random_networks
from tests.trials import ALL

#: Texts of the command line, a stage (None: the whole model), and a variant.
Setting: TypeAlias = tuple[dict[str, str], int | None, str]
PREDICT = (Path(__file__).parents[2] / "pvtprof/report/assets/predict.js").read_text()
#: Predicts what it is given, each with the calibration of its dtype.
BODY = """vm.runInThisContext(given.script);
const by = Object.fromEntries(given.calibrations.map((one) =>
  [one.dtype, vm.runInThisContext("pvtprofPredict")(engine, one)]));
return given.settings.map(([texts, stage, variant]) => {
  const work = engine.parsed(texts), predict = by[work.dtype];
  const found = predict.prediction(work, stage, variant);
  return found && [found.seconds, found.low, found.high, predict.operators(work, stage, variant)];
});"""


def random_calibration(chance: random.Random, dtype: str) -> Calibration:
    """Any coefficients: of every size, many of them 0 as a fit leaves them."""
    made = made_up_calibration(dtype)
    families = {
        name: replace(
            one,
            coefficients=tuple(
                chance.choice((0.0, 10 ** chance.uniform(-15, -5))) for _ in one.coefficients
            ),
        )
        for name, one in made.families.items()
    }
    return replace(
        made,
        families=families,
        scale=chance.uniform(0.7, 1.4),
        call_s=10 ** chance.uniform(-7, -4),
        overlaps=chance.random() < 0.3,
        waited=chance.choice((None, 0.0, 0.9)),
    )


NETWORKS = {spec.name: spec for spec in (MINE, *random_networks(12), *MODELS.values())}
OWN = [name for name in NETWORKS if name not in MODELS]


def settings(chance: random.Random, count: int, dtype: str) -> Iterator[Setting]:
    """Texts that are accepted, with a row each: half of them of networks of a user's own."""
    while count:
        spec = NETWORKS[chance.choice(OWN if chance.random() < 0.5 else list(MODELS))]
        texts = drawing.drawn(chance, spec) | {"dtype": dtype, "mode": "inference"}
        stage = chance.choice((None, *range(1, spec.last + 1)))
        try:
            specs, _ = explorer.asked(texts, spec)
            for one in specs.values():
                model_sizes(one, 1, image_of(texts))
        except SpecError:
            continue
        count -= 1
        yield texts, stage, chance.choice(list(VARIANTS))


def image_of(texts: dict[str, str]) -> tuple[int, int]:
    height, _, width = texts["img"].partition("x")
    return int(height), int(width or height)


def python_says(asked: Setting, calibration: Calibration) -> list[Any] | None:
    texts, stage, variant = asked
    specs, setting = explorer.asked(texts, NETWORKS[texts["model"]])
    part = MODEL if stage is None else attention_of(stage)
    found = list(kernels(part_terms(specs[variant], part, setting), setting.dtype))
    if any(kernel.family not in calibration.families for _, kernel in found):
        return None
    said = calibration.prediction(part.kind, [(kernel, term.times) for term, kernel in found])
    ops: dict[str, float] = {}
    for term, kernel in found:
        each = calibration.kernel_s(kernel) + calibration.call_s
        ops[op_name(term)] = ops.get(op_name(term), 0.0) + term.times * each
    return [said.seconds, said.low, said.high, ops]


def test_random_settings_are_predicted_as_python_predicts_them(tmp_path: Path) -> None:
    tried = 10_000 if ALL else 300
    chance = random.Random(19)
    made = explorer.program([explorer.Explored(NETWORKS[name], "") for name in OWN])
    by = {dtype: random_calibration(chance, dtype) for dtype in DTYPES}
    asked = [one for dtype in DTYPES for one in settings(chance, tried // len(DTYPES), dtype)]
    given = {
        "script": PREDICT,
        "calibrations": [program(one) for one in by.values()],
        "settings": asked,
    }
    predicted = 0
    for one, here in zip(asked, in_node(BODY, given, tmp_path, made), strict=True):
        said = python_says(one, by[one[0]["dtype"]])
        assert (said is None) == (here is None), one
        if said is not None:
            predicted += 1
            assert_equal(said, here, one)
    assert predicted > 0.6 * tried  # the rest: kernels that PVT's own networks do not run


def assert_equal(said: list[Any], here: list[Any], one: Setting) -> None:
    for mine, theirs in zip(said[:3], here[:3], strict=True):
        assert math.isclose(mine, theirs, rel_tol=1e-12), one
    assert said[3].keys() == here[3].keys()
    for name, seconds in said[3].items():
        assert math.isclose(seconds, here[3][name], rel_tol=1e-12), (name, one)


def test_sums_are_rounded_once(tmp_path: Path) -> None:
    chance = random.Random(7)
    many = [
        [chance.choice((1, -1)) * 10 ** chance.uniform(-20, 20) for _ in range(9)]
        for _ in range(300)
    ]
    body = """vm.runInThisContext(given.script);
    const { fsum } = vm.runInThisContext("pvtprofPredict")(engine, given.calibration);
    return given.many.map(fsum);"""
    given = {"script": PREDICT, "calibration": program(made_up_calibration()), "many": many}
    found = map(float, in_node(body, given, tmp_path))
    assert list(found) == [math.fsum(one) for one in many]
