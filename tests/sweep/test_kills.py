"""Sweeps that are killed, interrupted or doubled: no row is lost, and none is there twice."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from pvtprof.sweep.store import Store
from tests import trials
from tests.sweep import killed

MOMENTS = [(number, killed.WHOM[number % 3]) for number in range(40)]
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")


@needs_proc
@trials.costly
@pytest.mark.parametrize(("number", "whom"), MOMENTS)
def test_after_a_kill_every_row_is_there_once(tmp_path: Path, number: int, whom: str) -> None:
    assert killed.trial(tmp_path / "s.sqlite", whom, random.Random(number)) == []


@needs_proc
@pytest.mark.parametrize(("number", "whom"), list(enumerate(("parent", "group") * 2)))
def test_after_a_kill_the_store_has_every_row_once(tmp_path: Path, number: int, whom: str) -> None:
    """The same without timing anything, which takes most of the time."""
    chance = random.Random(number)
    assert killed.trial(tmp_path / "s.sqlite", whom, chance, is_timed=False) == []


def test_two_sweeps_on_one_store_share_its_rows(tmp_path: Path) -> None:
    path, is_timed = tmp_path / "s.sqlite", trials.ALL
    with killed.started(path, is_timed) as one, killed.started(path, is_timed) as two:
        assert [one.wait(300), two.wait(300)] == [0, 0]
    assert killed.wrong(path) == []


def test_ctrl_c_keeps_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with killed.started(path, is_timed=trials.ALL) as process:
        for _ in range(600):
            time.sleep(0.05)
            if path.exists() and tries(path):
                break
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=trials.PATIENCE_S)
    assert process.returncode == 1  # of the script, which lets the error through
    assert b"RunInterruptedError: interrupted: " in said
    with Store.open(path) as store:
        assert store.progress().workers == 0
        assert 0 < store.progress().done < len(killed.ROWS)


def tries(path: Path) -> int:
    with Store.open(path, create=True) as store:
        return store.progress().done
