"""The command line on a GPU that is not there, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import rounds
from tests.trials import costly

TESTS = Path(__file__).parents[1]
#: What every run is asked to write, so that a test can look at all of it.
WRITTEN = ("r.json", "r.html", "r.csv", "r.md")


#: One module a stage at 32 pixels, so that a run is a matter of seconds.
SMALL = ("compare", "--model", str(TESTS / "targets/small.toml"), "--img", "32", "--pool-size", "1")
OUT = ("--full", "--no-calibrate", *(word for name in WRITTEN for word in ("-o", name)))
COUNTED = (*SMALL, "--budget", "0", *OUT)
TIMED = (*SMALL, "--budget", str(rounds.PLENTY_S), *OUT)
CHECK = ("check", "--base", "../base", "--target", "mine:attention", "--budget", "1")
TARGET = """
import torch
TOUCHES = torch.cuda.device_count()  # on MIG the driver itself counts, which spoils forks
def attention():
    return torch.nn.Linear(16, 16), torch.randn(4, 16)
"""
MIB = 2**20


def versions(folder: Path) -> Path:
    """Two versions of a user's module, of which importing touches CUDA; the newer one's folder."""
    for name in ("base", "head"):
        (folder / name).mkdir()
        (folder / name / "mine.py").write_text(TARGET)
    return folder / "head"


def one_of_many(cases: list[Any]) -> list[Any]:
    """The first case, and the others marked as costly."""
    return [cases[0], *(pytest.param(*_tuple(case), marks=costly) for case in cases[1:])]


def _tuple(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)


def environment(ways: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """The environment of a process that finds a GPU that behaves in these ways."""
    path = (TESTS / "pretended", TESTS.parent, folder)
    return os.environ | {
        "PRETENDED_GPU": json.dumps(ways),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "XDG_DATA_HOME": str(folder / "data"),
    }


def run(folder: Path, ways: Mapping[str, Any], *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command line; there is no traceback in any case.

    What ``compare`` times is timed for eight rounds.
    """
    code = f"{rounds.SCRIPT}from pvtprof.cli import main\nraise SystemExit(main())"
    return run_python(folder, ways, "-c", code, *words)


def run_python(folder: Path, ways: Mapping[str, Any], *words: str) -> tuple[int, str, str]:
    """The same of any other script, as it is."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment(ways, folder),
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def written(folder: Path) -> dict[str, Any]:
    """The run that was written; the page, the table and the Markdown are there too."""
    assert set(WRITTEN) <= set(os.listdir(folder))
    return written_json(folder)


def written_json(folder: Path) -> dict[str, Any]:
    """The run that was written."""
    found: dict[str, Any] = json.loads((folder / "r.json").read_text())
    return found
