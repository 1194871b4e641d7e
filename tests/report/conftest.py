"""What the tests of pages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the pages of a file; its loop does not go on beside tests of processes."""
    with chromium() as found:
        yield found
