"""The algebra under a derivation: quotients rounded down, what follows, what is assumed."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pvtprof.derive.noting import view_strides
from pvtprof.derive.polynomial import Polynomial
from pvtprof.derive.sizes import Rounded, Sizes

small = st.integers(-9, 9)
sides = st.integers(2, 400)


def at(polynomial: Polynomial, sizes: Sizes, **values: int) -> int:
    for name, made in sizes.definitions.items():
        assert isinstance(made, Rounded)
        values[name] = made.numerator.at(values) // made.divisor.at(values)
    return polynomial.at(values)


@given(h=sides, w=sides, a=small, c=small, e=small, d=st.integers(1, 12), f=st.integers(1, 12))
def test_rounded_quotients_of_quotients_are_right(
    h: int, w: int, a: int, c: int, e: int, d: int, f: int
) -> None:
    sizes = Sizes()
    x, y = sizes.free("h", 100, 2), sizes.free("w", 101, 2)
    inner = sizes.floor(x * a + y * c + e, Polynomial.number(d))
    outer = sizes.floor(inner * 3 + x - 5, Polynomial.number(f))
    assert at(inner, sizes, h=h, w=w) == (a * h + c * w + e) // d
    assert at(outer, sizes, h=h, w=w) == (3 * ((a * h + c * w + e) // d) + h - 5) // f


@given(h=sides, first=st.integers(1, 9), second=st.integers(1, 9), c=st.integers(0, 9))
def test_what_is_known_without_a_guard_is_true(h: int, first: int, second: int, c: int) -> None:
    sizes = Sizes()
    x = sizes.free("h", 97, 2)
    p = sizes.floor(x + c, Polynomial.number(first)) * second
    for relation, holds in (("==", 0), (">=", 1), (">", 2)):
        known = sizes.known(p - x, relation)
        if known is not None:
            value = at(p, sizes, h=h) - h
            assert known == (value == 0, value >= 0, value > 0)[holds]


def test_quotients_made_in_different_ways_are_one_size() -> None:
    sizes = Sizes()
    h = sizes.free("h", 100, 2)
    by = Polynomial.number
    padded = h + (7 - h % 7) % 7 if isinstance(h, int) else h
    rows = sizes.floor(sizes.floor(h + 3, by(4)) + 1, by(2))
    assert rows == sizes.floor(h + 7, by(8))
    assert sizes.floor(padded * 14, by(7)) == h * 2


def test_a_guard_of_divisibility_makes_later_quotients_exact() -> None:
    sizes = Sizes()
    h = sizes.free("h", 64, 2)
    quarter = sizes.floor(h, Polynomial.number(4))
    assert sizes.ask(h - quarter * 4, "==")
    assert sizes.known(sizes.floor(h + 3, Polynomial.number(4)) - quarter, "==") is True
    assert len(sizes.guards) == 1


def test_a_remainder_that_is_not_its_largest_is_its_least() -> None:
    sizes = Sizes()
    h = sizes.free("h", 64, 2)
    odd = -(sizes.floor(-h, Polynomial.number(2)) * 2) - h  # h % 2
    assert not sizes.ask(odd - 1, "==")
    assert sizes.known(odd, "==") is True


def test_an_answer_is_a_guard_only_where_algebra_leaves_it_open() -> None:
    sizes = Sizes()
    h = sizes.free("h", 64, 2)
    assert sizes.ask(h - 1, ">=")
    assert not sizes.ask(h * 2 - 1, "==")
    assert sizes.guards == []
    assert sizes.ask(h - 8, ">=")
    assert sizes.ask(h - 7, ">=")
    assert len(sizes.guards) == 1


@pytest.mark.parametrize("relation", ["==", "!=", ">=", ">", "<", "<="])
def test_each_relation_is_answered_as_the_hints_say(relation: str) -> None:
    for hint in (4, 5, 6):
        sizes = Sizes()
        h = sizes.free("h", hint, 2)
        expected = eval(f"{hint} {relation} 5")
        assert sizes.ask(h - 5, relation) is expected
        assert all(guard.holds({"h": hint}) for guard in sizes.guards)


@given(st.randoms(use_true_random=False))
def test_views_are_laid_out_as_torch_lays_them_out(rng: random.Random) -> None:
    sides = [rng.choice([1, 1, 2, 3, 4, 6]) for _ in range(rng.randint(1, 4))]
    order = rng.sample(range(len(sides)), len(sides))
    tensor = torch.empty(sides, device="meta").permute(order)
    if tensor.shape[0] > 1 and rng.random() < 0.3:
        tensor = tensor[1:]
    wanted, rest = [], tensor.numel()
    while rest > 1 and rng.random() < 0.8:
        wanted.append(rng.choice([k for k in range(1, rest + 1) if rest % k == 0]))
        rest //= wanted[-1]
    wanted.append(rest)
    wanted.insert(rng.randint(0, len(wanted)), 1)
    try:
        expected = list(tensor.view(wanted).stride())
    except RuntimeError:
        expected = None
    assert view_strides(tuple(tensor.shape), tensor.stride(), tuple(wanted)) == expected
