"""What tests and the examples in docstrings share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _uncalibrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The user's own calibrations neither change what tests see nor are changed by them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield
