"""pytest-benchmark's files as samples."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pvtprof.check.judgement import fewest_processes
from pvtprof.cli import app

ENOUGH = fewest_processes(2)


def document(rng: random.Random, factor: float = 1.0) -> dict[str, Any]:
    """A file as pytest-benchmark 5.3 writes it, of what pvtprof reads."""
    machine = {
        "node": "host",
        "system": "Linux",
        "machine": "x86_64",
        "python_version": "3.11.7",
        "cpu": {"brand_raw": "Test CPU"},
    }
    return {
        "machine_info": machine,
        "benchmarks": [
            {
                "fullname": f"tests/test_it.py::test_{name}",
                "extra_info": {"macs": 2048, "params": 544, "torch": "2.13.0", "note": [1]},
                "stats": {"median": seconds * rng.uniform(0.99, 1.01), "rounds": 5},
            }
            for name, seconds in (("a", 1e-3 * factor), ("b", 2e-3))
        ],
    }


def written(
    folder: Path,
    files: int,
    factor: float = 1.0,
    change: Callable[[dict[str, Any]], object] = lambda document: None,
) -> str:
    folder.mkdir()
    rng = random.Random(str(folder))
    for i in range(files):
        one = document(rng, factor)
        change(one)
        (folder / f"{i:04}.json").write_text(json.dumps(one))
    return str(folder)


def held(capsys: pytest.CaptureFixture[str], before: str, after: str) -> tuple[int, list[str]]:
    code = app.main(["check", before, "--samples", after])
    said = capsys.readouterr()
    return code, (said.out + said.err).splitlines()


def test_enough_processes_decide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = written(tmp_path / "before", ENOUGH)
    same, slow = written(tmp_path / "same", ENOUGH), written(tmp_path / "slow", ENOUGH, 1.2)
    code, lines = held(capsys, before, same)
    assert (code, lines[-1]) == (0, f"check: no row of 2 is slower than {before}")
    code, lines = held(capsys, before, slow)
    assert (code, lines[-1]) == (1, f"check: slower than {before}: tests/test_it.py::test_a")


def test_a_process_on_a_side_decides_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [f"{written(tmp_path / name, 1)}/0000.json" for name in ("a", "b")]
    code, lines = held(capsys, *files)
    assert code == 3
    assert "1 process on a side cannot show the noise" in lines[-1]
    assert f"run it {ENOUGH} times or more" in lines[-1]


def test_a_benchmark_without_pvtprofs_figures_has_no_exact_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def bare(document: dict[str, Any]) -> None:
        for one in document["benchmarks"]:
            one["extra_info"] = {}

    files = [written(tmp_path / name, ENOUGH, change=bare) for name in ("before", "after")]
    markdown = tmp_path / "said.md"
    assert app.main(["check", files[0], "--samples", files[1], "--markdown", str(markdown)]) == 0
    assert "latency" in markdown.read_text()
    assert "exact" not in markdown.read_text()


def test_many_benchmarks_can_still_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def many(document: dict[str, Any]) -> None:
        first = document["benchmarks"][0]
        document["benchmarks"] = [{**first, "fullname": f"test_{i}"} for i in range(150)]

    def one_slow(document: dict[str, Any]) -> None:
        many(document)
        document["benchmarks"][7]["stats"] = {"median": 2e-3 * random.uniform(0.99, 1.01)}

    files = fewest_processes(150)
    before = written(tmp_path / "before", files, change=many)
    code, lines = held(capsys, before, written(tmp_path / "after", files, change=one_slow))
    assert code == 1
    assert lines[-1] == f"check: slower than {before}: test_7"


def other_cpu(document: dict[str, Any]) -> None:
    document["machine_info"]["cpu"]["brand_raw"] = "Other CPU"


def other_torch(document: dict[str, Any]) -> None:
    for one in document["benchmarks"]:
        one["extra_info"]["torch"] = "2.6.0"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (other_cpu, "processor was Test CPU and is Other CPU"),
        (other_torch, "torch was 2.13.0 and is 2.6.0"),
    ],
)
def test_another_machine_is_refused_by_name(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    reason: str,
    change: Callable[[dict[str, Any]], object],
) -> None:
    before = written(tmp_path / "before", ENOUGH)
    code, lines = held(capsys, before, written(tmp_path / "after", ENOUGH, 2.0, change))
    assert code == 3
    assert reason in lines[-1]


def more_macs(document: dict[str, Any]) -> None:
    document["benchmarks"][0]["extra_info"]["macs"] = 2049


def one_gone(document: dict[str, Any]) -> None:
    del document["benchmarks"][1]


def one_more(document: dict[str, Any]) -> None:
    document["benchmarks"].append({**document["benchmarks"][0], "fullname": "c"})


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (more_macs, "- tests/test_it.py::test_a: macs: 2,048 -> 2,049"),
        (one_gone, "- tests/test_it.py::test_b: there is only before"),
        (one_more, "- c: there is only now"),
    ],
)
def test_exact_figures_and_rows_are_held_to(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    line: str,
    change: Callable[[dict[str, Any]], object],
) -> None:
    before = written(tmp_path / "before", ENOUGH)
    after = written(tmp_path / "after", ENOUGH, change=change)
    code, lines = held(capsys, before, after)
    assert code == 1
    assert line in lines
    assert lines[-1].startswith("check: exact figures changed in 1 of ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is not JSON, or is cut off"),
        ("[]", "it is [], not an object"),
        ('{"benchmarks": []}', "there is no field machine_info"),
        (json.dumps({**document(random.Random(0)), "benchmarks": []}), "benchmarks is empty"),
        (
            json.dumps(document(random.Random(0))).replace('"macs": 2048', '"macs": -1'),
            "macs is -1",
        ),
    ],
)
def test_another_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    before = written(tmp_path / "before", 1)
    (tmp_path / "after.json").write_text(text)
    code, lines = held(capsys, before, str(tmp_path / "after.json"))
    assert code == 2
    assert expected in lines[0]
    assert len(lines) == 1


def test_files_that_do_not_go_together_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mixed"
    before = written(folder, 2)
    mixed = json.loads((folder / "0001.json").read_text())
    other_cpu(mixed)
    (folder / "0001.json").write_text(json.dumps(mixed))
    other = written(tmp_path / "other", 2)
    code, lines = held(capsys, before, other)
    assert code == 2
    assert "0001.json differs from the other files: processor was Test CPU" in lines[0]
    (tmp_path / "empty").mkdir()
    assert held(capsys, str(tmp_path / "empty"), before)[0] == 2
