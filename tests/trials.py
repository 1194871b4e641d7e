"""How much is tried (everything with PVTPROF_TRIALS=all, else a sample), and how long is waited."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from typing import TypeVar

import pytest

#: Whether everything is tried (minutes more), or a sample with a fixed seed.
ALL = os.environ.get("PVTPROF_TRIALS") == "all"
#: A test of many seconds, whose matter `make test` tries in a smaller form.
costly = pytest.mark.skipif(not ALL, reason="seconds: with PVTPROF_TRIALS=all")
#: Seconds until what does not end is a failure: a busy machine takes its time.
PATIENCE_S = 600
Case = TypeVar("Case", bound=tuple[object, ...])


def sample(cases: Iterable[Case], few: int, everything: bool = ALL) -> list[Case]:
    """``few`` of the cases, the same ones each time; every value that occurs is in one of them.

    More than ``few`` where the values need more, and then as few as a greedy choice finds; in
    their own order.
    """
    every = list(cases)
    if everything:
        return every
    drawn = random.Random(0).sample(every, len(every))
    missing = {value for case in every for value in enumerate(case)}
    kept: list[Case] = []
    while missing:
        kept.append(max(drawn, key=lambda case: len(missing & set(enumerate(case)))))
        missing -= set(enumerate(kept[-1]))
    rest = [case for case in drawn if case not in kept]
    kept += rest[: max(0, few - len(kept))]
    return [case for case in every if case in kept]
