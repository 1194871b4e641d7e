"""Options of the whole suite."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pvtprof.cli import app

GOLDEN = Path(__file__).parent / "golden"
#: Where this process of the suite keeps calibrations: the user's own are neither read nor replaced.
DATA = tempfile.mkdtemp(prefix="pvtprof-tests-")


def pytest_configure() -> None:
    """Ctrl-C is heard, by what tests start too: a shell's job in the background is deaf to it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["XDG_DATA_HOME"] = DATA
    # On a busy machine examples are drawn slowly: that is no fault.
    settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")


def pytest_unconfigure() -> None:
    shutil.rmtree(DATA, ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--overwrite", action="store_true", help="refresh tests/golden")


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line with which the command line refuses words: exit code 2, and nothing else."""

    def said(*words: str) -> str:
        assert app.main(list(words)) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        return err

    return said


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a file of tests/golden, or refresh that file with --overwrite."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--overwrite"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check
