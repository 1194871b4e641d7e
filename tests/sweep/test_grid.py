"""The grid of a sweep: every combination once, by words, by index, at random, from a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from pvtprof.errors import PvtprofError, SpecError
from pvtprof.sweep import grid_file
from pvtprof.sweep.closed_forms import ClosedForms
from pvtprof.sweep.grid import MANY, Grid, grid_of
from pvtprof.sweep.planned import Planned

SMALL = {
    "model": ["pvt_v2_b0,pvt_tiny"],
    "design": ["mha", "sra_conv", "sra_pool", "sra_conv,sra_pool,mha,mha"],
    "R": ["8,4,2,1", "4,2,1,1", "4,2,2,1"],
    "pool-size": ["5..7"],
    "img": ["224..288:32", "96x64"],
    "batch": ["1,8"],
    "threads": ["0..2"],
}


def test_every_row_is_in_a_grid_once() -> None:
    rows = list(grid_of(SMALL))
    assert len({row.key for row in rows}) == len(rows) == len(grid_of(SMALL))
    of_each = {"mha": 1, "sra_conv": 3, "sra_pool": 3, "sra_conv,sra_pool,mha,mha": 2 * 3}
    assert len(rows) == 2 * sum(of_each.values()) * 4 * 2 * 3


def test_what_does_not_count_is_written_in_one_way() -> None:
    rows = [row for row in grid_of(SMALL) if row.model == "pvt_v2_b0"]
    assert {row.sr_ratios for row in rows if row.design == "mha"} == {(1, 1, 1, 1)}
    assert {row.pool_size for row in rows if row.design == "sra_conv"} == {7}
    mixed = {row.sr_ratios for row in rows if row.design == "sra_conv,sra_pool,mha,mha"}
    assert mixed == {(8, 1, 1, 1), (4, 1, 1, 1)}


@pytest.mark.parametrize("word", ["mha,mha,mha,mha", " mha", "mha, mha,mha,mha"])
def test_one_variant_for_all_stages_is_one_design(word: str) -> None:
    assert grid_of({"design": [word, "mha"]}) == grid_of({"design": ["mha"]})


def test_a_row_is_found_by_its_index() -> None:
    grid = grid_of(SMALL)
    assert [grid.at(i) for i in range(len(grid))] == list(grid)
    with pytest.raises(IndexError):
        grid.at(len(grid))


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_a_sample_has_distinct_rows_of_the_grid(seed: int) -> None:
    grid = grid_of(SMALL)
    everything = list(grid.sample(len(grid), seed))
    assert sorted(row.key for row in everything) == sorted(row.key for row in grid)
    assert list(grid.sample(50, seed)) == everything[:50]
    assert everything[:50] != list(grid.sample(50, seed + 1))


def test_a_sample_is_the_same_on_every_machine() -> None:
    grid = grid_of({"img": ["32..16384"], "batch": ["1..4096"]})
    found = [(row.design, row.height, row.batch) for row in grid.sample(3, seed=7)]
    assert found == [("mha", 2503, 957), ("mha", 3875, 906), ("mha", 410, 2043)]


def test_a_huge_grid_costs_nothing_until_it_is_asked() -> None:
    grid = grid_of(
        {"img": ["32..16384"], "batch": ["1..4096"], "threads": ["0..512"], "pool-size": ["1..999"]}
    )
    assert grid.count == (1 + 1 + 999) * 16353 * 4096 * 513
    assert len(list(islice(grid, 5))) == 5
    assert len(list(grid.sample(5, seed=3))) == 5
    with pytest.raises(SpecError, match=r"34,[0-9,]+ rows.*--sample N, or write --yes"):
        grid.check_size(yes=False)
    grid.check_size(yes=True)


def test_few_rows_need_no_consent() -> None:
    grid = grid_of({"img": ["224"], "batch": ["1..100"]})
    assert len(grid) == 300 < MANY
    grid.check_size(yes=False)


def test_a_key_is_the_same_in_any_order_and_says_the_row() -> None:
    for row in grid_of(SMALL).sample(40):
        assert Planned.from_key(row.key) == row
    with pytest.raises(SpecError, match="no key"):
        Planned.from_key('{"modle": "pvt_v2_b0"}')


def test_a_row_of_a_design_file_is_of_what_the_file_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    words = {"model": [str(path)], "design": ["mha"], "img": ["32"]}
    before, after, named = (
        edited(path, depth, words | {"set": changes})
        for depth, changes in ((1, []), (2, []), (2, ["pool_size=5"]))
    )
    assert len({before.key, after.key, named.key}) == 3
    assert after.row().macs != edited(path, 1, words).row().macs
    assert Planned.from_key(before.key).row() == before.row()
    with pytest.raises(
        SpecError, match=r"mine.toml was changed since .*; the same sweep once more"
    ):
        after.row()
    with pytest.raises(SpecError, match="was changed since"):
        ClosedForms().of(after)
    assert next(iter(grid_of({"model": ["pvt_v2_b0"]}))).content == ""


def edited(path: Path, depth: int, words: dict[str, list[str]]) -> Planned:
    """The row of a design file that is written anew; its remarks and its layout do not count."""
    path.write_text(
        f"# {depth}\nversion = 2\nembed_dims = [32, 64]\ndepths = [{depth}, 1]\n"
        "num_heads = [1, 2]\nmlp_ratios = [2, 2]\nsr_ratios = [2, 1]\n"
    )
    (row,) = grid_of({name: values for name, values in words.items() if values})
    return row


def test_modules_of_the_users_own_have_their_own_axes() -> None:
    grid = grid_of({"target": ["windows.py:attention"], "at": ["h=64..128:32,w=64"]})
    assert [row.at for row in grid] == ["h=64,w=64", "h=96,w=64", "h=128,w=64"]
    beside = grid_of({"target": ["windows.py:attention"], "model": ["pvt_v2_b0"]})
    assert [row.target or row.design for row in beside] == [
        "windows.py:attention",
        *("mha", "sra_conv", "sra_pool"),
    ]


WRONG = {
    "img is 'x'": {"img": ["x"]},
    "img 1024..224 is empty: 1024 is above 224; write 224..1024": {"img": ["1024..224"]},
    "1024 is above 224; write 224..1024:32": {"img": ["1024..224:32"]},
    "img is 99999999999; use a whole number from 1 to 16384": {"img": ["32..99999999999:1"]},
    "img 224..1024:0 has a step of 0": {"img": ["224..1024:0"]},
    "img '224...1024' is no range": {"img": ["224...1024"]},
    "batch is 0": {"batch": ["0"]},
    "batch is 5000": {"batch": ["1..5000"]},
    "batch is '-1'": {"batch": ["-1"]},
    "unknown dtype 'float23'; did you mean float32": {"dtype": ["float23"]},
    "R has 3 values; use 4": {"R": ["8,4,2"]},
    "R is '8,x,2,1'": {"R": ["8,x,2,1"]},
    "unknown model": {"model": ["pvt_v2_b9"]},
    "unknown attention variant 'mah'": {"design": ["mah"]},
    "has 2 attention variants for the 4 stages": {"design": ["mha,sra_conv"]},
    "part is 'stage 5'; use model, or stage 1 to stage 4": {"part": ["stage 5"]},
    "model has no value, so the grid is empty": {"model": []},
    "unknown option 'modle'; did you mean": {"modle": ["pvt_v2_b0"]},
    "at is for modules of your own": {"at": ["h=64"]},
    "batch is for PVT's models": {"target": ["a.py:b"], "batch": ["8"]},
    "gives a size twice": {"target": ["a.py:b"], "at": ["h=64,h=32"]},
    "unknown device": {"device": ["gpu"]},
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_said_in_one_line(message: str) -> None:
    with pytest.raises(SpecError) as found:
        grid_of(WRONG[message])
    assert message in str(found.value)
    assert "\n" not in str(found.value)


FILES = {
    'modle = "pvt_v2_b0"': "unknown key 'modle'; did you mean mode or model?",
    "pool_size = 7": "unknown key 'pool_size'; did you mean pool-size?",
    "img = 1.5": "img is 1.5, not a whole number of 0 or more or plain text or a list",
    "img = [224, [512]]": "img[1] is [512], not",
    "model = 3": "model is 3, not plain text or a list",
    'budget = "long"': "budget is 'long', not a finite number",
    "analytic = 1": "analytic is 1, not true or false",
    "R = [[8, true]]": "R is [[8, True]]; use a list with a whole number per stage",
    "R = {a = 1}": "R is {'a': 1}; use a list",
    "img = ": "is not TOML",
    "": "has no key; write KEY = VALUE",
    "[grid]\nimg = 224": "unknown key 'grid'",
}


@pytest.mark.parametrize("text", FILES)
def test_a_wrong_file_is_said_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "night.toml"
    path.write_text(text)
    with pytest.raises(PvtprofError) as found:
        grid_file.read(path)
    assert FILES[text] in str(found.value)
    assert str(path) in str(found.value)
    assert "\n" not in str(found.value)
    assert found.value.exit_code == 2


def test_a_store_is_no_file_of_a_sweep() -> None:
    with pytest.raises(SpecError, match=r"`pvtprof sweep -o night.sqlite` goes on with a store"):
        grid_file.read("night.sqlite")


def test_a_file_is_the_same_grid_as_the_options(tmp_path: Path) -> None:
    path = tmp_path / "night.toml"
    path.write_text(
        'model = ["pvt_v2_b0", "pvt_tiny"]\n'
        'design = ["mha", "sra_conv", "sra_pool", "sra_conv,sra_pool,mha,mha"]\n'
        'R = [[8, 4, 2, 1], "4,2,1,1", [4, 2, 2, 1]]\n'
        'pool-size = "5..7"\nimg = ["224..288:32", "96x64"]\nbatch = [1, 8]\nthreads = [0, 1, 2]\n'
        'out = "night.sqlite"\nbudget = 1\n'
    )
    found = grid_file.read(path)
    assert list(grid_of(found.words)) == list(grid_of(SMALL))
    assert found.options == {"out": "night.sqlite", "budget": 1.0}
    assert _ratios("R = [8, 4, 2, 1]", path) == ("8,4,2,1",)


def _ratios(text: str, path: Path) -> tuple[str, ...]:
    path.write_text(text)
    return grid_file.read(path).words["R"]


def test_a_grid_is_gone_through_lazily() -> None:
    grid: Grid = grid_of({"batch": ["1..4096"], "img": ["32..1024"]})
    rows: Iterator[Planned] = iter(grid)
    assert next(rows).batch == 1
