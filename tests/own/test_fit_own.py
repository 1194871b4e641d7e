"""``fit --target``: the largest sizes of a user's own module, by its derived peak."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pvtprof.cli import main

TARGETS = Path(__file__).parent.parent / "derive" / "modules.py"


def test_what_fits_is_what_the_witness_of_live_bytes_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["fit", "--target", f"{TARGETS}:window", "--memory", "64MiB", "--check"]
    assert main([*words, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    records = json.loads(out)
    assert {(one["mode"], one["size"]) for one in records} == {
        (mode, size) for mode in ("inference", "training") for size in ("h = w", "b")
    }
    for one in records:
        assert one["needs_bytes"] <= 64 * 2**20 < one["next_needs_bytes"]
        assert one["largest"] < one["next"]
    assert "8 of 8 sizes agree" in err


def test_sizes_that_the_code_fixes_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--target", f"{TARGETS}:fixed", "--memory", "1MiB"]) == 0
    out = capsys.readouterr().out
    assert "none is proven up to" in out
    assert "n = 16" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "pvt_v2_b0"], "--model is for PVT's models: leave it"),
        (["--dtype", "float16"], "--dtype is for PVT's models: leave it"),
        (["--at", "k=3"], "no module has a size 'k'"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = ["--target", f"{TARGETS}:fixed"]
    assert main(["fit", *target, "--memory", "1MiB", *words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
