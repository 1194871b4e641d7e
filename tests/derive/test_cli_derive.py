"""``pvtprof derive`` as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvtprof.cli import main

HERE = Path(__file__).parent / "modules.py"


def test_the_text_has_formula_domain_and_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", f"{HERE}:window", "--at", "h=100,w=160"]) == 0
    out = capsys.readouterr().out
    for said in (
        "354,368 b n1",
        "h1 = ceil(h/7)",
        "h, w at least 8",
        "linear in the tokens",
        "torch: agrees exactly at",
        "live bytes: agrees exactly at",
        "At b=1, h=100, w=160:",
        f"{354368 * 15 * 23:,}",
    ):
        assert said in out


def test_a_package_and_a_factory_are_a_target_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "tests.derive.modules:fixed", "--no-verify", "--format", "latex"]) == 0
    assert r"\mathrm{MACs} &= 1024 b" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing"], 2, "is not package.module:factory"),
        (["no_such_module:f"], 2, "does not import: ModuleNotFoundError"),
        (["no_such_file.py:f"], 2, "does not import: FileNotFoundError"),
        ([f"{HERE}:nothing"], 2, "has no attribute 'nothing'"),
        ([f"{HERE}:raises"], 2, "raises KeyError"),
        ([f"{HERE}:three"], 2, "returns tuple; a factory takes no arguments"),
        ([f"{HERE}:branch"], 3, "needs the content of a tensor"),
        ([f"{HERE}:fixed", "--free", "b=0,n=1"], 2, "n is not free: the code fixes it"),
        ([f"{HERE}:fixed", "--free", "n"], 2, "--free 'n' is not understood"),
        ([f"{HERE}:fixed", "--free", "n=7"], 2, "which has no 7"),
        ([f"{HERE}:fixed", "--at", "n"], 2, "'n' is not NAME=SIZE"),
        ([f"{HERE}:fixed", "--at", "m=4"], 2, "no size 'm'"),
        ([f"{HERE}:half", "--range", "h=9..3"], 2, "9 is above 3; give the smaller size first"),
        ([f"{HERE}:half", "--range", "k=3..9"], 2, "no size 'k' is free"),
        (["pvtprof:pvt_v2_b0", "--limit", "0.1"], 3, "longer than its limit"),
        (["pvtprof:nope"], 2, "unknown model 'nope'"),
        (["transformers:Nope"], 2, "no model class 'Nope'"),
    ],
)
def test_bad_input_is_one_line_with_its_exit_code(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["derive", *arguments]) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
