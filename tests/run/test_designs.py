"""Designs of the user's own choice in place of the three: tables, sentences and files of them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

import pvtprof
from pvtprof.cli import app
from pvtprof.designs.published import MODELS
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.errors import SpecError
from pvtprof.report import notes, sentences, terminal_full
from pvtprof.report.figures import latency
from pvtprof.report.page import html
from tests.builders import TWO, observed_run

MIXED = ("sra_pool", "sra_pool", "sra_pool", "mha")
SMALL = {"model": "pvt_v2_b0", "img": 64, "sr_ratios": (2, 2, 1, 1)}


def test_a_design_has_its_variant_in_each_stage_and_a_name() -> None:
    run = pvtprof.compare(**SMALL, designs=[MIXED, "sra_conv"], analytic=True)
    assert run.variants == ("pool-pool-pool-mha", "sra_conv")
    assert [run.row(i, "pool-pool-pool-mha").runs_as for i in range(1, 5)] == list(MIXED)
    whole = MODELS["pvt_v2_b0"].with_attention(MIXED, (2, 2, 1, 1))
    assert run.row(None, "pool-pool-pool-mha").design.spec == whole


def test_one_mixed_design_is_the_sum_of_its_stages() -> None:
    designs = {"late": ("sra_pool", "mha"), "mha": "mha", "sra_pool": "sra_pool"}
    first, last = TWO.stages
    spec = replace(TWO, stages=(first, replace(last, depth=2)))
    run = pvtprof.compare(spec, 64, designs=designs, budget_s=0, device="cpu")
    assert run.agrees
    for name in ("macs", "params"):
        whole = {design: getattr(run.row(None, design), name) for design in run.variants}
        blocks = run.row(2, "mha").blocks
        stage = [getattr(run.row(2, design), name) for design in ("mha", "sra_pool")]
        assert whole["late"] - whole["sra_pool"] == blocks * (stage[0] - stage[1])


def test_others_are_held_against_the_first_design_by_its_name() -> None:
    run = observed_run(**SMALL, designs=["sra_conv", "late=" + ",".join(MIXED), "mha"])
    text = terminal_full.render(run, 200)
    assert "late/conv" in text
    assert "mha/conv" in text
    said = list(sentences.sentences(run))
    assert any(line.startswith("late needs ") and "of sra_conv's MACs" in line for line in said)
    assert not any("of mha's" in line for line in said)
    info = latency.latency_info(run)
    assert info is not None
    assert info.reference == "sra_conv"
    assert {share.design for place in info.places for share in place.shares} == {"late", "mha"}
    assert latency.draw_latency(info).layout.yaxis.title.text == "share of sra_conv"


def test_the_page_of_chosen_designs_says_the_same() -> None:
    run = observed_run(**SMALL, designs=["sra_conv", "late=" + ",".join(MIXED)])
    page = html.render(run)
    assert "as shares of sra_conv&#39;s" in page
    assert "of mha&#39;s MACs" not in page


def test_one_design_alone_is_compared_with_nothing() -> None:
    run = observed_run(**SMALL, designs=["sra_pool"])
    assert sentences.savings(run) == ()
    assert "/" not in terminal_full.render(run, 200).splitlines()[1]
    info = latency.latency_info(run)
    assert info is not None
    assert info.reference == "the whole network"
    assert "attention is" in html.render(run)


def test_a_stage_is_called_plain_where_it_is_so_against_its_design() -> None:
    run = pvtprof.compare(**SMALL, designs={"late": MIXED, "sra_conv": "sra_conv"}, analytic=True)
    said = [line for line in notes.notes(run) if "plain" in line]
    assert said == [
        "stage 3 sra_conv is plain mha here: R is 1.",
        "stage 4 sra_conv is plain mha here: R is 1.",
    ]
    v1 = pvtprof.compare("pvt_tiny", 64, (2, 2, 1, 1), designs=["sra_pool"], analytic=True)
    said = [line for line in notes.notes(v1) if "plain" in line]
    assert said == ["stage 4 sra_pool is plain mha here: the class token cannot be pooled."]


def own(*variants: str) -> ModelSpec:
    return ModelSpec("own_pvt", 2, tuple(StageSpec(8, 1, 1, 2, 2, v) for v in variants))


def test_a_models_own_attention_stands_beside_the_three_where_it_is_none_of_them() -> None:
    run = pvtprof.compare(own("sra_pool", "mha"), 64, analytic=True)
    assert run.variants == ("mha", "sra_conv", "sra_pool", "own")
    assert run.row(None, "own").design.spec == own("sra_pool", "mha")
    assert run.row(None, "own").runs_as == "sra_pool"
    assert pvtprof.compare(own("sra_pool", "sra_pool"), 64, analytic=True).variants == (
        ("mha", "sra_conv", "sra_pool")
    )
    three = pvtprof.compare(own("sra_pool", "sra_conv", "mha"), 64, analytic=True)
    assert three.row(None, "own").runs_as == "mixed"


def test_r_and_pool_size_are_the_models_own_unless_they_are_given() -> None:
    spec = replace(own("sra_pool", "mha"), pool_size=3)
    assert pvtprof.compare(spec, 64, analytic=True).row(1, "own").kv_tokens == 9
    assert pvtprof.compare(spec, 64, pool_size=2, analytic=True).row(1, "own").kv_tokens == 4


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("mha,sra_conv", "has 2 attention variants for the 4 stages of pvt_v2_b0"),
        ("sra", "unknown attention variant 'sra'; did you mean sra_conv or sra_pool"),
        ("mha=sra_conv", "is called mha, which is another design"),
        ("own,mha,mha,mha", "unknown attention variant 'own'"),
        ("1x=mha", "has the name '1x'; use up to 40 letters"),
        ("", "unknown attention variant ''"),
    ],
)
def test_a_design_that_cannot_be_is_refused(
    word: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["compare", "--model", "pvt_v2_b0", "--analytic", "--design", word]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert message in err


def test_two_designs_of_one_name_are_refused() -> None:
    with pytest.raises(SpecError, match="two designs are called late"):
        pvtprof.compare(**SMALL, designs=["late=mha", "late=sra_conv"], analytic=True)


def test_fit_answers_for_the_designs_that_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--memory", "64MiB", "--model", "pvt_v2_b0", "--img", "64", "--format", "csv"]
    designs = ["--design", "late=" + ",".join(MIXED), "--design", "mha"]
    assert app.main(["fit", *words, *designs]) == 0
    lines = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert [line["variant"] for line in lines] == ["late", "late", "mha", "mha"]


def test_a_saved_run_of_chosen_designs_is_loaded_as_it_was(tmp_path: Path) -> None:
    run = pvtprof.compare(**SMALL, designs={"late": MIXED}, analytic=True)
    run.save(tmp_path / "run.json")
    assert pvtprof.load(tmp_path / "run.json") == run
