"""What happens inside: the browser draws it as Python does; tabs, keys, events, labels, list."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from pvtprof.analytic.geometry import model_sizes
from pvtprof.analytic.parts import op_name, part_terms
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.part import attention_of
from pvtprof.designs.published import MODELS
from pvtprof.designs.variants import VARIANTS
from pvtprof.errors import SpecError
from pvtprof.report import explorer, inside, picture_panel
from pvtprof.report.page import _asset
from tests.browser import node
from tests.report.test_explorer import random_networks
from tests.trials import ALL

DRAW = """
const fs = require("fs"), vm = require("vm");
const { scripts, program, given } = JSON.parse(fs.readFileSync(process.argv[1], "utf8"));
for (const script of scripts) vm.runInThisContext(script);
const inside = vm.runInThisContext("pvtprofInside");
const engine = vm.runInThisContext("pvtprofEngine")(program);
function differs({ texts, stage, designs, times, measure, expected }) {
  const work = engine.parsed(texts);
  const drawn = designs.map((one) => inside.drawn(engine, work, stage, one, times[one.name][stage]));
  const { title, html } = inside.panel(engine, `In stage ${stage}`, "mesh", drawn, measure);
  const found = `${title}\\n${html}`, around = (text, at) => text.slice(Math.max(0, at - 60), at + 60);
  let at = 0;
  while (at < found.length && found[at] === expected[at]) at++;
  return found === expected ? "" : `${around(found, at)} IS NOT ${around(expected, at)}`;
}
console.log(JSON.stringify(given.map(differs)));
"""


def test_the_browser_draws_what_python_draws(tmp_path: Path) -> None:
    """Published and random networks, one to three designs, some mixed; every measure."""
    tried = 10_000 if ALL else 200
    chance = random.Random(19)
    own = [explorer.Explored(spec, "--model own") for spec in random_networks(400 if ALL else 24)]
    known = [explorer.published(name) for name in MODELS]
    cases: list[dict[str, Any]] = []
    while len(cases) < tried:
        try:
            cases.append(case(chance, chance.choice([*own, *known]).spec))
        except SpecError:
            continue
    handed = tmp_path / "handed.json"
    scripts = [_asset("engine.js"), _asset("inside.js")]
    handed.write_text(
        json.dumps({"scripts": scripts, "program": explorer.program(own), "given": cases})
    )
    assert [said for said in json.loads(node(DRAW, str(handed))) if said] == []


def case(chance: random.Random, spec: Any) -> dict[str, Any]:
    """A random stage of a random network in a random setting, with what Python draws of it."""
    given = explorer._drawn(chance, spec)
    specs, setting = explorer._asked(given, spec)
    for one in specs.values():
        model_sizes(one, setting.batch, setting.image)
    designs = [PvtDesign(name, one) for name, one in specs.items()]
    if chance.random() < 0.4:
        mixed = [chance.choice(list(VARIANTS)) for _ in range(spec.last)]
        ratios = [int(ratio) for ratio in given["R"].split(",")]
        designs.insert(
            chance.randint(0, 2), PvtDesign("a<mix", specs["mha"].with_attention(mixed, ratios))
        )
    designs = designs[: chance.choice((1, 2, 3, 4, 4, 4))]
    stage, kind = chance.randint(1, spec.last), chance.choice(("measured", "predicted"))
    part, measure = attention_of(stage), chance.choice((0, 0, 1, 2))
    seconds = {
        design.name: {
            op_name(term): 10 ** chance.uniform(-7, 1)
            for term in part_terms(design.spec, part, setting)
            if chance.random() < 0.9
        }
        for design in designs
    }
    drawn = [
        inside.drawn_at(design, part, setting, kind, seconds[design.name]) for design in designs
    ]
    expected = f"{picture_panel.title(f'In stage {stage}', drawn)}\n{picture_panel.panel('mesh', drawn, measure)}"
    return {
        "texts": given,
        "stage": stage,
        "designs": [inside.named(design) for design in designs],
        "times": {name: {stage: {"": kind, **found}} for name, found in seconds.items()},
        "measure": measure,
        "expected": expected,
    }
