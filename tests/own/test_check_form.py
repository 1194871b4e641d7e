"""`pvtprof check BASELINE` holds the closed form of a user's own module, not the number alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pvtprof.cli import main

SOURCE = """
import torch
from torch import nn


class Half(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        kept = KEPT
        return RETURNED


def factory():
    return Half(), torch.zeros(1, 64, 8)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def wrote(kept: str, returned: str = "self.fc(x[:, :kept])") -> None:
    Path("half_of_it.py").write_text(SOURCE.replace("KEPT", kept).replace("RETURNED", returned))
    sys.modules.pop("half_of_it", None)


def checked(*words: str) -> int:
    return main(["check", "baseline.json", *words])


def test_a_changed_form_is_a_change_where_the_number_is_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrote("x.shape[1] // 2")
    assert checked("--update", "--target", "half_of_it.py:factory") == 0
    assert checked() == 0
    assert "every exact figure of 1 row, and the closed form, is as in" in capsys.readouterr().out
    wrote("32")
    assert checked() == 1
    out = capsys.readouterr().out
    assert "closed form of MACs: 64 b n1 -> 2,048 b" in out.replace("n2", "n1")
    assert "closed form of sizes: n1 = floor(n/2) -> " in out
    assert "count" not in out  # no figure of the example changed
    assert checked("--update") == 0
    assert checked() == 0


def test_a_baseline_of_an_earlier_version_holds_no_form_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrote("x.shape[1] // 2")
    assert checked("--update", "--target", "half_of_it.py:factory") == 0
    document = json.loads(Path("baseline.json").read_text())
    del document["form"]
    Path("baseline.json").write_text(json.dumps(document))
    capsys.readouterr()
    assert checked() == 0
    out = capsys.readouterr().out
    assert "holds no closed form: an earlier pvtprof wrote it; --update adds it" in out
    assert "check: every exact figure of 1 row is as in baseline.json" in out


def test_a_module_without_a_form_is_held_by_its_figures_and_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrote("32 if x.sum() >= 0 else 16")
    assert checked("--update", "--target", "half_of_it.py:factory") == 0
    assert checked() == 0
    out = capsys.readouterr().out
    assert "no closed form is held: the forward needs the content of a tensor" in out
    assert "check: every exact figure of 1 row is as in baseline.json" in out
    wrote("x.shape[1] // 2", '{"out": self.fc(x[:, :kept])}')
    assert checked("--update", "--target", "half_of_it.py:factory") == 0
    assert checked() == 0
    assert "and the closed form," in capsys.readouterr().out
