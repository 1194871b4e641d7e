"""The gate of a PVT of the user's own: a baseline that reads its design file again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pvtprof
from pvtprof.check import baseline as baselines
from pvtprof.cli import app
from pvtprof.designs.workload import workload
from pvtprof.observe import building
from pvtprof.run import recipes
from tests.trials import costly

TEXT = """
version = 2
embed_dims = [8]
depths = [1]
num_heads = [2]
mlp_ratios = [2]
sr_ratios = [2]
qkv_bias = false
"""
OWN = f"{TEXT}in_chans = 2\npatch_sizes = [5]\nstrides = [3]\nlinear = true\nattention = 'sra_conv'"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("my_pvt.toml").write_text(TEXT)
    return tmp_path


def test_a_baseline_of_a_published_model_is_written_as_before() -> None:
    path = Path(__file__).parents[2] / "reports" / "baseline-pvt_v2_b2-224.json"
    again = json.loads(baselines.dumps(baselines.load(path)))
    assert again["workload"] == json.loads(path.read_text())["workload"]


def test_the_gate_reads_the_design_file_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ["check", "b.json", "--update", "--model", "my_pvt.toml", "--set", "in_chans=1"]
    assert app.main([*made, "--img", "32", "--device", "cpu"]) == 0
    Path("my_pvt.toml").write_text(TEXT.replace("sr_ratios = [2]", "sr_ratios = [4]"))
    capsys.readouterr()
    assert app.main(["check", "b.json"]) == 1
    out = capsys.readouterr().out
    assert "- my_pvt.toml: sr_ratios was [2] in the baseline, and is [4]" in out
    assert "stage 1 sra_conv: params: 544 -> 1,312 (+768)" in out
    assert "stage 1 mha" not in out
    assert app.main(["check", "b.json", "--update"]) == 0
    held = json.loads(Path("b.json").read_text())["workload"]
    assert (held["given"], held["changes"]) == ("my_pvt.toml", ["in_chans=1"])
    assert held["model"]["stages"][0]["sr_ratio"] == held["sr_ratios"][0] == 4
    Path("my_pvt.toml").unlink()
    assert app.main(["check", "b.json"]) == 2
    assert "cannot read my_pvt.toml" in capsys.readouterr().err


@costly
def test_a_baseline_holds_a_network_that_was_given_as_a_value(folder: Path) -> None:
    spec = pvtprof.ModelSpec("mine", 2, (pvtprof.StageSpec(8, 1, 2, 2, 2),), pool_size=2)
    pvtprof.check("b.json", update=True, model=spec, img=32, device="cpu")
    found = baselines.load("b.json")
    assert found.workload.model == spec
    assert pvtprof.check("b.json").status == "passed"


def test_another_version_builds_a_design_from_its_recipe(folder: Path) -> None:
    Path("my_pvt.toml").write_text(OWN)
    asked = workload("my_pvt.toml", 48)
    found = json.loads(json.dumps(recipes.of_rows(asked.designs, asked.setting)))
    for design in asked.designs:
        module, (image,) = building._own(found[f"model {design.name}"])
        assert image.shape == (1, 2, 48, 48)
        expected = pvtprof.build_model(design.spec)
        shapes = {name: p.shape for name, p in module.named_parameters()}
        assert shapes == {name: p.shape for name, p in expected.named_parameters()}
