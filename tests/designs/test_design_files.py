"""Design files: what they may say, what is refused in one line, and what --set changes."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

import pvtprof
from pvtprof.cli import app
from pvtprof.designs.chosen import words_of
from pvtprof.designs.design_file import ELSEWHERE, KEYS, read, spec_of
from pvtprof.designs.design_text import text
from pvtprof.designs.named import network
from pvtprof.designs.published import LINEAR, MODELS, NAMEABLE
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.errors import PvtprofError, SpecError
from tests.trials import costly

GOOD = {
    "version": "2",
    "embed_dims": "[16, 24]",
    "depths": "[1, 2]",
    "num_heads": "[1, 3]",
    "mlp_ratios": "[4, 2]",
    "sr_ratios": "[2, 1]",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, file: str = "my_pvt.toml", /, **values: str) -> str:
    """A design file with these values of TOML on top of a good one; "" leaves a key out."""
    lines = {key: value for key, value in (GOOD | values).items() if value}
    (folder / file).write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
    return file


@pytest.mark.parametrize("name", NAMEABLE)
def test_a_model_as_a_design_file_is_that_model(name: str, folder: Path) -> None:
    Path("file.toml").write_text(text(NAMEABLE[name], name))
    assert read("file.toml") == NAMEABLE[name]


def test_a_file_is_called_as_it_is_unless_it_says_otherwise(folder: Path) -> None:
    assert read(written(folder, "my pvt.toml")).name == "my-pvt"
    assert read(written(folder, name='"narrow"')).name == "narrow"


def test_what_is_left_out_is_as_in_the_published_models(folder: Path) -> None:
    spec = read(written(folder))
    assert [stage.variant for stage in spec.stages] == ["sra_conv", "sra_conv"]
    assert all(stage.qkv_bias for stage in spec.stages)
    assert (spec.in_chans, spec.num_classes, spec.pool_size, spec.patches) == (3, 1000, 7, ())


def test_linear_pools_every_stage_and_a_given_attention_stays(folder: Path) -> None:
    spec = read(written(folder, linear="true"))
    assert spec.mlp_relu
    assert [stage.variant for stage in spec.stages] == ["sra_pool", "sra_pool"]
    mixed = read(written(folder, linear="true", attention='["sra_pool", "mha"]'))
    assert mixed.mlp_relu
    assert [stage.variant for stage in mixed.stages] == ["sra_pool", "mha"]


def test_v1_takes_patch_size_for_stage_1_and_leaves_the_class_tokens_stage_plain(
    folder: Path,
) -> None:
    spec = read(written(folder, version="1", patch_size="8", attention='"sra_pool"'))
    assert spec.patches == ((8, 8, 0), (2, 2, 0))
    assert [stage.variant for stage in spec.stages] == ["sra_pool", "mha"]


def test_v2_pads_half_of_a_patch(folder: Path) -> None:
    spec = read(written(folder, patch_sizes="[15, 4]", strides="[8, 2]"))
    assert spec.patches == ((15, 8, 7), (4, 2, 2))


def test_num_stages_takes_the_first_as_the_official_code_does(folder: Path) -> None:
    assert read(written(folder, num_stages="1")).stages == read(written(folder)).stages[:1]


#: Values of a file, and what the one line of the refusal says.
BAD = {
    ("embed_dim", "[16, 24]"): "unknown key 'embed_dim'; did you mean embed_dims",
    ("hidden_sizes", "[16, 24]"): "unknown key 'hidden_sizes'; write embed_dims",
    ("drop_path_rate", "0.1"): "drop_path_rate is nothing that pvtprof's networks have; leave it",
    ("depths", "[1, 2, 3]"): "embed_dims has 2 values and depths has 3; give one per stage",
    ("depths", ""): "depths is missing; give a list, one value per stage",
    ("depths", "[]"): "embed_dims has 2 values and depths has 0",
    ("depths", "[1, 0]"): "depths of stage 2 is 0; use a whole number from 1 to 1000",
    ("depths", "[1, 2.5]"): "depths of stage 2 is 2.5; use a whole number from 1 to 1000",
    ("depths", "[1, true]"): "depths of stage 2 is true; use a whole number from 1 to 1000",
    ("depths", "3"): "depths is 3; use a list, one value per stage",
    ("num_heads", "[1, 5]"): "stage 2: dim 24 is not divisible by num_heads 5; use one of 1, 2, 3",
    ("num_stages", "3"): "num_stages is 3, and embed_dims has 2 values; give one per stage",
    ("num_stages", "7"): "num_stages is 7; use a whole number from 1 to 6",
    ("version", "3"): "version is 3; use 1 (PVT) or 2 (PVT v2)",
    ("version", ""): "version is missing; use 1 (PVT) or 2 (PVT v2)",
    ("qkv_bias", "1"): "qkv_bias is 1; use true or false",
    ("qkv_bias", "[true]"): "qkv_bias has 1 value for 2 stages; give one per stage",
    ("attention", "3"): "attention is 3; use mha, sra_conv, sra_pool, or a list of one per stage",
    ("attention", '"sra"'): "unknown attention 'sra'; did you mean sra_conv or sra_pool",
    ("attention", '["mha", "sra"]'): "unknown attention of stage 2 'sra'",
    ("patch_size", "8"): "PVT v2's official code ignores it",
    ("strides", "[4]"): "strides has 1 value for 2 stages",
    ("paddings", "[9, 0]"): "padding 9 is more than half of the patch of 7",
    ("in_chans", "0"): "in_chans is 0; use a whole number from 1",
    ("img_size", "[224]"): "img_size is [224]; use a side, or [height, width]",
    ("name", '"../x"'): "name is '../x'; use a text of letters, digits",
    ("name", "5"): "name is 5; use a text of letters, digits",
    ("name", '"pvt_v2_b2"'): "published model of that name differs in embed_dims; give it another",
    ("sr_ratios", "[2, "): "my_pvt.toml is not TOML",
    ("qkv_bias", "False"): "write KEY = VALUE, lists in [ ], true or false",
    ("mlp_ratios", "[4, 9" + "9" * 5000 + "]"): "a number in it has too many digits",
    ("k" * 5000, "1"): f"unknown key '{'k' * 60}'; use one of",
}


@pytest.mark.parametrize(("key", "value"), BAD)
def test_what_cannot_be_is_refused_in_one_line(
    key: str, value: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(folder, **{key: value})
    assert app.main(["models", path]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    assert "my_pvt.toml" in err
    assert BAD[key, value] in err


def test_v1_refuses_what_only_v2_has(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"my_pvt\.toml: only PVT v2 has linear"):
        read(written(folder, version="1", linear="true"))
    with pytest.raises(SpecError, match="patches of PVT v1 do not overlap"):
        read(written(folder, version="1", strides="[2, 2]"))
    with pytest.raises(SpecError, match="stage 2 of my_pvt has a class token"):
        read(written(folder, version="1", sr_ratios="[2, 2]"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot read my.toml: No such file"),
        (lambda path: path.mkdir(), "cannot read my.toml: Is a directory"),
        (lambda path: path.write_bytes(b"\0\xff"), "my.toml is not a text file"),
        (lambda path: path.write_text("{}"), "my.toml is not TOML"),
        (lambda path: path.write_text("x=" + "[" * 10_000), "my.toml is not TOML"),
        (lambda path: path.write_text(" " * 2**21), "which is no design file"),
        (os.mkfifo, "my.toml is no regular file"),  # reading it would never end
    ],
)
def test_what_is_no_design_file_is_refused(make: object, message: str, folder: Path) -> None:
    make(Path("my.toml"))  # type: ignore[operator]
    with pytest.raises(PvtprofError, match=message) as refusal:
        network("my.toml")
    assert refusal.value.exit_code == 2


def test_an_r_larger_than_its_grid_is_refused_at_the_size(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(folder, sr_ratios="[9, 1]")
    assert app.main(["compare", "--model", path, "--img", "32", "--analytic"]) == 2
    assert "stage 1: R 9 is larger than the 8x8 token grid" in capsys.readouterr().err


def test_settings_on_top_change_what_they_name_and_the_name() -> None:
    spec = network("pvt_v2_b2", ["depths=3,4,18,3", "in_chans=4"])
    assert spec.name == "pvt_v2_b2+depths=3,4,18,3+in_chans=4"
    assert replace(spec, name="pvt_v2_b3", in_chans=3) == MODELS["pvt_v2_b3"]
    assert network("pvt_v2_b2", ["in_chans=3"]) == MODELS["pvt_v2_b2"]
    assert network("pvt_v2_b2", ["num_stages=3", "name=three"]).name == "three"
    assert network("pvt_v2_b5", ["linear=true"]).stages == LINEAR["pvt_v2_b5_li"].stages
    assert network("pvt_v2_b5_li", ["linear=false"]).stages == MODELS["pvt_v2_b5"].stages
    assert network("pvt_tiny", ["img_size=64x96"]).built == (64, 96)


def test_many_settings_make_a_name_that_a_file_can_have() -> None:
    spec = network("pvt_v2_b2", [f"{key}=1,1,1,1" for key in GOOD if key != "version"])
    assert len(spec.name) < 100
    assert spec.name != network("pvt_v2_b2", ["embed_dims=2,2,2,2", "num_heads=1,1,1,1"]).name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["depths"], "--set 'depths' is not KEY=VALUE"),
        (["=3"], "--set '=3' is not KEY=VALUE"),
        (["depths=3,4"], "pvt_v2_b2 with --set depths=3,4: embed_dims has 4 values and depths has"),
        (["depth=3,4,6,3"], "unknown key 'depth'; did you mean depths"),
        (["linear=1"], "linear is 1; use true or false"),
        (["in_chans=4", "in_chans=3"], "--set in_chans is given 2 times; give it once"),
        (["name=pvt_v2_b1"], "the published model of that name differs in depths"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: list[str], message: str) -> None:
    with pytest.raises(SpecError) as refusal:
        network("pvt_v2_b2", changes)
    assert message in str(refusal.value)


def test_python_takes_a_spec_a_path_and_a_name(folder: Path) -> None:
    path = written(folder)
    spec = pvtprof.ModelSpec("mine", 2, (pvtprof.StageSpec(8, 1, 2, 2, 2),))
    run = pvtprof.compare([Path(path), path, spec, "pvt_v2_b0_li"], img=64, analytic=True)
    assert [one.model for one in run.comparisons] == ["my_pvt", "mine", "pvt_v2_b0_li"]
    assert {row.part.name for row in run.comparisons[1].rows} == {"stage 1", "model"}
    assert (
        sum(p.numel() for p in pvtprof.build_model(path).parameters())
        == (pvtprof.models(64, path)[0]["params"])
    )


@costly
def test_the_keys_of_transformers_are_those_of_its_configurations() -> None:
    transformers = pytest.importorskip("transformers")
    its = vars(transformers.PvtConfig()) | vars(transformers.PvtV2Config())
    assert {key for key in ELSEWHERE if key not in its} <= {"num_labels"}  # which is a property
    assert set(ELSEWHERE.values()) <= set(KEYS)


def test_a_value_in_python_that_cannot_be_is_refused() -> None:
    stages = (pvtprof.StageSpec(8, 1, 2, 2, 2),)
    for make, message in (
        (lambda: pvtprof.StageSpec(8, 1, 1, 1, 1, qkv_bias="no"), "qkv_bias is 'no'; use true"),
        (lambda: pvtprof.StageSpec(2**80 + 1, 1, 2, 1, 1), "num_heads 2; use one of 1"),
        (lambda: pvtprof.StageSpec(55440, 1, 13, 1, 1), "use one of 4, 5, 6, 7, 8, 9, 10, 11, 12,"),
        (lambda: pvtprof.ModelSpec("x", 2, list(stages)), "stages of x must be a tuple"),
        (lambda: network(pvtprof.ModelSpec("a\nb", 2, stages)), r"name is 'a\\nb'; use a text"),
        (lambda: words_of(3), "designs is 3; use a list of designs"),
        (lambda: words_of([3]), "design is 3; use a variant such as 'sra_conv'"),
        (lambda: pvtprof.reconcile(""), "'' is not a printed number of operations"),
        (lambda: pvtprof.reconcile(), "give a printed figure, such as"),
    ):
        with pytest.raises(SpecError, match=message):
            make()  # type: ignore[no-untyped-call]


def test_a_file_may_have_commas_in_its_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the names that --set gives."""
    path = written(folder, "my_pvt+depths=1,2.toml")
    assert app.main(["models", path, "--model", "pvt_tiny,pvt_small", "--format", "csv"]) == 0
    names = [line.split(",pvt")[0] for line in capsys.readouterr().out.splitlines()]
    assert len(names) == 4
    assert app.main(["fit", "--model", path, "--memory", "1GiB", "--format", "csv"]) == 0


def test_two_models_of_one_name_are_refused(folder: Path) -> None:
    (folder / "other").mkdir()
    path = written(folder)
    other = written(folder, "other/my_pvt.toml", depths="[1, 1]")
    with pytest.raises(SpecError, match="two different models are called my_pvt"):
        pvtprof.compare([path, other], img=64, analytic=True)


def test_the_command_of_a_run_repeats_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(folder, "my pvt.toml")
    words = ["compare", "--model", path, "--img", "64", "--set", "depths=1, 1"]
    words += ["--design", "late=sra_pool,mha", "--analytic", "--format", "json"]
    assert app.main(words) == 0
    command = json.loads(capsys.readouterr().out)["command"]
    assert command == (
        "pvtprof compare --model 'my pvt.toml' --set 'depths=1, 1' --img 64 --R 2,1 "
        "--design late=sra_pool,mha --analytic"
    )


def test_a_run_of_a_design_of_ones_own_is_loaded_as_it_was_saved(folder: Path) -> None:
    run = pvtprof.compare(written(folder, qkv_bias="false"), img=64, analytic=True)
    run.save("run.json")
    assert pvtprof.load("run.json") == run


def test_show_prints_what_a_file_can_start_from(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["models", "--show", "PVTv2-B1", "--set", "in_chans=1"]) == 0
    Path("mine.toml").write_text(capsys.readouterr().out)
    assert read("mine.toml") == replace(MODELS["pvt_v2_b1"], name="mine", in_chans=1)


def test_values_are_checked_without_a_file() -> None:
    values = {key: json.loads(value) for key, value in GOOD.items()}
    stages = (StageSpec(16, 1, 1, 4, 2), StageSpec(24, 2, 3, 2, 1))
    assert spec_of(values | {"mlp_ratios": [4.0, 2]}, "x") == ModelSpec("x", 2, stages)
