"""Timing that ends after eight rounds, without warming up, however long the rounds take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pvtprof.observe import latency

#: Seconds of a budget that no machine needs, however busy: the rounds end the measuring.
PLENTY_S = 3600
#: What eight_rounds does, as the first lines of the script of another process.
SCRIPT = """
from pvtprof.observe import latency
latency.MOST_ROUNDS, latency.WARM_UP_S = 8, dict.fromkeys(latency.WARM_UP_S, 0.0)
"""


@contextmanager
def eight_rounds() -> Iterator[None]:
    """Whatever is timed in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "MOST_ROUNDS", 8)
        patch.setattr(latency, "WARM_UP_S", dict.fromkeys(latency.WARM_UP_S, 0.0))
        yield
