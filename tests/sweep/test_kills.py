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

#: (number, whom): 40 random moments, or a few of them.
MOMENTS = [(number, killed.WHOM[number % 3]) for number in range(40 if trials.ALL else 4)]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize(("number", "whom"), MOMENTS)
def test_after_a_kill_every_row_is_there_once(tmp_path: Path, number: int, whom: str) -> None:
    assert killed.trial(tmp_path / "s.sqlite", whom, random.Random(number)) == []


@pytest.mark.skipif(not trials.ALL, reason="starts two sweeps")
def test_two_sweeps_on_one_store_share_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with killed.started(path) as one, killed.started(path) as two:
        assert [one.wait(120), two.wait(120)] == [0, 0]
    assert killed.wrong(path) == []


@pytest.mark.skipif(not trials.ALL, reason="starts two sweeps")
def test_ctrl_c_keeps_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with killed.started(path) as process:
        for _ in range(600):
            time.sleep(0.05)
            if path.exists() and tries(path):
                break
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1  # of the script, which lets the error through
    assert b"RunInterruptedError: interrupted: " in said
    with Store.open(path) as store:
        assert store.progress().workers == 0
        assert 0 < store.progress().done < len(killed.ROWS)


def tries(path: Path) -> int:
    with Store.open(path, create=True) as store:
        return store.progress().done
