"""`pvtprof reconcile` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pvtprof
from pvtprof.cli import app

OWN = """
import torch
from torch import nn


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.linear = nn.Linear(8, 8)

    def forward(self, x):
        x = self.linear(self.norm(self.conv(x)).flatten(2).transpose(1, 2))
        return x.transpose(1, 2) @ x


def own():
    return Own().eval(), torch.zeros(1, 3, 16, 16)
"""
CONV, LINEAR, PRODUCT = 16 * 16 * 8 * 27, 16 * 16 * 64, 8 * 8 * 256


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["4.0G", "--model", "pvt_v2_b2"], 0, ["4,026,734,592", "4,044,719,552", "4,045,817,152"]),
        (["46.6G", "--img", "224", "--task", "classify"], 3, ["ways to count gives 46.6G"]),
        (["25M", "--img", "224", "--task", "classify"], 3, ["write --params 25M"]),
        (["--params", "3.4M", "--model", "pvt_v2_b0"], 0, ["3,409,760: every parameter without"]),
        (["11.7G", "--model", "pvt_v2_b5", "--img", "224"], 0, ["11,717,260,288"]),
        (["4.0G", "--set", "in_chans=4", "--img", "224"], 0, ["in_chans=4"]),
    ],
)
def test_what_is_printed(
    args: list[str], code: int, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["reconcile", *args]) == code
    out, err = capsys.readouterr()
    assert all(word in out for word in words), out
    assert err == ""


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["abcG"], "'abcG' is not a printed number"),
        (["0"], "'0' is not a printed number"),
        (["-3G"], "No such option"),
        (["--", "-3G"], "'-3G' is not a printed number"),
        (["4G", "--model", "pvt_v2_b9"], "did you mean pvt_v2_b5"),
        (["4G", "--task", "detect"], "unknown task 'detect'"),
        (["4G", "--img", "0"], "image height is 0"),
        (["4G", "--params", "manyM"], "'manyM' is not a printed number of parameters"),
        ([], "give a printed figure, such as 46.6G"),
        (["4G", "--at", "h=8"], "name one with --target"),
        (["4G", "--target", "own.py:own", "--img", "224"], "--img is for PVT's models"),
        (["4G", "--target", "own.py:own", "--at", "zz=8"], "the module has no size 'zz'"),
    ],
)
def test_bad_input_is_one_line(
    args: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(OWN)
    assert app.main(["reconcile", *args]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_json_has_every_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["reconcile", "3.9G", "--model", "pvt_v2_b2_li", "--format", "json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    (found,) = pvtprof.reconcile("3.9G", "pvt_v2_b2_li")
    assert [one["count"] for one in record["explanations"]] == [o.count for o in found.explanations]
    assert record["readings"] == found.tried
    assert record["explanations"][0]["convention"] == "fvcore"


def test_a_module_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(OWN)
    whole = CONV + LINEAR + PRODUCT
    for count, word in {whole: "counted", whole - PRODUCT: "left out", 2 * whole: "FLOPs"}.items():
        assert app.main(["reconcile", str(count), "--target", "own.py:own"]) == 0, count
        out = capsys.readouterr().out
        assert f"{count:,}" in out
        assert word in out
    for params, part in {224 + 16 + 72: "sum(p.numel())", 224 + 16 + 72 + 17: "buffer"}.items():
        args = ["reconcile", "--params", f"{params / 1e6:.6f}M", "--target", "own.py:own"]
        assert app.main(args) == 0
        assert part in capsys.readouterr().out
    assert app.main(["reconcile", "777", "--target", "own.py:own"]) == 3


def test_python_takes_what_the_command_takes() -> None:
    operations, params = pvtprof.reconcile(
        "33.2", "pvt_tiny", params="17.0", img=512, task="semantic-fpn"
    )
    assert operations.explanations[0].reading.image == (512, 512)
    assert params.explanations[0].reading.task == "semantic-fpn"
