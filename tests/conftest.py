"""Options of the whole suite."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pvtprof.cli import app

GOLDEN = Path(__file__).parent / "golden"


def pytest_configure() -> None:
    """Ctrl-C is heard, by what tests start too: a shell's job in the background is deaf to it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--overwrite", action="store_true", help="refresh tests/golden")


@pytest.fixture(scope="session", autouse=True)
def _uncalibrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The user's own calibrations neither change what tests see nor are changed by them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


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
