"""Words that a command does not understand are answered with words that work; notes on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvtprof.cli import app
from pvtprof.errors import SpecError
from pvtprof.observe.target import load

#: A command line, and a part of its one line on stderr; the exit code is 2.
WRONG = {
    "compare pvt_v2_b2": "write --model pvt_v2_b2",
    "compare windows.py:attention": "write --target windows.py:attention",
    "compare 224": "write --img 224",
    "fit 24GiB": "write --memory 24GiB",
    "choose 50ms": "write --within 50ms",
    "choose --max-latency 50ms": "write --within",
    "compare --input-shape 1,3,224,224": "write --img 224, without channels",
    "calibrate nonsense": "unexpected extra argument (nonsense); join several values with commas",
    "compare --img 800 1280": "write --img 800x1280",
    "compare --analytic --R 8 4 2 1": "write --R 8,4,2,1",
    "compare --analytic --img 3,224,224": "write --img 224, without channels",
    "compare --analytic --img 1 3 224 320": "write --img 224x320, without channels",
    "fit --img=3x224x224": "write --img 224, without channels",
    "compare --analytic --R 8,4,2,1 --R 4,2,1,1": "--R is given 2 times; give it once",
    "models --format csv --format=json": "--format is given 2 times; give it once",
    "formula sra_conv --at img=512,R=8": "2 settings; write --at img=512 --at R=8",
    "--model pvt_v2_b2": "write the command first, such as `pvtprof compare --model`",
    "compare --analytic --calibrate": "`pvtprof calibrate` does it",
    "compare --analytic --memory 24GiB": "`pvtprof fit` and `pvtprof choose` have it",
    "derive tests.cli.test_spelling:no": "; it has test_wrong_words_are_answered_with_words",
    "compare --target m.py:a,m.py:b": "give --target again for another",
    "compare --budget 30s": "'30s' is not a number; give one, such as 30",
    "compare --batch 1,4": "'1,4' is not a whole number; give one, such as 1",
    "compare --pool-size 7x7": "'7x7' is not a whole number; give one, such as 7",
    "compare --tf32 --analytic": "--tf32 needs a value before --analytic",
    "compare --variant mha": "'--variant'; compare shows the three designs in every stage",
    "compare --stage 1": "'--stage'; compare shows the three designs in every stage",
    "fit --memory 24G": "units are KiB, MiB, GiB, TiB, KB, MB, GB and TB",
    "fit --mode training": "'--mode'; fit answers for inference and for training",
    "fit -o x.json": "redirect stdout: `pvtprof fit --format json > FILE`",
    "formula sra_conv --img 512": "put numbers in with --at, such as --at img=512",
    "models --set depths=1,1,1,1": "--set changes a model: name one",
    "models pvt_v2_b2 --show pvt_v2_b2": "--show prints one model; leave the others out",
    "check --samples now.json": "--samples needs the earlier file first",
    "check b.json --update --target m:f --model pvt_v2_b2": "--model is for PVT's models",
    "check b.json --update --target m:f --R 8,4,2,1": "--R is for PVT's models",
    "check --base main --fail-on 5%": "use latency:2% to latency:100%",
    "derive m:f --range h=512..64": "512 is above 64; give the smaller size first",
    "derive no_such_package:f": "a target is package.module:factory, file.py:factory",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_words_are_answered_with_words_that_work(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(line.split()) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    assert WRONG[line] in err


#: A command line, and its note on stderr; the exit code is 0.
NOTED = {
    "compare --analytic --img 800,1280": "one of 800 by 1280 is --img 800x1280",
    "compare --analytic --pool-size 500": "larger than the 56x56 token grid of stage 1 of pvt_v2",
    "compare --analytic --pool-size 8": "larger than the 7x7 token grid of stage 4 of pvt_v2_b2",
    "fit --memory 24GiB --pool-size 500": "sra_pool has more keys than tokens there",
    "compare --analytic --budget 5": "--budget has no effect: --analytic measures nothing",
    "compare --analytic --tf32 on": "--tf32 has no effect: --analytic measures nothing",
    "compare --analytic --device cpu": "--device has no effect: --analytic measures nothing",
    "formula mha --at R=8,4,2,1": "--at R has no effect on mha: only sra_conv uses it",
    "formula sra_conv --at pool-size=3": "--at pool-size has no effect on sra_conv",
    "compare --analytic --cuda-graph": "--cuda-graph has no effect: --analytic measures nothing",
}


@pytest.mark.parametrize("line", NOTED)
def test_what_may_not_be_meant_is_noted(
    line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert app.main(line.split()) == 0
    assert NOTED[line] in capsys.readouterr().err


def test_the_package_that_is_missing_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package timm imports another, and that one is not there."""

    def import_module(name: str) -> None:
        raise ModuleNotFoundError("No module named 'torchvision'", name="torchvision")

    monkeypatch.setattr("pvtprof.observe.target.importlib.import_module", import_module)
    with pytest.raises(SpecError, match=r"needs torchvision .*: pip install torchvision"):
        load("timm:resnet18")


def test_a_usual_pool_size_gets_no_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["compare", "--model", "pvt_tiny", "--analytic", "--pool-size", "14"]) == 0
    assert "--pool-size" not in capsys.readouterr().err
