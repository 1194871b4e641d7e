"""The explorer's engine under node: the page's own script against Python, digit for digit."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import pvtprof
from pvtprof import units
from pvtprof.analytic import fit
from pvtprof.analytic.cost import MACS
from pvtprof.analytic.formulas import model_total
from pvtprof.designs.part import MODEL
from pvtprof.designs.spec import ModelSpec, StageSpec, checked_ratios
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.workload import Workload, workload
from pvtprof.errors import SpecError
from pvtprof.report.page import explorer, html
from tests.browser import node
from tests.builders import MINE
from tests.trials import ALL

#: Runs ``body`` with ``engine``, the page's own, and ``given``, what Python hands over.
HARNESS = """
const fs = require("fs"), vm = require("vm");
const { page, given, program } = JSON.parse(fs.readFileSync(process.argv[1], "utf8"));
const script = (name) => page.match(new RegExp(` data-name="${name}">([^]*?)</script>`))[1];
const start = JSON.parse(page.match(/<script type=.application.json. id="start">(.*?)<.script/)[1]);
for (const name of ["spoken", "training", "engine"]) vm.runInThisContext(script(name));
const engine = vm.runInThisContext("pvtprofEngine")(program ?? start.program);
console.log(JSON.stringify((() => { %s })(), (_, v) => typeof v === "bigint" ? `${v}` : v));
"""
PLAIN = {
    "model": "pvt_v2_b2",
    "img": "224",
    "R": "8,4,2,1",
    "batch": "1",
    "dtype": "float32",
    "attention": "eager",
    "pool-size": "7",
    "mode": "inference",
    "set": "",
}


@cache
def page() -> str:
    return html.render(pvtprof.compare(analytic=True))


def in_node(body: str, given: Any, folder: Path, program: Any = None) -> Any:
    handed = folder / "handed.json"
    handed.write_text(json.dumps({"page": page(), "given": given, "program": program}))
    return json.loads(node(HARNESS % body, str(handed)))


def test_random_settings_agree_with_python(tmp_path: Path) -> None:
    tried = 10_000 if ALL else 400
    vectors = list(explorer.vectors(tried, seed=20261123))
    refused = sum("error" in vector["expected"] for vector in vectors)
    beyond = sum(int(vector["expected"].get("macs", 0)) > 2**53 for vector in vectors)
    assert 0.05 * tried < refused < 0.5 * tried
    assert beyond > 0.01 * tried  # where plain numbers of JavaScript are wrong
    assert {(v["stage"], v["variant"]) for v in vectors} == {
        (row.part.stage, row.design.name) for row in pvtprof.compare(analytic=True).rows
    }
    body = "return given.map((vector) => engine.differs(vector)).filter(Boolean)"
    assert in_node(body, vectors, tmp_path) == []


def test_random_settings_of_random_networks_agree_with_python(tmp_path: Path) -> None:
    """Networks of a user's own: 1 to 6 stages, odd widths, patches, channels, no bias."""
    tried, networks = (10_000, 400) if ALL else (150, 24)
    own = [explorer.Explored(spec, f"--model {spec.name}") for spec in random_networks(networks)]
    assert {one.spec.last for one in own} == {1, 2, 3, 4, 5, 6}
    made = explorer.program(own)
    assert list(made["models"])[:networks] == [one.spec.name for one in own]
    drawn = explorer.vectors(3 * tried, seed=18, own=own)
    mine = [one for one in drawn if one["texts"]["model"].startswith("own")][:tried]
    assert len(mine) == tried
    refused = [one["expected"]["error"] for one in mine if "error" in one["expected"]]
    assert 0.05 * tried < len(refused) < 0.6 * tried
    for words in ("is too small for the", "larger than the", "has a class token"):
        assert any(words in refusal for refusal in refused)
    body = "return given.map((vector) => engine.differs(vector)).filter(Boolean)"
    assert in_node(body, mine, tmp_path, made) == []


def random_networks(count: int, seed: int = 18) -> Iterator[ModelSpec]:
    chance = random.Random(seed)
    made = 0
    while made < count:
        version, last = chance.choice((1, 2)), 1 + made % 6
        heads = [chance.randint(1, 5) for _ in range(last)]
        biased = [chance.random() < 0.6 for _ in range(last)]
        stages = tuple(
            StageSpec(
                h * chance.randint(1, 40),
                chance.randint(1, 4),
                h,
                chance.randint(1, 8),
                1,
                "mha",
                b,
            )
            for h, b in zip(heads, biased, strict=True)
        )
        kernels = [chance.choice((1, 2, 3, 4, 7, 8)) for _ in range(last)]
        patches = tuple(
            (k, k, 0) if version == 1 else (k, chance.randint(1, k), chance.randint(0, k // 2))
            for k in kernels
        )
        try:
            yield ModelSpec(
                f"own{made}",
                version,
                stages,
                mlp_relu=version == 2 and chance.random() < 0.3,
                num_classes=chance.randint(1, 2000),
                built=chance.choice(((224, 224), (96, 130))),
                in_chans=chance.randint(1, 13),
                patches=patches if chance.random() < 0.5 else (),
            )
        except SpecError:
            continue  # v1, and an embedding smaller than all strides together
        made += 1


def test_the_page_of_a_network_of_ones_own_computes_it(tmp_path: Path) -> None:
    run = pvtprof.compare(MINE, analytic=True)
    found = re.search(r'id="start">(.*?)</script>', html.render(run))
    assert found
    start = json.loads(found[1])
    assert start["texts"] == {**PLAIN, "model": "mine", "R": "8,4,1"}
    assert next(iter(start["program"]["models"])) == "mine"
    lines = start["vectors"]["lines"]
    assert len(lines) == 12 + 240
    assert sum(line[0] == "mine" for line in lines) > 100
    whole = next(line for line in lines if line[0] == "mine" and line[9:11] == [None, "sra_pool"])
    assert whole[11][0] == f"{run.command.removesuffix(' --analytic')} --pool-size 7 --analytic"
    assert whole[11][2] == str(run.row(None, "sra_pool").macs)
    body = "return given.map(engine.differs).filter(Boolean)"
    given = [
        {
            "texts": dict(zip(start["vectors"]["options"], line, strict=False)),
            "stage": line[9],
            "variant": line[10],
            "expected": {"error": line[11]}
            if isinstance(line[11], str)
            else dict(zip(start["vectors"]["figures"], line[11], strict=True)),
        }
        for line in lines
    ]
    assert in_node(body, given, tmp_path, start["program"]) == []


def test_a_wrong_vector_is_found(tmp_path: Path) -> None:
    good = explorer.vector(PLAIN, MODEL, "sra_conv", explorer.published("pvt_v2_b2"))
    figures = good["expected"].items()
    wrong = [{**good, "expected": {**dict(figures), name: f"{value}1"}} for name, value in figures]
    said = in_node("return given.map(engine.differs)", wrong, tmp_path)
    assert said == [f"{name}: {value}, Python: {value}1" for name, value in figures]


def test_the_page_takes_the_vectors_along() -> None:
    found = re.search(r'<script type="application/json" id="start">(.*?)</script>', page())
    assert found
    assert len(json.loads(found[1])["vectors"]["lines"]) >= 200 + 15


REFUSED = [
    {"img": "abc"},
    {"img": "224x"},
    {"img": "0"},
    {"img": "224x0"},
    {"img": "16385"},
    {"img": "-3"},
    {"R": "8,4,2"},
    {"R": "8,4,x,1"},
    {"R": "8,4,2,1,1"},
    {"R": ""},
    {"R": "0,4,2,1"},
    {"R": "8,4,2,9"},
    {"R": "57,4,2,1"},
    {"batch": "0"},
    {"batch": "5000"},
    {"batch": "two"},
    {"batch": ""},
    {"batch": "1.5"},
    {"pool-size": "0"},
    {"pool-size": "x"},
    {"dtype": "int8"},
    {"attention": "flash"},
    {"model": "pvt_tiny", "R": "8,4,2,2"},
    {"model": "pvt_tiny", "img": "31"},
    {"R": "8x4x2x1"},
    {"R": "8,x,2,1"},
    {"model": "no such model of anybody"},
    {"img": "20"},
    {"img": "8", "batch": "0"},
    {"img": "123456789012345678"},
    {"batch": "123456789012345678"},
    {"img": "224x224x99"},
    {"pool-size": "-5"},
    {"batch": "+0"},
    {"set": "depths=3,4,18"},
    {"set": "depths="},
    {"set": "depths=3,4,x,3"},
    {"set": "depths=3,4,0,3"},
    {"set": "depths=3,4,true,3"},
    {"set": "depths=3,4,1001,3"},
    {"set": "mlp_ratios=8,8,4,123456789012345678"},
    {"set": "embed_dims=64,129,320,512"},
    {"set": "embed_dims=64,128,320,512&num_heads=1,3,5,8"},
    {"set": "num_heads=1,it's,5,8"},
    {"set": "depths=1,1,1,1", "img": "0"},
    {"set": "depths=1,1,1,1&embed_dims=128,256,640,1024", "model": "pvt_tiny", "img": "31"},
    {"set": "depths=2,2,2,2", "R": "8,4,2"},
]


def test_refusals_are_in_the_words_of_the_command_line(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    given = [{**PLAIN, **change} for change in REFUSED]
    body = "return given.map((t) => { try { engine.parsed(t); } catch (e) { return e.message; } })"
    said = in_node(body, given, tmp_path)
    for texts, refusal in zip(given, said, strict=True):
        words = [f"--{name}={value}" for name, value in texts.items() if name != "set"]
        words += [f"--set={change}" for change in texts["set"].split("&") if change]
        assert refused("compare", "--analytic", *words) == f"pvtprof: {refusal}\n"


def test_too_many_r_are_refused_with_an_example_of_as_many_stages(tmp_path: Path) -> None:
    own = [explorer.Explored(spec, f"--model {spec.name}") for spec in random_networks(6)]
    given = [{**PLAIN, "model": one.spec.name, "R": "1,1,1,1,1,1,1"} for one in own]
    body = "return given.map((t) => { try { engine.parsed(t); } catch (e) { return e.message; } })"
    said = in_node(body, given, tmp_path, explorer.program(own))
    for one, refusal in zip(own, said, strict=True):
        with pytest.raises(SpecError) as refused:
            checked_ratios([1] * 7, one.spec.last)
        assert str(refused.value) == refusal


def test_memory_is_read_as_on_the_command_line(tmp_path: Path) -> None:
    texts = ["24GiB", "16GB", "1.5 GB", "512MiB", "0.5KiB", "24684092KiB"]
    read = in_node("return given.map(engine.parsedMemory)", texts, tmp_path)
    assert list(map(int, read)) == list(map(units.parsed_size, texts))


def test_no_memory_is_refused_as_on_the_command_line(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    texts = ["0GiB", "24", "24XB", "iB", "-1GiB", ""]
    body = """return given.map((text) => {
      try { return engine.parsedMemory(text); } catch (e) { return e.message; } })"""
    said = in_node(body, texts, tmp_path)
    assert [refused("fit", f"--memory={text}") for text in texts] == [
        f"pvtprof: {one}\n" for one in said
    ]


SETTINGS = [
    {},
    {"attention": "sdpa", "dtype": "float16"},
    {"model": "pvt_tiny", "batch": "4"},
    {"R": "4,2,2,1", "pool-size": "14"},
    {"model": "pvt_v2_b2_li"},
]


@pytest.mark.parametrize("change", SETTINGS, ids=str)
def test_what_fits_is_what_fit_says(change: dict[str, str], tmp_path: Path) -> None:
    memory, texts = 16 * 2**30, {**PLAIN, **change}
    body = """const work = engine.parsed(given.texts);
    return start.program.variants.map((v) => engine.largestImage(work, v, BigInt(given.memory)))"""
    found = in_node(body, {"texts": texts, "memory": memory}, tmp_path)
    work = workload_of(texts)
    assert found == [
        fit.image_edge(design.spec, work.setting, memory).size for design in work.designs
    ]


#: The largest side at which two designs are compared.
MOST = 700 if ALL else 300
ODD = [{"R": "1,1,1,1"}, {"pool-size": "300"}, {"img": "1024", "R": "200,1,1,1"}]


@pytest.mark.parametrize("change", [*SETTINGS, *ODD], ids=str)
def test_crossings_are_where_every_side_says(change: dict[str, str], tmp_path: Path) -> None:
    most, texts = MOST, {**PLAIN, **change}
    pairs = [("sra_pool", "sra_conv"), ("sra_conv", "mha"), ("sra_conv", "sra_pool")]
    body = """const work = engine.parsed(given.texts);
    return given.pairs.map(([a, b]) => engine.cheaperFrom(work, a, b, given.most))"""
    found = in_node(body, {"texts": texts, "pairs": pairs, "most": most}, tmp_path)
    assert found == [crossing(workload_of(texts), a, b, most) for a, b in pairs]


@pytest.mark.parametrize("patch", [(7, 4, 3), (6, 5, 1), (3, 3, 0)], ids=str)
def test_crossings_and_fits_of_a_network_of_ones_own(
    patch: tuple[int, int, int], tmp_path: Path
) -> None:
    spec = replace(MINE, patches=(patch, *MINE.patches[1:]))
    work, most, memory = workload(spec, 224, (8, 3, 2)), 400, 2**30
    made = explorer.program([explorer.Explored(spec, "--model mine")])
    texts = {**PLAIN, "model": "mine", "R": "8,3,2"}
    pairs = [("sra_pool", "sra_conv"), ("sra_conv", "mha"), ("sra_conv", "sra_pool")]
    body = """const work = engine.parsed(given.texts);
    return [given.pairs.map(([a, b]) => engine.cheaperFrom(work, a, b, given.most)),
      program.variants.map((v) => engine.largestImage(work, v, BigInt(given.memory)))]"""
    given = {"texts": texts, "pairs": pairs, "most": most, "memory": memory}
    crossings, sides = in_node(body, given, tmp_path, made)
    assert crossings == [crossing(work, a, b, most) for a, b in pairs]
    assert sides == [fit.image_edge(work.spec(v), work.setting, memory).size for v in VARIANTS]


@cache
def macs_at(work: Workload, variant: str, side: int) -> int | None:
    """MACs of a design at a square image; none where it does not take that."""
    try:
        spec = replace(work, height=side, width=side).spec(variant)
        return model_total(spec, (side, side), MACS)
    except SpecError:
        return None


def crossing(work: Workload, variant: str, other: str, most: int) -> dict[str, int | None]:
    """By counting at every side that both take, from the largest down."""
    low, start, is_cheaper = None, None, True
    for side in range(most, 0, -1):
        mine, theirs = (macs_at(work, v, side) for v in (variant, other))
        if mine is None or theirs is None:
            break
        low, is_cheaper = side, is_cheaper and mine < theirs
        start = side if is_cheaper else start
    return {"low": low, "from": start}


def test_numbers_are_written_as_python_writes_them(tmp_path: Path) -> None:
    chance = random.Random(3)
    bytes_ = [0, 1, 1023, 1024, 363331584, 2**20 * 1013 + 2**18]
    bytes_ += [chance.randrange(2 ** chance.randint(1, 52)) for _ in range(500)]
    parts = [(1, 3), (0, 5), (5, 1), (1, 8), (3, 1000), (12345, 7), (1, 400), (0, 0)]
    parts += [(chance.randrange(10**9), chance.randrange(1, 10**9)) for _ in range(500)]
    body = """return [given[0].map((n) => engine.size(BigInt(n))),
    given[1].map(([a, b]) => engine.percent(BigInt(a), BigInt(b)))]"""
    sizes, shares = in_node(body, [list(map(str, bytes_)), parts], tmp_path)
    assert sizes == [units.size(n) for n in bytes_]
    assert shares == [units.percent(a, b) for a, b in parts]


def workload_of(texts: dict[str, str]) -> Workload:
    return workload(
        texts["model"],
        int(texts["img"]),
        [int(r) for r in texts["R"].split(",")],
        batch=int(texts["batch"]),
        dtype=texts["dtype"],
        attention=texts["attention"],
        pool_size=int(texts["pool-size"]),
    )
