"""What a sample leaves out is chance, and never a model, a variant or a size as a whole."""

from __future__ import annotations

from itertools import product

import pytest

from tests.trials import sample

EVERY = list(product("abcde", range(7), (True, False)))


@pytest.mark.parametrize("few", [1, 10, 30])
def test_every_value_is_in_a_sample(few: int) -> None:
    taken = sample(EVERY, few, everything=False)
    assert few <= len(taken) <= max(few, 5 + 7 + 2)
    for values, of_all in zip(zip(*taken, strict=True), zip(*EVERY, strict=True), strict=True):
        assert set(values) == set(of_all)
    assert taken == sample(EVERY, few, everything=False)
    assert taken == [case for case in EVERY if case in taken]


def test_everything_is_everything() -> None:
    assert sample(EVERY, 10, everything=True) == EVERY
