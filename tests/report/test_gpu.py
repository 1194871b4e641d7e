"""What a run of a GPU shows, in every form: by hand-made rows, without a GPU."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pvtprof.observe.measurement import Measurement
from pvtprof.observe.witness import Count
from pvtprof.report import gpu, markdown, terminal_full
from pvtprof.report.page import html
from pvtprof.report.sections import clock, memory, where
from pvtprof.run.frame import frame
from pvtprof.run.row import Row, joined
from pvtprof.run.run import Run
from tests.builders import observed_run

SERIES = {
    "wall": (3e-3,) * 7,
    "graph": (0.9e-3,) * 7,
    "sm_mhz": (1980.0,) * 7,
    "celsius": (61.0,) * 7,
    "throttled_s": (1e-3,) * 7,
    "joules": (0.25,) * 7,
    "unheld": (0.0,) * 7,
}


def on_gpu(row: Row) -> Row:
    """A row that was timed on a GPU: 1 ms on the device, 3 ms in all, 0.9 ms by a graph."""
    said = {"allocator": 1024, "reserved bytes": 2**21, "taken bytes": 500 * 2**20}
    formula = {"": 1000}
    witnesses = {
        name: joined(formula, Count(size, {"": size}), is_exact=False)
        for name, size in said.items()
    }
    return replace(
        row,
        setting=replace(row.setting, device="cuda:0", attention="sdpa"),
        latency=Measurement((1e-3,) * 7, calls=3, series=SERIES, stopped="interval"),
        backend="flash",
        witnesses=row.witnesses | witnesses,
    )


@pytest.fixture(scope="module")
def run() -> Run:
    made = observed_run(model="pvt_v2_b0", img=32, attention="sdpa")
    environment = replace(made.environment, device="A GPU", cuda="13.0", tf32="off")
    return replace(made, rows=tuple(map(on_gpu, made.rows)), environment=environment)


#: What a reader finds in a terminal and in Markdown, name by name, of each row.
SHOWN = {
    "device": "1.00 ms",
    "wall": "3.00 ms",
    "graph": "0.900 ms",
    "wall/device": "3.00",
    "busy from": "batch 4",
    "backend": "flash",
    "clock": "1980 MHz",
    "heat": "61 °C",
    "throttled": "7.00 ms",
    "energy": "0.25 J",
}


def test_the_terminal_shows_each_figure_of_a_gpu_in_a_line(run: Run) -> None:
    text = terminal_full.render(run, 120)
    for name, value in SHOWN.items():
        lines = [line for line in text.splitlines() if f" {name} " in line and value in line]
        assert len(lines) == 5, name  # four stages and the model
    assert "float32, TF32 off" in text
    assert "latency" not in text.split("Formula and counters")[0]


def test_markdown_shows_each_figure_of_a_gpu_in_a_column(run: Run) -> None:
    rows_of = markdown.render(run).partition("<details>")[2]
    lines = [line.split(" | ") for line in rows_of.splitlines() if line[:2] == "| "]
    header, rows = lines[0], lines[1:]
    assert len(rows) == 15
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        assert {name: cells[name] for name in SHOWN} == SHOWN
        assert cells["device 95 % (ms)"] == "1.00 to 1.00"
        assert cells["graph 95 % (ms)"] == "0.900 to 0.900"


def test_a_page_has_times_state_and_memory_in_tables_and_times_in_its_answer(run: Run) -> None:
    shown = (where.where(run), clock.clock(run), memory.memory(run))
    sheets = {sheet.caption: sheet for one in shown if one for sheet in one.sheets}
    times = gpu.latencies(run)
    assert times in sheets.values()
    first = dict(zip(times.header, times.lines[0], strict=True))
    assert len(first) == len(times.header)  # no name twice: rows become JSON on the page
    assert (first["device (ms)"], first["wall (ms)"], first["graph (ms)"]) == ("1", "3", "0.9")
    assert (first["wall/device"], first["busy from batch"]) == ("3", "4")
    assert "launch-bound" in first["remark"]
    state = dict(zip(gpu.states(run).header, gpu.states(run).lines[0], strict=True))
    assert (state["backend"], state["clock (MHz)"]) == ("flash", "1980")
    assert (state["throttled (ms)"], state["energy a call (J)"]) == ("7", "0.25")
    held = dict(zip(gpu.memory(run).header, gpu.memory(run).lines[0], strict=True))
    assert (held["formula, in blocks"], held["in blocks"]) == ("1,000", "1,024")
    assert held["context and other programs"] == "524,288,000"
    page = html.render(run)
    for name in ("time on the GPU", "wall time", "graph time"):
        assert f'<th scope="row">{name}</th>' in page


def test_a_frame_has_columns_of_a_gpu_with_their_units(run: Run) -> None:
    first = frame(run).iloc[0]
    assert (first.wall_median_s, first.graph_median_s, first.launch_ratio) == (3e-3, 0.9e-3, 3.0)
    assert (first.busy_batch, first.attention_backend, first.tf32) == (4, "flash", "off")
    assert (first.clock_median_mhz, first.energy_median_joules) == (1980.0, 0.25)


def test_a_row_whose_launch_gaps_count_is_not_said_to_be_launch_bound(run: Run) -> None:
    row = run.rows[0]
    assert row.latency is not None
    gaps = Measurement(row.latency.samples, series=SERIES | {"unheld": (1.0,) * 7})
    lines = gpu.latencies(replace(run, rows=(replace(row, latency=gaps),))).lines
    assert lines[0][5:7] == ("-", "-")
    assert "cannot be held back" in lines[0][-1]


def test_notes_say_the_number_format_the_backend_and_the_most_memory(run: Run) -> None:
    text = "\n".join(gpu.notes(run))
    assert "TF32 is off, for convolutions and matrix products alike" in text
    assert "Fused attention ran torch's flash backend: stage 1 mha, " in text
    assert "CUDA's context and other programs 500 MiB" in text
    assert "Clocks and heat were not read" not in text
    assert list(gpu.notes(observed_run(model="pvt_v2_b0", img=32))) == []
