"""What holds the memory: the picture and its sentences, and the same from the page's script."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import pvtprof
from pvtprof.analytic.alive import at_peak
from pvtprof.moment import highest
from pvtprof.report.figures.memory import live_info
from pvtprof.report.page import explorer
from pvtprof.report.sections import live, memory
from pvtprof.run.rows import terms_of
from pvtprof.run.run import Run
from tests.report.test_explorer import in_node
from tests.report.test_where import settings
from tests.trials import ALL

BODY = """
  for (const name of ["where", "memory"]) vm.runInThisContext(script(name));
  const { finding, heldBy, picture } = vm.runInThisContext("pvtprofLive");
  return given.map(({ texts, data }) => {
    const work = texts && engine.parsed(texts), isListed = work && work.mode === "inference";
    const moment = ([i, bytes]) => ({ at: data.names[i], bytes: BigInt(bytes) });
    const timelines = new Map(Object.entries(data.designs).map(([name, list]) =>
      [name, texts ? engine.timeline(work, name) : list.map(moment)]));
    const tensors = (name) => [name, engine.atPeak(work, name)];
    const held = texts && (isListed ? heldBy(Object.keys(data.designs).map(tensors), data) : []);
    return [finding(timelines, data), held, ...Object.keys(data.designs).map((name) => {
      const { spans, ...made } = picture(timelines, name, data.blocks, data);
      return made;
    })];
  });
"""


def data(run: Run) -> Mapping[str, Any]:
    return {**section(run).data, **memory.stored(live_info(run).moments)}


def section(run: Run) -> memory.Memory:
    made = memory.memory(run)
    assert made is not None
    return made


def test_the_script_draws_what_python_draws(tmp_path: Path) -> None:
    runs = settings(100 if ALL else 4) + settings(50 if ALL else 2, mode="training")
    trained = [pvtprof.compare("pvt_v2_b0", img=64, mode="training", analytic=True)]
    trained += [pvtprof.compare("pvt_v2_b0", task="retinanet", img=64, analytic=True)]
    given = [{"texts": explorer.texts(run), "data": data(run)} for run in runs]
    given += [{"texts": None, "data": data(run)} for run in (*runs, *trained)]
    program = explorer.program(explorer.own_networks(runs))
    results = in_node(BODY, given, tmp_path, program)
    for run, one, found in zip((*runs, *runs, *trained), given, results, strict=True):
        timelines = live_info(run).moments
        blocks = section(run).data["blocks"]
        pictures = [live.picture(timelines, name, blocks) for name in timelines]
        assert found == [
            live.finding(timelines),
            [*section(run).held] if one["texts"] else None,
            *(json.loads(json.dumps(asdict(p))) for p in pictures),
        ]


def test_the_peak_is_that_of_the_row_and_its_operator_is_named() -> None:
    run = pvtprof.compare(analytic=True)
    made = section(run)
    assert made.title == (
        "mha's peak of 78.9 MiB is at the scaling of the scores in stage 1; sra_conv's and "
        "sra_pool's of 14.5 MiB at the depthwise convolution in stage 1's MLP."
    )
    assert made.chosen == "sra_conv"
    assert made.picture is not None
    assert made.picture.said == "sra_conv: 14.5 MiB at block1.mlp.dwconv.dwconv convolution"
    assert made.picture.beyond == "mha goes on to 78.9 MiB, beyond the top."
    assert [name for name, *_ in made.picture.sections] == [
        "stage 1 x3",
        "stage 2 x4",
        "stage 3 x6",
        "stage 4 x3",
        "head",
    ]
    for design, moments in live_info(run).moments.items():
        assert highest(moments) == run.row(None, design).peak


def test_the_largest_tensors_of_the_peak_are_named_and_add_up_to_it() -> None:
    run = pvtprof.compare(analytic=True)
    tokens = (
        "the MLP's hidden tokens 3,136x512 (6.12 MiB), the result of the depthwise convolution "
        "3,136x512 (6.12 MiB), the tokens after a norm 3,136x64 (784 KiB) and 2 smaller tensors "
        "(1.53 MiB)."
    )
    assert section(run).held == (
        "mha, 78.9 MiB: the scores 3,136x3,136 (37.5 MiB), the scaled scores 3,136x3,136 "
        "(37.5 MiB) and 4 smaller tensors (3.83 MiB).",
        f"sra_conv and sra_pool, 14.5 MiB: {tokens}",
    )
    for task, img in (("classify", 64), ("retinanet", 64), ("classify", 250)):
        for fused in ("eager", "sdpa"):
            its = pvtprof.compare("pvt_v2_b0", task=task, img=img, attention=fused, analytic=True)
            for row in its.rows:
                found = at_peak(terms_of(row), "float32")
                assert sum(one.bytes for one in found) == row.peak.bytes


def test_what_is_not_attention_stands_at_the_same_place_in_all_designs() -> None:
    timelines = live_info(pvtprof.compare(analytic=True)).moments
    made = live.picture(timelines, "mha", [1, 1, 1, 1])
    last = {re.findall(r"H([\d.]+)", path)[-2] for _, path in made.others}
    assert last == {re.findall(r"H([\d.]+)", made.fill)[-2]}


@pytest.mark.parametrize("words", [{}, {"checkpoint": True, "optimizer": "adamw"}])
def test_a_training_step_runs_forward_and_back(words: dict[str, object]) -> None:
    run = pvtprof.compare("pvt_v2_b0", img=64, mode="training", analytic=True, **words)  # type: ignore[arg-type]
    made = section(run)
    assert made.follows == (not words)  # the bar has a plain training step
    assert made.picture is not None
    names = [name for name, *_ in made.picture.sections]
    assert names[:6] == ["stage 1", "stage 2", "stage 3", "stage 4", "head", "stage 4 back"]
    assert names[-1] == ("optimizer" if words else "stage 1 back")


def test_a_run_whose_peak_another_version_found_otherwise_has_no_picture() -> None:
    from tests.builders import with_row

    run = pvtprof.compare(designs=("mha",), analytic=True)
    peak = run.row(None, "mha").peak
    assert memory.memory(with_row(run, None, "mha", peak=type(peak)(peak.bytes + 1, "x"))) is None
