"""Where it goes: the section's bars and sentences, and the same from the page's script."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

import pvtprof
from pvtprof.errors import SpecError
from pvtprof.predict.program import program
from pvtprof.report.page import explorer
from pvtprof.report.sections import bars, bars_drawn, bars_time, bars_time_drawn, where
from pvtprof.report.sections.clock_reasons import NAMES
from pvtprof.run.run import Run
from tests.builders import MINE, made_up_calibration, observed_run
from tests.report.runs import CALM, REPORTS, USUAL, WIDE, WILD, timed
from tests.report.test_explorer import in_node
from tests.trials import ALL

#: The page's own rules on what its own engine computes, as the script draws it.
BODY = """
  vm.runInThisContext(script("where"));
  const { framesOf, unpacked, drawn } = vm.runInThisContext("pvtprofWhere");
  return given.map(({ texts, designs, groups, packed }) => {
    const work = engine.parsed(texts), used = program ?? start.program;
    const all = used.variants.map((variant) => ({ variant, total: engine.row(work, null, variant),
      stages: used.models[work.model].stages.map((_, i) => engine.row(work, i + 1, variant)) }));
    const computed = framesOf({ work, all, engine, program: used }, designs, groups);
    const every = (frames) => ["macs", "moved", "params"].map((quantity) =>
      ["absolute", "share", "own"].map((scale) => drawn(frames, quantity, scale, groups)));
    return [every(computed), every(unpacked(packed))];
  });
"""


def settings(count: int, **others: Any) -> list[Run]:
    """Random runs whose setting the explorer can be given; ``others`` are not by chance."""
    chance = random.Random(19)
    found: list[Run] = []
    while len(found) < count:
        given: dict[str, Any] = {
            "img": chance.choice((224, 512, (800, 1333), 96, 65, 4096)),
            "batch": chance.choice((1, 1, 2, 64)),
            "dtype": chance.choice(("float32", "float16")),
            "attention": chance.choice(("eager", "sdpa")),
            **others,
        }
        model = chance.choice(("pvt_v2_b0", "pvt_v2_b2_li", "pvt_tiny", "pvt_v2_b5", MINE))
        ratios = [chance.choice((1, 2, 4, 8)) for _ in range(3 if model is MINE else 4)]
        if model == "pvt_tiny":
            ratios[-1] = 1
        try:
            found.append(pvtprof.compare(model, sr_ratios=ratios, analytic=True, **given))
        except SpecError:
            continue
    return found


def test_the_script_draws_what_python_draws(tmp_path: Path) -> None:
    runs = settings(200 if ALL else 8)
    own = explorer.own_networks(runs)
    given = [
        {
            "texts": explorer.texts(run),
            "designs": run.variants,
            "groups": bars.GROUPS,
            "packed": where.packed(bars.frames_of(run)),
        }
        for run in runs
    ]
    results = in_node(BODY, given, tmp_path, explorer.program(own))
    for run, (computed, packed) in zip(runs, results, strict=True):
        frames = bars.frames_of(run)
        expected = [
            [as_json(bars_drawn.drawn(frames, quantity, scale)) for scale in bars_drawn.SCALES]
            for quantity in bars_drawn.QUANTITIES
        ]
        assert computed == expected
        assert packed == expected


#: What the page's own prediction says of the same settings, and of what a run carries.
TIMED = """
  for (const name of ["predict", "where"]) vm.runInThisContext(script(name));
  const { timesOf, drawnTimes } = vm.runInThisContext("pvtprofWhere");
  const predict = vm.runInThisContext("pvtprofPredict")(engine, given.calibration);
  return given.cases.map(({ texts, designs, packed }) => {
    const every = (frames) => ["absolute", "share", "own"].map((scale) =>
      drawnTimes(frames, scale, given.groups, given.operators));
    if (!texts) return [null, every(packed)];
    const work = engine.parsed(texts), used = program ?? start.program;
    const { stages } = used.models[work.model];
    const all = used.variants.map((variant) => ({ variant, stages }));
    return [every(timesOf({ work, all, engine }, designs, given.groups, predict)), every(packed)];
  });
"""


def test_the_script_says_where_time_goes_as_python_does(tmp_path: Path) -> None:
    calibration = replace(made_up_calibration(), waited=0.0)
    runs = settings(60 if ALL else 5, dtype="float32", calibration=calibration)
    measured = [pvtprof.load(REPORTS / "pvt_v2_b2-224.json"), *map(with_times, (CALM, WIDE, WILD))]
    made = [bars_time.time_frames(run) for run in (*runs, *measured)]
    cases: list[dict[str, Any]] = [
        {
            "texts": explorer.texts(run) if run in runs else None,
            "designs": run.variants,
            "packed": bars_time.packed(frames),
        }
        for run, frames in zip((*runs, *measured), made, strict=True)
    ]
    given = {
        "calibration": program(calibration),
        "groups": bars.GROUPS,
        "operators": NAMES,
        "cases": cases,
    }
    own = explorer.own_networks(runs)
    results = in_node(TIMED, given, tmp_path, explorer.program(own))
    for frames, (computed, packed) in zip(made, results, strict=True):
        expected = [as_json(bars_time_drawn.drawn(frames, scale)) for scale in bars_drawn.SCALES]
        assert packed == expected
        assert computed in (None, expected)
    assert sum(computed is not None for computed, _ in results) == len(runs)


def with_times(shape: Sequence[float]) -> Run:
    """The usual times of the three designs in samples of that shape, operators timed too."""
    run = timed(observed_run(), USUAL, shape)
    rows = [
        replace(
            row, ops=tuple(replace(op, measured_s=1e-4 * (i + 1)) for i, op in enumerate(row.ops))
        )
        if row.part.stage
        else row
        for row in run.rows
    ]
    return replace(run, rows=tuple(rows))


def test_time_adds_up_to_the_rows() -> None:
    run = with_times(CALM)
    *stages, network = bars_time.time_frames(run)
    for frame in stages:
        for bar in frame.bars:
            row = run.row(int(frame.name[-1]), bar.design)
            assert row.latency is not None
            assert bar.total == pytest.approx(row.blocks * row.latency.median)
    for bar in network.bars:
        row = run.row(None, bar.design)
        assert row.latency is not None
        assert bar.total == pytest.approx(row.latency.median)
        inside = sum(seconds for name, seconds in bar.segments if name != bars_time.REST)
        assert inside == pytest.approx(sum(frame.bar(bar.design).total for frame in stages))


def test_the_first_sentence_says_where_time_goes_and_each_title_says_which_operator() -> None:
    made = where.where(with_times(CALM))
    assert made is not None
    assert list(made.quantities) == ["time", "macs", "moved", "params"]
    assert made.title == (
        "The largest part of mha's time is in the attention of stage 1 (52 %); of sra_conv's and "
        "sra_pool's it is outside of attention (70 % and 72 %). The output projection takes 24 %, "
        "19 % and 16 % of mha's, sra_conv's and sra_pool's attention time."
    )
    assert made.drawn[2].title == (
        "Stage 3: the output projection takes 22 %, 18 % and 15 % of mha's, sra_conv's and "
        "sra_pool's time"
    )


def test_no_sentence_rests_on_noise() -> None:
    for shape, said in ((WIDE, "about 84.0 ms"), (WILD, "too noisy")):
        title, frames = bars_time_drawn.drawn(bars_time.time_frames(with_times(shape)))
        assert title == bars_time_drawn.NO_WORD
        assert frames[0].title == "Stage 1: too noisy to say"
        assert frames[0].bars[0].label == said


def as_json(drawn: tuple[str, tuple[bars_drawn.DrawnFrame, ...]]) -> Any:
    title, frames = drawn
    return {"title": title, "frames": json.loads(json.dumps([asdict(one) for one in frames]))}


def test_bars_add_up_to_the_rows() -> None:
    run = observed_run()
    for frame in bars.frames_of(run):
        stage = int(frame.name[-1]) if frame.name.startswith("stage") else None
        for bar in frame.bars:
            row = run.row(stage, bar.design)
            times = row.blocks if stage else 1
            assert sum(s.macs for s in bar.segments) == times * row.macs
            assert sum(s.params for s in bar.segments) == times * row.params
            assert sum(s.moved for s in bar.segments) == times * sum(row.moved_bytes)


def test_attention_of_the_network_is_that_of_its_stages() -> None:
    *stages, network = bars.frames_of(pvtprof.compare("pvt_small", analytic=True))
    outside = {name for _, name in bars.GROUPS}
    for i, bar in enumerate(network.bars):
        inside = sum(s.macs for s in bar.segments if s.name not in outside)
        assert inside == sum(s.macs for stage in stages for s in stage.bars[i].segments)


def test_the_finding_names_the_largest_part_of_each_design() -> None:
    made = where.where(pvtprof.compare(analytic=True))
    assert made is not None
    assert made.title == (
        "The largest part of mha's MACs is in the attention of stage 1 (46 %); of sra_conv's and "
        "sra_pool's it is in the MLPs (70 % and 72 %)."
    )
    assert made.drawn[0].title == (
        "Stage 1: 46 % of mha's MACs, 4.4 % of sra_conv's and 3.5 % of sra_pool's"
    )
    assert made.follows


def test_one_design_and_seven() -> None:
    one = where.where(pvtprof.compare(designs=("sra_conv",), analytic=True))
    assert one is not None
    assert one.title == "The largest part of sra_conv's MACs is in the MLPs (70 %)."
    assert one.drawn[0].title == "Stage 1: 4.4 % of sra_conv's MACs"
    mixed = {f"d{i}": ("sra_pool",) * i + ("mha",) * (4 - i) for i in range(5)}
    several = where.where(pvtprof.compare(designs={**mixed, "e": "sra_conv"}, analytic=True))
    assert several is not None
    assert not several.follows
    assert re.fullmatch(
        r"Stage 1: 46 % of d0's MACs, .* to .* of the others'", several.drawn[0].title
    )


@pytest.mark.parametrize("task", ["retinanet", "semantic-fpn", "mask-rcnn", "pyramid"])
def test_a_task_has_its_neck_and_head(task: str) -> None:
    run = pvtprof.compare("pvt_v2_b0", task=task, img=(64, 96), analytic=True)
    names = {s.name for bar in bars.frames_of(run)[-1].bars for s in bar.segments if s.macs}
    assert ("neck" in names) == (task != "pyramid")
    assert ("head" in names) == (task != "pyramid")
    made = where.where(run)
    assert made is not None
    assert not made.follows
