"""Theory against the clock: shares, what they rest on, and the sentences that are chosen."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import pvtprof
from pvtprof.observe.measurement import Measurement
from pvtprof.predict.prediction import Prediction
from pvtprof.report.page import html
from pvtprof.report.sections import clock
from pvtprof.report.sections.clock_reasons import NAMES
from pvtprof.report.sections.clock_shares import Share
from pvtprof.run.row import Row
from pvtprof.run.run import Run
from tests.builders import observed_run, with_row
from tests.report.test_explorer import in_node

#: Milliseconds of each design where time is as MACs say, but in stage 4 and in the network.
CALM = {(4, "sra_pool"): 1.8, (None, "sra_conv"): 0.6, (None, "sra_pool"): 0.59}


def timed(row: Row, share: float, width: float = 0.02) -> Row:
    """The row with a median of so many milliseconds, and an interval of that width."""
    samples = tuple(1e-3 * share * (1 + width * k / 6) for k in (-3, -3, -1, 0, 1, 3, 3))
    return replace(row, latency=Measurement(samples, calls=2))


def run_of(shares: dict[tuple[int | None, str], float], width: float = 0.02) -> Run:
    """The usual run; each design takes as much of mha's 1 ms as it has MACs, but where given."""
    run = observed_run()
    first = {row.part: row for row in run.rows if row.design.name == "mha"}

    def share(row: Row) -> float:
        usual = row.macs / first[row.part].macs
        return shares.get((row.part.stage, row.design.name), usual)

    return replace(run, rows=tuple(timed(row, share(row), width) for row in run.rows))


def share_of(run: Run, place: str, design: str) -> Share:
    found = next(one for one in clock.clock(run).places if one.name == place)
    return next(share for share in found.shares if share.design == design)


def test_the_finding_names_the_network_and_the_worst_stage() -> None:
    assert clock.clock(run_of(CALM)).title == (
        "sra_conv and sra_pool take 60 % and 59 % of mha's time for 47 % and 45 % of its MACs; "
        "in attention of stage 4, sra_pool takes 180 % of mha's time for 124 % of its MACs."
    )


def test_time_that_follows_macs_is_called_so() -> None:
    assert clock.clock(run_of({})).title == (
        "sra_conv and sra_pool take 47 % and 45 % of mha's time for 47 % and 45 % of its MACs; "
        "in each stage time follows MACs within 10 points."
    )


def test_a_time_within_its_interval_of_its_macs_is_no_surprise() -> None:
    run = run_of({(4, "sra_pool"): 1.36}, width=0.18)
    assert share_of(run, "stage 4", "sra_pool").low < 1.24  # type: ignore[operator] # it has one
    assert "in attention of stage 4" not in clock.clock(run).title


@pytest.mark.parametrize(
    ("width", "label", "is_sure"),
    [(0.1, "180 %", True), (0.3, "about 180 %", False), (0.6, "too noisy to say", False)],
)
def test_a_noisy_time_is_not_printed_as_if_it_were_sure(
    width: float, label: str, is_sure: bool
) -> None:
    share = share_of(run_of(CALM, width), "stage 4", "sra_pool")
    assert (share.label, share.is_sure) == (label, is_sure)
    made = clock.clock(run_of(CALM, width))
    assert ("in attention of stage 4" in made.title) == is_sure
    assert any("raise --budget" in line for line in made.remarks) == (not is_sure)


def test_too_few_samples_say_nothing() -> None:
    row = observed_run().row(4, "sra_pool")
    few = with_row(run_of(CALM), 4, "sra_pool", latency=Measurement((1e-3, 2e-3)))
    assert share_of(few, "stage 4", row.design.name).label == "too few samples to say"


def operator_times(row: Row, seconds: Callable[[str], float | None]) -> Row:
    return replace(row, ops=tuple(replace(op, measured_s=seconds(op.name)) for op in row.ops))


def test_why_is_the_operator_with_the_most_time_beyond_its_macs() -> None:
    run = run_of(CALM)
    row = operator_times(run.row(4, "sra_pool"), lambda name: 45.0 if name == "pool" else 5.0)
    known = with_row(run, 4, "sra_pool", ops=row.ops)
    share = share_of(known, "stage 4", "sra_pool")
    assert share.why == "the pooling takes 45 % of the time and has no MACs"
    assert share.why in html.render(known)
    unknown = share_of(run, "stage 4", "sra_pool").why
    assert unknown == "its operators were not timed: raise --budget to see why"
    assert share_of(run, "stage 1", "sra_pool").why == ""  # no more time than MACs


def test_no_operator_is_blamed_where_none_stands_out() -> None:
    run = run_of(CALM)
    row = run.row(4, "sra_pool")
    macs = {op.name: op.macs for op in row.ops}
    even = operator_times(row, lambda name: macs[name] + 1.0)
    found = share_of(with_row(run, 4, "sra_pool", ops=even.ops), "stage 4", "sra_pool")
    assert found.why == "no operator stands out"


def predicted(run: Run) -> Run:
    def of(row: Row) -> Prediction:
        seconds = 1e-12 * row.macs
        return Prediction(seconds, 0.9 * seconds, 1.1 * seconds)

    return replace(run, rows=tuple(replace(row, predicted=of(row)) for row in run.rows))


def test_where_nothing_was_timed_predictions_are_shown_as_such() -> None:
    run = predicted(pvtprof.compare(analytic=True))
    made = clock.clock(run)
    assert made.title.startswith("By prediction, sra_conv and sra_pool take 47 % and 45 % of mha's")
    assert {share.kind for place in made.places for share in place.shares} == {"predicted"}
    page = html.render(run)
    assert 'class="w-time w-predicted"' in page
    share = share_of(run, "stage 1", "sra_conv")
    assert share.milliseconds == "0.0586 ms predicted (90 %: 0.0527 to 0.0645 ms)"


def test_without_any_time_the_section_says_how_to_get_one() -> None:
    run = replace(pvtprof.compare(analytic=True), command="pvtprof compare --analytic")
    bare = replace(run, rows=tuple(replace(row, predicted=None) for row in run.rows))
    made = clock.clock(bare)
    assert made.places == ()
    assert made.title == "Nothing was timed in this run, and nothing predicts its times."
    assert any("without --analytic" in line for line in made.remarks)
    assert any("pvtprof calibrate" in line for line in made.remarks)


def test_one_design_is_held_against_its_own_network() -> None:
    run = run_of({(stage, "sra_conv"): 0.01 for stage in (1, 2, 3, 4)} | {(None, "sra_conv"): 0.6})
    one = replace(run, rows=tuple(row for row in run.rows if row.design.name == "sra_conv"))
    made = clock.clock(one)
    assert made.title == (
        "Attention takes 27 % of the time of sra_conv for 25 % of its MACs, "
        "most of it in stage 3 (10 % for 11 %)."
    )
    assert [place.name for place in made.places] == ["stage 1", "stage 2", "stage 3", "stage 4"]


#: Draws predicted rows by the page's own script.
BODY = """
  for (const name of ["where", "clock"]) vm.runInThisContext(script(name));
  const { drawn } = vm.runInThisContext("pvtprofClock");
  const read = (row) => ({ ...row, macs: BigInt(row.macs) });
  return given.runs.map(({ rows, busy }) =>
    drawn(rows.map(([name, list]) => [name, list.map(read)]), busy, given.names));
"""


def as_rows(run: Run) -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        (
            f"stage {part.stage}" if part.stage else "whole network",
            [
                {
                    "design": row.design.name,
                    "macs": str(row.macs),
                    "ops": [{"name": op.name, "macs": str(op.macs)} for op in row.ops],
                    "predicted": asdict(row.predicted),  # type: ignore[arg-type] # it has one
                    "seconds": {op.name: op.predicted_s for op in row.ops if op.predicted_s}
                    if part.stage
                    else None,
                }
                for row in run.rows
                if row.part == part
            ],
        )
        for part in run.parts
    ]


def test_the_script_says_of_predicted_times_what_python_says(tmp_path: Path) -> None:
    chance = random.Random(19)
    runs = []
    for model, img in product(("pvt_v2_b2", "pvt_tiny", "pvt_v2_b0_li"), (224, (96, 320), 2048)):
        made = pvtprof.compare(model, img=img, analytic=True)
        runs.append(replace(made, rows=tuple(at_random(row, chance) for row in made.rows)))
    many = {f"d{i}": ("sra_pool",) * i + ("mha",) * (4 - i) for i in range(5)}
    seven = pvtprof.compare("pvt_v2_b0", designs=many, analytic=True)
    runs.append(replace(seven, rows=tuple(at_random(row, chance) for row in seven.rows)))
    busy = [
        replace(run, rows=tuple(replace(row, predicted=doubted(row)) for row in run.rows))
        for run in runs[:2]
    ]
    given = [{"rows": as_rows(run), "busy": run in busy} for run in (*runs, *busy)]
    results = in_node(BODY, {"runs": given, "names": NAMES}, tmp_path)
    said = ("design", "label", "why", "macs_label", "spoken", "noise")
    for run, found in zip((*runs, *busy), results, strict=True):
        made = clock.clock(run)
        assert found["title"] == made.title
        assert [place["title"] for place in found["places"]] == [one.title for one in made.places]
        for theirs, ours in zip(found["places"], made.places, strict=True):
            assert theirs["most"] == pytest.approx(ours.most)
            assert [{name: one[name] for name in said} for one in theirs["shares"]] == [
                {name: getattr(one, name) for name in said} for one in ours.shares
            ]


def at_random(row: Row, chance: random.Random) -> Row:
    """The row with a prediction of its own, and of its operators."""
    ops = [replace(op, predicted_s=10 ** chance.uniform(-6, -3)) for op in row.ops]
    seconds = 1e-11 * row.macs * 2 ** chance.uniform(-1, 1)
    if not row.part.stage:
        ops = list(row.ops)
    made = Prediction(seconds, 0.9 * seconds, 1.25 * seconds)
    return replace(row, ops=tuple(ops), predicted=made)


def doubted(row: Row) -> Prediction:
    assert row.predicted
    return replace(row.predicted, is_doubtful=True)


def test_a_whole_that_nothing_is_held_against_says_its_time() -> None:
    run = run_of({(None, "mha"): 1.0})
    whole = replace(run, rows=(run.row(None, "mha"),))
    assert clock.clock(whole).title == "mha takes 1.00 ms (95 %: 0.990 to 1.01 ms)."
    assert clock.clock(whole).remarks == ()


def test_the_first_design_with_a_time_is_what_others_are_held_against() -> None:
    run = run_of(CALM)
    late = with_row(run, None, "mha", latency=None, not_run="ran out of memory")
    made = clock.clock(late)
    assert made.title == (
        "sra_pool is as fast as sra_conv within the noise for 97 % of its MACs; in attention of "
        "stage 4, sra_pool takes 180 % of sra_conv's time for 124 % of its MACs."
    )
    assert any("model mha: ran out of memory" in line for line in made.remarks)


def test_times_whose_intervals_overlap_are_called_equal() -> None:
    run = run_of({(None, "sra_conv"): 1.0})
    made = clock.clock(run)
    assert "sra_conv is as fast as mha within the noise for 47 % of its MACs" in made.title
    assert "sra_conv 100 % (equal within the noise)" in made.places[-1].title
