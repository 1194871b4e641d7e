"""`pvtprof choose`: arrays against the scalar path, the front against brute force, limits."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pvtprof
from pvtprof.analytic.formulas import model_terms
from pvtprof.cli import app
from pvtprof.designs.published import MODELS, TOP_1
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.designs.tasks import TASKS
from pvtprof.designs.variants import VARIANTS
from pvtprof.errors import SpecError
from pvtprof.observe.environment import environment
from pvtprof.predict import calibration, choose, kept, kernels, search, space, wanted
from pvtprof.report.commands import choosing
from tests.builders import made_up_calibration, model_at
from tests.trials import ALL

MACHINE = made_up_calibration()


@pytest.mark.parametrize("model", ["pvt_v2_b2", "pvt_tiny", "pvt_v2_b2_li"])
@pytest.mark.parametrize(
    ("img", "batch", "attention", "task"),
    [(224, 1, "eager", "classify"), (512, 4, "sdpa", "classify"), (160, 2, "eager", "fpn")],
)
def test_arrays_say_what_the_scalar_path_says(
    model: str, img: int, batch: int, attention: str, task: str
) -> None:
    spec, setting = model_at(model, img, batch=batch, attention=attention)
    spec = spec.used_for(task)
    chance = random.Random(4)
    for pool_size in (3, 7):
        pooled = replace(spec, pool_size=pool_size)
        its = next(space.spaces(spec, setting, MACHINE, search.Search(pool_sizes=(pool_size,))))
        designs = np.array(
            [chance.randrange(int(np.prod(its.shape))) for _ in range(25 if ALL else 8)]
        )
        costs = its.evaluated(designs, MACHINE)
        for index, cost in zip(designs, costs, strict=True):
            one = choose.evaluated(pooled, setting, MACHINE, its.options_of(int(index)))
            assert (one.macs, one.params, one.memory_bytes) == tuple(map(int, cost[1:]))
            assert one.latency.seconds == pytest.approx(cost[0], rel=1e-12)


def test_the_front_is_what_brute_force_finds() -> None:
    chance = np.random.default_rng(5)
    costs = chance.integers(0, 9, (400, 4)).astype(float)
    kept = {tuple(costs[i]) for i in choose.front(costs)}
    brute = {
        tuple(row)
        for row in costs
        if not any((other <= row).all() and (other < row).any() for other in costs)
    }
    assert kept == brute
    assert len(choose.front(costs)) == len(kept)  # of equal ones one


def test_a_front_of_many_is_the_same_in_any_order() -> None:
    costs = np.random.default_rng(6).random((5000, 4))
    mixed = np.random.default_rng(7).permutation(len(costs))
    first = {tuple(costs[i]) for i in choose.front(costs)}
    assert first == {tuple(costs[mixed][i]) for i in choose.front(costs[mixed])}


def test_the_choice_keeps_to_the_limits_and_nothing_beats_it() -> None:
    work = model_at("pvt_v2_b0", 128)
    free = choose.choose(*work, MACHINE)
    middle = free.front[len(free.front) // 2]
    tight = choose.choose(*work, MACHINE, middle.latency.seconds, middle.memory_bytes)
    assert tight.searched == free.searched > 40_000
    assert tight.feasible < free.feasible == free.searched
    assert all(d.latency.seconds <= middle.latency.seconds for d in tight.front)
    assert all(d.memory_bytes <= middle.memory_bytes for d in tight.front)
    kept = {
        d.name
        for d in free.front
        if d.latency.seconds <= middle.latency.seconds and d.memory_bytes <= middle.memory_bytes
    }
    assert {d.name for d in tight.front} == kept
    assert [d.latency.seconds for d in free.front] == sorted(d.latency.seconds for d in free.front)


def test_published_models_are_there_as_they_are() -> None:
    found = {d.published: d for d in choose.published(model_at("pvt_v2_b2")[1], MACHINE)}
    assert set(found) == set(MODELS)
    assert found["pvt_v2_b2"].params == 25362856
    assert found["pvt_v2_b2_li"].name == "pool 7, pool 7, pool 7, pool 7"
    assert found["pvt_tiny"].name == "conv 8, conv 4, conv 2, mha"


def test_nothing_to_choose_is_said_with_the_way_out() -> None:
    work = model_at("pvt_v2_b0", 64)
    with pytest.raises(SpecError, match=r"the fastest takes .* ms, the smallest needs .*; raise"):
        choose.choose(*work, MACHINE, within_s=1e-9)
    with pytest.raises(SpecError, match="no design of pvt_v2_b0 at 64"):
        choose.choose(*work, MACHINE, memory_bytes=10)


def test_chunks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    work = model_at("pvt_v2_b0", 48)
    whole = choose.choose(*work, MACHINE)
    monkeypatch.setattr(wanted, "CHUNK", 37)
    assert choose.choose(*work, MACHINE) == whole


@pytest.fixture
def calibrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mine.json"
    calibration.save(replace(MACHINE, environment=environment("cpu")), path)
    monkeypatch.setattr(kept, "default_path", lambda device, dtype: path)
    monkeypatch.chdir(tmp_path)
    return path


def test_the_command_prints_writes_and_refuses(
    calibrated: Path, capsys: pytest.CaptureFixture[str], refused: Callable[..., str]
) -> None:
    words = ["choose", "--model", "pvt_v2_b0", "--img", "64"]
    assert app.main([*words, "--format", "json", "-o", "designs.html"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["published"] is None
    assert rows[-1]["published"] is not None
    page = Path("designs.html").read_text(encoding="utf-8")
    assert "choices-chart" in page
    assert choosing.HONEST in page
    assert app.main([*words, "--format", "csv"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [int(line["macs"]) for line in lines] == [row["macs"] for row in rows]
    assert app.main(words) == 0
    assert "that no other design" in " ".join(capsys.readouterr().out.split())
    for more, part in (
        (["--within", "0"], "'0' is not a time"),
        (["--within", "fast"], "'fast' is not a time"),
        (["--within", "0ms"], "'0ms' is not a time"),
        (["--within", "1us"], "no design of"),
        (["--memory", "0GiB"], "memory"),
        (["--only", "mha", "--R", "8,4,2,1"], "--only mha leaves sra_conv out"),
        (["--only", "mha", "--pool-size", "5"], "leave --pool-size out"),
        (["--only", "sra"], "is not one of"),
        (["--min-keys", "257"], "stage 1 has at most 256; lower --min-keys"),
        (["--min-keys", "0"], "--min-keys is 0"),
        (["--R", "8,4,2,3"], "stage 4: R 3 is larger than the 2x2 token grid"),
        (["--R", "8,4,2"], "R has 3 values"),
        (["--pool-size", "5,0"], "pool size is 0"),
        (["--pool-size", "1"], "no calibration predicts; use 2 or more"),
        (["--dtype", "float16"], "float32, not for float16"),
        (["--calibration", "nowhere.json"], "there is no calibration at nowhere.json"),
        (["-o", "x.txt"], "x.txt"),
    ):
        assert part in refused(*words, *more)


#: A small space: three stages of 4x6, 2x3 and 1x2 tokens at 16x24 pixels.
SMALL = ModelSpec(
    "small", 2, (StageSpec(8, 1, 1, 4, 4), StageSpec(12, 2, 3, 2, 2), StageSpec(16, 1, 2, 1, 1))
)
RESTRICTED = [
    {},
    {"only": ("mha",)},
    {"only": ("sra_conv",)},
    {"only": ("sra_pool",)},
    {"only": ("mha", "sra_pool")},
    {"min_keys": 4},
    {"min_keys": 2},
    {"min_keys": 30},
    {"min_keys": 257},
    {"sr_ratios": (4, 2, 1)},
    {"only": ("sra_conv",), "sr_ratios": (4, 2, 1)},
    {"only": ("sra_conv", "sra_pool"), "sr_ratios": (3, 2, 1), "pool_sizes": (2, 4)},
    {"pool_sizes": (2,), "min_keys": 4},
    {"pool_sizes": (2, 3, 3), "min_keys": 5},
]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("words", RESTRICTED, ids=str)
def test_a_restricted_search_is_what_brute_force_finds(words: dict[str, Any], version: int) -> None:
    """Every design by itself, kept if it obeys the words; the front of them by comparing all."""
    model = SMALL
    if version == 1:  # of two stages, the last with a class token
        model = replace(SMALL, version=1, stages=(SMALL.stages[0], SMALL.stages[2]))
        words = {k: (*v[:1], 1) if k == "sr_ratios" else v for k, v in words.items()}
    setting = Setting(16, 24)
    asked = search.Search(**words)
    wanted = {}
    for side in words.get("pool_sizes", search.POOL_SIZES):
        for options in product(*(every(model, stage) for stage in range(model.last))):
            if all(obeys(words, model, stage, one) for stage, one in enumerate(options)):
                pooled = replace(model, pool_size=side)
                if min(keys_by_hand(pooled, setting, options)) >= asked.min_keys:
                    one = choose.evaluated(pooled, setting, MACHINE, options)
                    wanted[one.name] = (one.latency.seconds, one.macs, one.params, one.memory_bytes)
    if not wanted:
        with pytest.raises(SpecError, match="keys or more in every stage"):
            choose.choose(model, setting, MACHINE, search=asked)
        return
    found = choose.choose(model, setting, MACHINE, search=asked)
    assert found.searched == len(wanted)
    best = {
        cost[1:]
        for cost in wanted.values()
        if not any(other != cost and dominates(other, cost) for other in wanted.values())
    }
    assert {(d.macs, d.params, d.memory_bytes) for d in found.front} == best


def dominates(other: tuple[float, ...], cost: tuple[float, ...]) -> bool:
    """As good in all, with room for the last bit of a sum of seconds in another order."""
    return all(a <= b * (1 + 1e-12) for a, b in zip(other, cost, strict=True))


def every(model: ModelSpec, stage: int) -> list[space.Option]:
    grid = 4 >> stage
    return [("sra_conv", ratio) for ratio in range(1, grid + 1)] + [("sra_pool", 1)]


def obeys(words: dict[str, Any], model: ModelSpec, stage: int, option: space.Option) -> bool:
    variant, ratio = option
    if model.version == 1 and stage == model.last - 1:
        return option == ("sra_conv", 1)
    only = words.get("only", tuple(VARIANTS))
    if variant == "sra_pool":
        return "sra_pool" in only
    ratios = words.get("sr_ratios")
    as_conv = "sra_conv" in only and (ratios is None or ratio == ratios[stage])
    return as_conv or (ratio == 1 and "mha" in only)


def keys_by_hand(model: ModelSpec, setting: Setting, options: Sequence[space.Option]) -> list[int]:
    grids = [(4 >> stage, (6, 3, 2)[stage]) for stage in range(model.last)]
    extra = [0] * (model.last - 1) + [model.version == 1]
    return [
        model.pool_size**2 if variant == "sra_pool" else (rows // ratio) * (columns // ratio) + more
        for (variant, ratio), (rows, columns), more in zip(options, grids, extra, strict=True)
    ]


def test_the_words_are_the_same_in_python_and_on_the_command_line(
    calibrated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--only", "sra_conv", "--only=sra_pool", "--min-keys", "4", "--R", "4,2,1,1"]
    asked = ["choose", "--model", "pvt_v2_b0", "--img", "64", *words, "--pool-size", "2,3"]
    assert app.main([*asked, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    found = pvtprof.choose(
        "pvt_v2_b0",
        64,
        only=["sra_conv", "sra_pool"],
        min_keys=4,
        sr_ratios=(4, 2, 1, 1),
        pool_sizes=(2, 3),
        calibration=calibrated,
    )
    assert rows == choosing.records(found)
    assert found.searched == 31  # 2 ** 4 - 1 that pool twice, and one that does not
    assert app.main(asked) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "31 designs (--only sra_conv,sra_pool --min-keys 4 --R 4,2,1,1 --pool-size 2,3)" in said


def test_few_keys_are_said_and_published_accuracy_is_shown() -> None:
    model, setting = model_at("pvt_v2_b0")
    free = choose.choose(model, setting, MACHINE, search=search.Search(("sra_pool",)))
    assert free.front[0].name == "pool 3, pool 3, pool 3, pool 3"
    said = "The fastest design has 9 keys in stage 1, where pvt_v2_b0 itself has 49: few keys win "
    assert said in choosing.render(free, "table", 400)
    assert said in choosing.html(free)
    as_published = search.Search(("sra_conv",), sr_ratios=(8, 4, 2, 1))
    (only,) = choose.choose(model, setting, MACHINE, search=as_published).front
    assert (only.published, only.top_1) == ("pvt_v2_b0", 70.5)
    found = choose.choose(model, setting, MACHINE, search=as_published)
    assert choosing.few_keys(found) == ""
    assert "70.5 %" in choosing.render(found, "table", 400).split("The published models")[0]
    small = replace(model, pool_size=3).with_attention("sra_pool")
    own = choose.choose(small, setting, MACHINE, search=search.Search(("sra_pool",)))
    assert "pools to 3x3, where the published pvt_v2_b2_li pools to 7x7" in choosing.few_keys(own)
    assert set(TOP_1) == set(MODELS)


def test_the_backbone_of_a_detector_is_searched_without_its_class_token() -> None:
    words: dict[str, Any] = {"only": "sra_pool", "calibration": MACHINE}
    found = pvtprof.choose("pvt_tiny", 64, task="pyramid", **words)
    assert {design.options for design in found.front} == {(space.POOL,) * 4}  # no class token
    plain = pvtprof.choose("pvt_tiny", 64, **words)
    assert {design.options[3][0] for design in plain.front} != {"sra_pool"}
    assert choosing.render(found, "table", 100).startswith("pvt_tiny for pyramid at 64, batch 1")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("model", "only", "words"),
    [
        ("pvt_tiny", "sra_conv", {"sr_ratios": (2, 4, 1, 1)}),
        ("pvt_v2_b0", "sra_pool", {"pool_sizes": 5}),
    ],
)
def test_a_design_costs_what_compare_says_of_it_in_every_task(
    model: str, only: str, words: dict[str, Any], task: str
) -> None:
    """With neck and head: MACs, params and bytes as whole numbers."""
    shared: dict[str, Any] = {"img": (64, 96), "batch": 2, "task": task, "proposals": 7}
    found = pvtprof.choose(model, only=only, calibration=MACHINE, **shared, **words)
    (design,) = found.front
    pool_size = words.get("pool_sizes")
    said = {"sr_ratios": words.get("sr_ratios"), "pool_size": pool_size, "designs": [only]}
    run = pvtprof.compare(model, analytic=True, **shared, **said)
    row = run.comparisons[0].row(None, only)
    memory = row.peak.bytes + 4 * row.params + 4 * 3 * 2 * 64 * 96
    assert (design.macs, design.params, design.memory_bytes) == (row.macs, row.params, memory)
    if TASKS[task].neck:
        alone = pvtprof.choose(
            model, only=only, calibration=MACHINE, **{**shared, "task": "pyramid"}, **words
        )
        assert not found.is_whole
        assert design.latency == alone.front[0].latency
        assert f"the kernels of {task}'s neck" in choosing.render(found, "table", 400)
        assert choosing.records(found)[0]["latency_of"] == "backbone"


def test_neck_and_head_are_timed_where_the_calibration_has_seen_their_kernels() -> None:
    spec, setting = model_at("pvt_v2_b0", 64)
    spec = spec.used_for("retinanet")
    terms = model_terms(spec, setting.image)
    runs = [(kernel, term.times) for term, kernel in kernels.kernels(terms, "float32")]
    as_seen = calibration.Fitted("elements", (1e-6, 1e-9, 0.0, 0.0))
    seen = {kernel.family: as_seen for kernel, _ in runs}
    machine = replace(MACHINE, families={**seen, **MACHINE.families})
    asked = search.Search(("sra_conv",), sr_ratios=spec.sr_ratios)
    found = choose.choose(spec, setting, machine, search=asked)
    assert found.is_whole
    assert found.front[0].latency.seconds == pytest.approx(machine.seconds(runs), rel=1e-12)
    assert "of the backbone" not in choosing.honest(found)
    assert found.front[0].published == "pvt_v2_b0"  # its backbone's top-1 is known


def test_no_figure_is_cut_on_a_narrow_terminal() -> None:
    found = choose.choose(*model_at("pvt_v2_b0", 64), MACHINE, search=search.Search(("mha",)))
    assert "…" not in choosing.render(found, "table", 40)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("task", ["classify", "pyramid"])
def test_stages_5_and_6_have_the_kernels_of_the_others(version: int, task: str) -> None:
    six = ModelSpec("six", version, (StageSpec(8, 1, 1, 4, 1),) * 6).used_for(task)
    found = kernels.kernels(model_terms(six.with_attention("sra_pool"), (256, 256)), "float32")
    assert {kernel.family for _, kernel in found} <= MACHINE.families.keys()


def test_what_is_asked_for_in_place_of_few_keys_can_be_found() -> None:
    """A model whose stages have ever fewer keys has as many as its last in every one of them."""
    model = replace(SMALL, stages=tuple(replace(stage, sr_ratio=1) for stage in SMALL.stages))
    setting = Setting(16, 24)  # 24, 6 and 2 keys
    for ratios, way_out in (
        ((4, 2, 1), "so ask for more with --min-keys 2."),  # 1, 1 and 2 keys
        ((2, 1, 1), "so ask for others with --only or --R."),  # 6, 6 and 2
    ):
        asked = search.Search(("sra_conv",), sr_ratios=ratios)
        found = choose.choose(model, setting, MACHINE, search=asked)
        assert choosing.few_keys(found).endswith(way_out)
