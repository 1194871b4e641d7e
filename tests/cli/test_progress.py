"""Progress into a log: a file is not flooded, and a log that is gone ends nothing."""

from __future__ import annotations

import sys

import pytest

from pvtprof.cli import progress
from pvtprof.cli.progress import LOG_S


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the clock shows."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_every_30_seconds(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.progress(is_logged=True) as show:
        for second in range(int(3 * LOG_S)):
            clock[0] = float(second)
            show(f"second {second}")
    assert capsys.readouterr().err.splitlines() == ["second 30", "second 60"]


def test_a_log_of_a_short_command_has_no_progress(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    for is_logged in (False, True):
        with progress.progress(is_logged) as show:
            clock[0] += LOG_S * (not is_logged)
            show("at once")
    assert capsys.readouterr() == ("", "")


def test_a_log_that_is_gone_ends_no_command(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        def isatty(self) -> bool:
            return False

        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    with progress.progress(is_logged=True) as show:
        clock[0] = LOG_S
        show("to nobody")
