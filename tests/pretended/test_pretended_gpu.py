"""The whole command line over a pretended GPU, with scripted failures: exit code, no traceback.

"Fault N" is one of those that a review of the GPU path found. Besides these: 3 and 4 are shown by
tests/simulated, 6 by tests/observe/test_asking.py, 16 by tests/check/test_pytest_plugin.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.pretended.command_line import (
    COUNTED,
    MIB,
    OUT,
    TIMED,
    one_of_many,
    run,
    written,
)
from tests.trials import ALL, costly

#: A card that cannot be asked, and what is said of it: nothing is written.
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"old_driver": True}, "auto", "driver on your system is too old"),
    ({"old_driver": True}, "cuda", "driver on your system is too old"),
    ({"old_driver": True}, "cuda:0", "driver on your system is too old"),
    ({"starts": False}, "auto", "busy or unavailable"),
    ({"starts": False}, "cuda:0", "busy or unavailable"),
    ({"count": 0}, "cuda", "found cpu"),
    ({"count": 0}, "cuda:0", "found cpu"),
    ({}, "cuda:1", "found cpu, cuda:0"),
    ({"count": 2}, "cuda:2", "found cpu, cuda:0, cuda:1"),
    ({"memory": 100}, "auto", "out of memory"),
]


COMMANDS = ("compare", "calibrate", "check", "fit", "choose")


@pytest.mark.parametrize(
    ("command", "ways", "device", "said"),
    one_of_many([(COMMANDS[(i + k) % 5], *its) for i, its in enumerate(REFUSED) for k in (0, 2)]),
)
def test_a_card_that_cannot_be_used_is_one_line_and_exit_3(
    command: str, ways: dict[str, Any], device: str, said: str, tmp_path: Path
) -> None:
    """Fault 12: a driver that is too old ended in a traceback."""
    words = {"compare": (*COUNTED,), "check": ("check", "--base", ".")}.get(command, (command,))
    code, out, err = run(tmp_path, ways, *words, "--device", device)
    assert (code, out) == (3, "")
    assert said in err
    assert os.listdir(tmp_path) == []


#: A card on which counting works, and what the rows then hold.
COUNTS: list[dict[str, Any]] = [
    {},
    {"count": 2},
    {"mig": True},
    {"nvml": False},
    {"nvml_fails_at": 1},
    {"busy": 10 * 2**30},
    {"nvml_unsupported": ["nvmlDevice"]},
    {"synchronises": True},
]


@costly
@pytest.mark.parametrize("ways", COUNTS)
def test_rows_are_counted_and_their_memory_is_exact(ways: dict[str, Any], tmp_path: Path) -> None:
    """Fault 1: a device without an index could not be used at all; 14: nor MIG, without NVML."""
    device, log = "cuda:1" if ways.get("count") == 2 else "auto", tmp_path / "log"
    code, _, err = run(tmp_path, ways | {"log": str(log)}, *COUNTED, "--device", device)
    assert code == 0, err
    found = written(tmp_path)
    assert_counted_on(found, log, "cuda:1" if ways.get("count") == 2 else "cuda:0")
    assert all(row["not_run"] is None for row in found["rows"])


def assert_counted_on(found: dict[str, Any], log: Path, device: str) -> None:
    """Every row is counted, exactly, by a process that alone uses the device.

    Fault 9: the process that is started held a context and blocks that the timed one needed.
    """
    used = set(log.read_text().split())  # who has used the GPU; without NVML nobody need be asked
    assert "worker.py" in used <= {"asked.py", "worker.py"}
    assert found["settings"][0]["device"] == device
    for row in found["rows"]:
        seen = row["witnesses"]
        for name in ("fvcore", "requested bytes", "allocator"):
            assert seen[name]["counted"] == seen[name]["formula"], (row["part"], name)


#: Failures while rows run: exit code, and a part of what the rows say.
FAILS: list[tuple[dict[str, Any], int, str]] = [
    ({"dead_at": 5}, 3, "illegal memory access"),
    ({"dead_at": 300}, 3, "illegal memory access"),
    ({"dead_at": 40}, 3, "illegal memory access"),
    ({"memory": 30_000}, 3, "ran out of memory"),  # no row has room, the asking process has
    ({"busy": 80 * 2**30 - 500 * MIB - 10_000}, 3, "free"),
]


@costly
@pytest.mark.parametrize(("ways", "code", "said"), FAILS)
def test_a_card_that_fails_while_rows_run_leaves_a_report_that_says_so(
    ways: dict[str, Any], code: int, said: str, tmp_path: Path
) -> None:
    """Fault 2: a run that measured nothing ended with 0; 7: a dead context was "out of memory"."""
    found, _, err = run(tmp_path, ways, *TIMED, "--batch", "16")  # else some rows have room
    assert found == code, err
    its = written(tmp_path)
    assert ("failure" in its) == ("dead_at" in ways)  # after which nothing can be measured
    rows = its["rows"]
    assert any(said in (row["not_run"] or "") for row in rows)
    assert said in (tmp_path / "r.html").read_text()


@costly
def test_what_does_not_fit_takes_no_other_row_with_it(tmp_path: Path) -> None:
    """Fault 8. mha of stage 1 at 96 pixels needs two score matrices; the others do not."""
    words = ("compare", "--model", "pvt_v2_b0", "--img", "96", "--budget", "0", *OUT)
    code, _, err = run(tmp_path, {"memory": 2 * MIB}, *words)
    assert code == 0, err
    found = written(tmp_path)
    names = [design["name"] for design in found["designs"]]
    rows = {(r["part"], names[r["design"]]): r for r in found["rows"]}
    assert "ran out of memory" in rows["stage 1", "mha"]["not_run"]
    assert rows["stage 1", "sra_conv"]["not_run"] is None
    assert rows["stage 1", "sra_conv"]["witnesses"]["allocator"]["counted"]
    assert rows["stage 1", "sra_pool"]["witnesses"]["fvcore"]["counted"]


@pytest.mark.parametrize(
    "ways", one_of_many([{}, {"nvml_fails_at": 40}, {"throttled": 4}, {"nvml": False}])
)
def test_a_timed_row_says_device_wall_and_graph(ways: dict[str, Any], tmp_path: Path) -> None:
    """Fault 10: a reading that failed later lost the report; 13: times of graphs, clocks and heat
    were not shown; 17: throttling was read when the card idled, not counted."""
    log = tmp_path / "log"
    words = TIMED if ALL else (*TIMED, "--design", "sra_pool,mha")  # three rows
    code, out, err = run(tmp_path, ways | {"log": str(log)}, *words, "--cuda-graph")
    assert code == 0, err
    run_ = written(tmp_path)
    assert_counted_on(run_, log, "cuda:0")
    assert run_["environment"]["tf32"] == "off"
    row = next(row for row in run_["rows"] if row["latency_s"])
    series = row["latency_s"]["series"]
    assert max(series["graph"]) <= min(row["latency_s"]["samples"]) * 1.0001
    assert min(series["wall"]) > max(row["latency_s"]["samples"])
    assert set(series["unheld"]) == {0.0}
    assert ("joules" in series) == (ways.get("nvml", True) and "nvml_fails_at" not in ways)
    assert bool(sum(series.get("throttled_s", ()))) == bool(ways.get("throttled"))
    shown = {line.split()[0] for line in out.splitlines() if line.startswith(" ")}
    assert {"device", "wall", "graph", "wall/device", "busy"} <= shown
    assert ("clock" in shown) == ("Clocks and heat were not read" not in out)


@costly
def test_a_call_that_waits_inside_is_timed_with_its_gaps_and_that_is_said(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, {"synchronises": True}, *TIMED)
    assert code == 0, err
    assert "cannot be held" in out


@costly
def test_a_graph_that_cannot_be_captured_is_exit_3(tmp_path: Path) -> None:
    code, _, err = run(tmp_path, {"no_graph": True}, *TIMED, "--cuda-graph")
    assert code == 3
    assert "capturing" in err


@costly
def test_tf32_is_asked_for_and_said(tmp_path: Path) -> None:
    """Fault 11: by default convolutions ran in TF32 and products did not, and nothing said so."""
    code, _, err = run(tmp_path, {}, *COUNTED, "--tf32", "on")
    assert code == 0, err
    found = written(tmp_path)
    assert found["environment"]["tf32"] == "on"
    assert found["command"].endswith("--tf32 on")


@costly
def test_fit_takes_off_the_context_and_what_others_hold(tmp_path: Path) -> None:
    """Fault 15: it took the whole of the card for free."""
    code, out, err = run(tmp_path, {"busy": 70 * 2**30}, "fit")
    assert code == 0, err
    assert "Pretended H100: 80.0 GiB without 70.5 GiB of CUDA's context" in " ".join(out.split())
    context_mib = 500
    code, same, err = run(tmp_path, {}, "fit", "--memory", f"{10 * 1024 - context_mib}MiB")
    assert code == 0, err
    peaks = [
        [line for line in text.splitlines() if "holds the peak" in line] for text in (out, same)
    ]
    assert len(peaks[0]) == 6
    assert peaks[0] == peaks[1]


@costly
def test_a_saved_run_of_a_gpu_is_rendered_again_without_one(tmp_path: Path) -> None:
    assert run(tmp_path, {}, *COUNTED)[0] == 0
    code, _, err = run(tmp_path, {"starts": False}, "report", "r.json", "-o", "again.html")
    assert code == 0, err
    assert (tmp_path / "again.html").exists()
