"""The sentences of the page of a store, on small made-up stores: none may read wrong."""

from __future__ import annotations

from typing import Any

import pytest

from pvtprof.report.sweep_page import sweep, sweep_findings, sweep_picture, sweep_words
from pvtprof.report.sweep_page.sweep_data import command
from pvtprof.report.sweep_page.sweep_rows import COLUMNS, Reference, Stored, Sweep, sweep_of

NAMES = {"A": {"device": "Chip One, 2 cores"}, "B": {"device": "Chip Two, 4 cores"}}
USUAL = {
    "model": "pvt_v2_b0",
    "design": "mha",
    "part": "model",
    "height": 224,
    "width": 224,
    "sr_ratios": "1,1,1,1",
    "pool_size": 7,
    "batch": 1,
    "dtype": "float32",
    "attention": "eager",
    "mode": "inference",
    "task": "classify",
    "threads": 0,
    "device": "cpu",
    "macs": 100,
    "params": 10,
    "moved_bytes": 50,
    "peak_bytes": 20,
    "tries": 0,
}


def line(
    design: str, ms: float | None = None, spread: float = 0.01, **other: Any
) -> dict[str, Any]:
    """A line of a frame; measured on machine A if it has a time."""
    found: dict[str, Any] = {**dict.fromkeys(COLUMNS), **USUAL, "design": design}
    if ms is not None:
        found |= {"latency_s": ms / 1e3, "tries": 1, "machine": "A"}
        found |= {
            "latency_low_s": ms / 1e3 * (1 - spread),
            "latency_high_s": ms / 1e3 * (1 + spread),
        }
    return found | other


def failed(design: str, why: str, **other: Any) -> dict[str, Any]:
    return line(design, failure=why, tries=1, machine="A") | other


def sweep_with(*lines: dict[str, Any], references: tuple[Reference, ...] = ()) -> Sweep:
    machines = {one["machine"] for one in lines if one["machine"]}
    environments = {name: NAMES[name] for name in sorted(machines)}
    columns = {name: [one[name] for one in lines] for name in COLUMNS}
    return sweep_of(Stored("a.sqlite", columns, (), (), environments, references))


def title(found: Sweep) -> str:
    return sweep_words.title(found, sweep_words.races(found))


def stretches(found: Sweep) -> list[str]:
    return sweep_words.stretches(found, sweep_words.races(found))[0]


LARGE = {"height": 448, "width": 448}
EQUAL_AT = "pvt_v2_b0 at 224: mha and sra_conv are equal within the noise"
CASES = {
    "no row": (
        (),
        "The store holds no row yet",
        "The store holds no rows; pvtprof sweep adds them.",
    ),
    "one row": (
        (line("mha", 2.0),),
        "One row was measured",
        "The store holds one row, which is measured.",
    ),
    "one row, not yet": (
        (line("mha"),),
        "No row was measured: the figures here are the closed forms'",
        "The store holds one row, which is not measured yet.",
    ),
    "one row, failed": (
        (failed("mha", "no memory"),),
        "No row was measured: the figures here are the closed forms'",
        "The store holds one row, which failed.",
    ),
    "none measured": (
        (line("mha"), line("sra_conv")),
        "No row was measured: the figures here are the closed forms'",
        "The store holds 2 rows, and none is measured yet.",
    ),
    "all failed": (
        (failed("mha", "no memory"), failed("sra_conv", "no memory")),
        "No row was measured: the figures here are the closed forms'",
        "The store holds 2 rows, and all of them failed.",
    ),
    "nothing to compare": (
        (line("mha", 2.0), line("mha", 8.0, **LARGE)),
        "Of 2 measured rows, no two differ in the design alone",
        "The store holds 2 rows, all of them measured.",
    ),
    "one winner": (
        (line("mha", 2.0), line("sra_conv", 1.0)),
        "pvt_v2_b0 at 224: sra_conv is the fastest",
        "The store holds 2 rows, all of them measured.",
    ),
    "equal": (
        (line("mha", 2.0), line("sra_conv", 2.01)),
        EQUAL_AT,
        "The store holds 2 rows, all of them measured.",
    ),
    "no interval": (
        (line("mha", 2.0), line("sra_conv", 1.0, latency_low_s=None, latency_high_s=None)),
        "pvt_v2_b0 at 224: sra_conv has the lowest median, and an interval is missing",
        "The store holds 2 rows, all of them measured.",
    ),
    "some of everything": (
        (
            line("mha", 2.0),
            line("sra_conv", 1.0),
            failed("mha", "x", **LARGE),
            line("own", **LARGE),
        ),
        "pvt_v2_b0 at 224: sra_conv is the fastest",
        "The store holds 4 rows: 2 measured, 1 failed and 1 not measured yet.",
    ),
    "two sizes": (
        (
            *(line("mha", 2.0), line("sra_conv", 1.0)),
            *(line("mha", 8.0, **LARGE), line("sra_conv", 8.01, **LARGE)),
        ),
        "sra_conv is clearly the fastest in 1 of 2 comparisons of designs; "
        "in 1 the fastest are equal within the noise",
        "The store holds 4 rows, all of them measured.",
    ),
    "nowhere clear": (
        (
            *(line("mha", 2.0), line("sra_conv", 2.01)),
            *(line("mha", 8.0, **LARGE), line("sra_conv", 8.01, **LARGE)),
        ),
        "In none of 2 comparisons is one design clearly the fastest",
        "The store holds 4 rows, all of them measured.",
    ),
}


@pytest.mark.parametrize(("lines", "finding", "done"), CASES.values(), ids=list(CASES))
def test_the_answer_says_what_is_there(
    lines: tuple[dict[str, Any], ...], finding: str, done: str
) -> None:
    found = sweep_with(*lines)
    assert title(found) == finding
    assert sweep_words.done(found) == done
    page = sweep.render(found.stored)
    assert finding.replace("'", "&#39;") in page
    said = sweep.text(found.stored)
    assert said.startswith(f"{finding}.\n{done}\n")
    assert "None" not in said
    assert "nan" not in said


def test_no_comparison_crosses_machines() -> None:
    found = sweep_with(line("mha", 2.0), line("sra_conv", 1.0, machine="B"))
    assert title(found) == "Of 2 measured rows, no two differ in the design alone"
    said = list(sweep_words.sentences(found, []))
    assert "1 row on Chip One (2 cores) and 1 row on Chip Two (4 cores)." in said[1]
    both = sweep_with(
        *(line("mha", 2.0), line("sra_conv", 1.0)),
        *(line("mha", 1.0, machine="B"), line("sra_conv", 2.0, machine="B")),
    )
    assert len(both.rows) == 2
    assert stretches(both) == [
        "pvt_v2_b0, on Chip One (2 cores): sra_conv is the fastest at 224 (1.00 ms).",
        "pvt_v2_b0, on Chip Two (4 cores): mha is the fastest at 224 (1.00 ms).",
    ]


@pytest.mark.parametrize("column", ["changes", "content"])
def test_no_comparison_crosses_networks(column: str) -> None:
    """Of one name or file, with settings on top, or edited meanwhile."""
    other = {column: "depths=2"}
    apart = sweep_with(line("mha", 2.0), line("sra_conv", 1.0, **other))
    assert title(apart) == "Of 2 measured rows, no two differ in the design alone"
    grown = sweep_with(line("mha", 2.0), line("mha", 8.0, **LARGE, **other))
    assert "nothing grows" in sweep_findings.growth_title(grown)
    said = "content depths=2" if column == "content" else "depths=2"
    both = sweep_with(*(line(name, ms) for name, ms in (("mha", 2.0), ("sra_conv", 1.0))))
    changed = (line("mha", 1.0, **other), line("sra_conv", 2.0, **other))
    assert stretches(sweep_with(*both.stored.records, *changed)) == [
        "pvt_v2_b0: sra_conv is the fastest at 224 (1.00 ms).",
        f"pvt_v2_b0, {said}: mha is the fastest at 224 (1.00 ms).",
    ]


def test_a_stretch_of_sizes_is_one_phrase() -> None:
    lines = []
    for side, mha, conv in ((64, 1.0, 2.0), (96, 2.0, 3.0), (128, 4.0, 4.01), (160, 9.0, 6.0)):
        at = {"height": side, "width": side}
        lines += [line("mha", mha, **at), line("sra_conv", conv, **at)]
    assert stretches(sweep_with(*lines)) == [
        "pvt_v2_b0: mha is the fastest at 64 to 96 (1.00 ms to 2.00 ms); mha and sra_conv are "
        "equal within the noise at 128 (4.00 ms); sra_conv is the fastest at 160 (6.00 ms)."
    ]


def test_many_series_are_counted_by_model() -> None:
    lines = []
    for batch in range(1, 9):
        lines += [line("mha", 2.0, batch=batch), line("sra_conv", 1.0, batch=batch)]
    lines[0] = line("mha", 1.0)
    assert stretches(sweep_with(*lines)) == [
        "pvt_v2_b0: of 8 comparisons the fastest is sra_conv in 7; the fastest are equal within "
        "the noise in 1."
    ]


def test_drift_is_the_spread_of_the_reference() -> None:
    times = tuple(Reference("A", "the reference", f"{i}", 0.01 + 0.0001 * i) for i in range(3))
    found = sweep_with(line("mha", 2.0), references=times)
    assert list(sweep_words.drifts(found)) == [
        "Drift: the reference was measured 3 times and took 10.0 ms to 10.2 ms, a spread of 2.0 % "
        "of its median (10.1 ms)."
    ]
    once = sweep_with(line("mha", 2.0), references=times[:1])
    assert list(sweep_words.drifts(once)) == [
        "Drift is not known: the reference was measured once."
    ]


def test_names_have_what_tells_designs_apart() -> None:
    found = sweep_with(
        line("mha"), line("sra_conv", sr_ratios="8,4,2,1"), line("sra_conv", sr_ratios="4,2,1,1")
    )
    assert found.designs == ("mha", "sra_conv (R 8,4,2,1)", "sra_conv (R 4,2,1,1)")


def test_ratio_growth_prediction_and_failures_are_found() -> None:
    found = sweep_with(
        *(line("mha", 2.0, predicted_s=0.0021), line("sra_conv", 1.0)),
        *(line("mha", 8.0, **LARGE), line("sra_conv", 8.01, **LARGE)),
        failed("sra_pool", "no memory"),
    )
    races = sweep_words.races(found)
    assert sweep_findings.ratio_title(found, races) == (
        "sra_conv needs 50 % to 100.1 % of mha's time in 2 comparisons; in 1 of them they are "
        "equal within the noise"
    )
    assert sweep_findings.growth_title(found) == (
        "From 224 to 448 pixels a side: 4.00x as much time for mha, and 8.01x as much time for "
        "sra_conv"
    )
    assert sweep_findings.predictions(found) == "One time has a prediction, which is off by 5.0 %."
    assert sweep_findings.failures_title(found) == "1 of 5 rows failed: no memory"
    alone = sweep_with(failed("mha", "no memory"))
    assert sweep_findings.failures_title(alone) == "The one row failed: no memory"
    assert sweep_findings.growth_title(alone) == (
        "No design has its MACs at two images: nothing grows"
    )
    assert sweep_findings.ratio_title(alone, []) == (
        "There is one design: nothing to set against it"
    )


def test_what_the_closed_form_refuses_has_failed() -> None:
    found = sweep_with(line("mha", failure="R is larger than the grid", macs=None, params=None))
    assert (found.measured, found.failed, found.left) == (0, 1, 0)
    assert sweep_findings.failures(found) == [("R is larger than the grid", 1)]
    assert "R is larger than the grid" in sweep.render(found.stored)


NOISY = (
    (line("mha", 2.0, macs=100), line("sra_conv", 1.0, macs=200), line("own", 1.01, macs=150)),
    "mha, own and sra_conv are beaten by no other in MACs and time at once; "
    "for 1 of 3 the noise of the times decides",
)
CLEAR = (
    (line("mha", 2.0, macs=100), line("sra_conv", 1.0, macs=200), line("own", 1.1, macs=300)),
    "mha and sra_conv are beaten by no other in MACs and time at once",
)
EXACT = (
    (line("mha", macs=100, peak_bytes=20), line("sra_conv", macs=200, peak_bytes=10)),
    "mha and sra_conv are beaten by no other in MACs and peak memory at once",
)


@pytest.mark.parametrize(("lines", "finding"), [NOISY, CLEAR, EXACT])
def test_the_front_says_where_the_noise_decides(
    lines: tuple[dict[str, Any], ...], finding: str
) -> None:
    found = sweep_with(*lines)
    assert sweep_picture.title(found, sweep_picture.shown(found)) == finding


def test_two_processes_differ_by_themselves() -> None:
    """However narrow the intervals of single processes are."""
    assert title(sweep_with(line("mha", 2.0, 0.0), line("sra_conv", 2.03, 0.0))) == EQUAL_AT
    apart = sweep_with(line("mha", 2.0, 0.0), line("sra_conv", 2.05, 0.0))
    assert title(apart) == "pvt_v2_b0 at 224: mha is the fastest"


def test_the_first_view_is_one_setting_with_the_most_times() -> None:
    found = sweep_with(
        line("mha", 2.0), line("sra_conv", 1.0), line("mha", 8.0, **LARGE), line("mha", batch=8)
    )
    assert found.first_view == {"height": 224, "width": 224, "batch": 1}


def test_a_row_is_measured_again_by_its_command() -> None:
    found = sweep_with(
        line("sra_conv", sr_ratios="8,4,2,1", batch=2, threads=2, part="stage 1", height=800)
    )
    assert command(found, found.rows[0]) == (
        "pvtprof sweep --model pvt_v2_b0 --img 800x224 --design sra_conv --R 8,4,2,1 "
        "--part 'stage 1' --batch 2 --threads 2 --again -o a.sqlite"
    )


def test_a_module_of_ones_own_is_named_with_its_sizes() -> None:
    words = {"model": "", "target": "a.py:b", "height": 0, "width": 0, "sr_ratios": ""}
    found = sweep_with(line("", 1.0, **words, at="h=64"), line("", 1.0, **words, at=""))
    assert [row.side for row in found.rows] == ["h=64", ""]
    assert [command(found, row) for row in found.rows] == [
        "pvtprof sweep --target a.py:b --at h=64 --again -o a.sqlite",
        "pvtprof sweep --target a.py:b --again -o a.sqlite",
    ]


def test_a_name_cannot_leave_its_place() -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    page = sweep.render(sweep_with(failed(hostile, hostile, model=hostile)).stored)
    assert hostile not in page
