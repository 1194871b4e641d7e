"""`pvtprof choose`: arrays against the scalar path, the front against brute force, limits."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pvtprof.cli import app
from pvtprof.designs.published import MODELS
from pvtprof.errors import SpecError
from pvtprof.observe.environment import environment
from pvtprof.predict import calibration, choose, kept, space
from pvtprof.report import choosing
from tests.builders import made_up_calibration, model_at

MACHINE = made_up_calibration()


@pytest.mark.parametrize("model", ["pvt_v2_b2", "pvt_tiny", "pvt_v2_b2_li"])
@pytest.mark.parametrize(("img", "batch", "attention"), [(224, 1, "eager"), (512, 4, "sdpa")])
def test_arrays_say_what_the_scalar_path_says(
    model: str, img: int, batch: int, attention: str
) -> None:
    spec, setting = model_at(model, img, batch=batch, attention=attention)
    chance = random.Random(4)
    for pool_size in (3, 7):
        pooled = replace(spec, pool_size=pool_size)
        its = next(space.spaces(spec, setting, MACHINE, [pool_size]))
        designs = np.array([chance.randrange(int(np.prod(its.shape))) for _ in range(25)])
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
    monkeypatch.setattr(choose, "CHUNK", 37)
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
    assert "that no other design" in capsys.readouterr().out
    for more, part in (
        (["--within", "0"], "'0' is not a time"),
        (["--within", "fast"], "'fast' is not a time"),
        (["--within", "0ms"], "'0ms' is not a time"),
        (["--within", "1us"], "no design of"),
        (["--memory", "0GiB"], "memory"),
        (["--R", "8,4,2,1"], "leave --R and --pool-size out"),
        (["--dtype", "float16"], "float32, not of float16"),
        (["--calibration", "nowhere.json"], "there is no calibration at nowhere.json"),
        (["-o", "x.txt"], "x.txt"),
    ):
        assert part in refused(*words, *more)
