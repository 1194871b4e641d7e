"""Printed figures and the ways of counting that give them; what other tools said of our modules."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import pvtprof
from pvtprof import units
from pvtprof.analytic.cost import MACS
from pvtprof.analytic.formulas import model_terms
from pvtprof.analytic.tools import TOOLS
from pvtprof.cli import main
from pvtprof.designs.printed import printed
from pvtprof.designs.published import model_spec
from pvtprof.errors import SpecError
from pvtprof.run.form_reconciled import reconciled_form

#: What each tool printed for pvtprof's own modules at batch 1 (docs/reconcile.md has the versions;
#: calflops: its MACs; thop: softmax is a module).
SAID = {
    ("thop", "pvt_tiny", 224): 1_866_359_024,
    ("thop", "pvt_v2_b0", 224): 534_497_904,
    ("thop", "pvt_v2_b0", 512): 2_830_823_424,
    ("thop", "pvt_v2_b2", 224): 3_902_719_904,
    ("thop", "pvt_v2_b2_li", 224): 3_766_796_256,
    ("thop", "pvt_v2_b2_li", 512): 18_754_874_688,
    ("ptflops", "pvt_tiny", 224): 1_941_414_120,
    ("ptflops", "pvt_v2_b0", 224): 572_683_624,
    ("ptflops", "pvt_v2_b0", 512): 3_831_983_080,
    ("ptflops", "pvt_v2_b2", 224): 4_050_239_912,
    ("ptflops", "pvt_v2_b2_li", 224): 3_912_431_528,
    ("ptflops", "pvt_v2_b2_li", 512): 19_517_462_696,
    ("calflops", "pvt_tiny", 224): 1_856_491_520,
    ("calflops", "pvt_v2_b0", 224): 527_956_992,
    ("calflops", "pvt_v2_b0", 512): 2_757_224_448,
    ("calflops", "pvt_v2_b2", 224): 3_884_134_400,
    ("calflops", "pvt_v2_b2_li", 224): 3_746_250_752,
    ("calflops", "pvt_v2_b2_li", 512): 18_651_840_512,
    ("torchinfo", "pvt_tiny", 224): 201_623_784,
    ("torchinfo", "pvt_v2_b0", 224): 118_691_944,
    ("torchinfo", "pvt_v2_b0", 512): 608_841_448,
    ("torchinfo", "pvt_v2_b2", 224): 559_959_016,
    ("torchinfo", "pvt_v2_b2_li", 224): 422_153_704,
    ("torchinfo", "pvt_v2_b2_li", 512): 1_818_545_896,
}
#: The papers' figures: classification at 224x224 (arXiv:2102.12122, arXiv:2106.13797), and Semantic
#: FPN at 512x512.
CLASSIFICATION = {
    "pvt_tiny": "1.9G",
    "pvt_small": "3.8G",
    "pvt_medium": "6.7G",
    "pvt_large": "9.8G",
    "pvt_v2_b0": "0.6G",
    "pvt_v2_b1": "2.1G",
    "pvt_v2_b2_li": "3.9G",
    "pvt_v2_b2": "4.0G",
    "pvt_v2_b3": "6.9G",
    "pvt_v2_b4": "10.1G",
    "pvt_v2_b5": "11.8G",
}
SEGMENTATION = {
    "pvt_tiny": "33.2G",
    "pvt_small": "44.5G",
    "pvt_medium": "61.0G",
    "pvt_large": "79.6G",
    "pvt_v2_b0": "25.0G",
    "pvt_v2_b1": "34.2G",
    "pvt_v2_b2_li": "41.0G",
    "pvt_v2_b2": "45.8G",
    "pvt_v2_b3": "62.4G",
    "pvt_v2_b4": "81.3G",
    "pvt_v2_b5": "91.1G",
}


@pytest.mark.parametrize(("tool", "model", "side"), SAID)
def test_a_tool_is_reproduced_to_the_last_digit(tool: str, model: str, side: int) -> None:
    (convention,) = (one for one in TOOLS.values() if one.name == tool)
    terms = model_terms(model_spec(model), (side, side))
    assert sum(term.count(convention) for term in terms) == SAID[tool, model, side]


@pytest.mark.parametrize(
    ("model", "figure", "task", "image"),
    [
        *((name, figure, "classify", (224, 224)) for name, figure in CLASSIFICATION.items()),
        *((name, figure, "semantic-fpn", (512, 512)) for name, figure in SEGMENTATION.items()),
    ],
)
def test_a_figure_of_the_papers_is_explained(
    model: str, figure: str, task: str, image: tuple[int, int]
) -> None:
    found = pvtprof.reconcile(figure, model, [(224, 224), image])
    as_printed = [
        one
        for one in found.explanations
        if (one.task, one.at, one.left_out) == (task, units.grid(*image), ())
        and "papers" in one.counted
    ]
    assert as_printed
    assert found.explanations[0].at in ("224x224", units.grid(*image))


def test_what_nothing_gives_is_said_with_the_nearest() -> None:
    found = pvtprof.reconcile("46.6G", "pvt_v2_b2")
    assert not found.explanations
    assert not found.is_explained
    distances = [abs(one.value - 46_600_000_000) for one in found.nearest]
    assert distances == sorted(distances)
    assert len(distances) == 3


def test_params_are_looked_for_in_every_task() -> None:
    found = pvtprof.reconcile("45.8G", "pvt_v2_b2", params="29.1M")
    assert [one.value for one in found.weights] == [29_116_502]
    assert "semantic-fpn" in found.weights[0].sentence
    assert not pvtprof.reconcile("45.8G", "pvt_v2_b2", params="77M").is_explained


def test_twice_the_macs_are_called_operations() -> None:
    first = pvtprof.reconcile("8.05G", "pvt_v2_b2", [(224, 224)]).explanations[0]
    assert first.value == 2 * 4_026_734_592
    assert first.counted.startswith("floating-point operations")


@pytest.mark.parametrize(
    ("text", "exact", "how"),
    [
        ("4.0G", 4_049_999_999, "rounded"),
        ("4.0G", 4_050_000_000, "rounded"),  # half to even
        ("4.0G", 4_060_000_000, "cut off"),
        ("4.1G", 4_046_000_000, "rounded twice"),
        ("4.0G", 4_300_000_000, "in units of 1024"),
        ("4.0G", 3_800_000_000, ""),
        ("3.9e9", 3_909_764_928, "rounded"),
        ("482M", 482_400_000, "rounded"),
        ("3.9 GMACs", 3_888_850_944, "rounded"),
        (".57g", 572_024_064, "rounded"),
    ],
)
def test_digits_match_as_they_were_printed(text: str, exact: int, how: str) -> None:
    assert printed(text).match(exact) == how


@pytest.mark.parametrize("text", ["abcG", "-3G", "0", "4.0X", "", "1e999G", "4.0G FPS", "nan"])
def test_a_figure_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="is no printed figure"):
        printed(text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["abcG"], "'abcG' is no printed figure"),
        (["4.0G", "--params", "many"], "'many' is no printed figure"),
        (["4.0G", "--model", "pvt_v2_b9"], "unknown model 'pvt_v2_b9'"),
        (["4.0G", "--img", "4"], "takes none of these sizes"),
        (["4.0G", "--task", "retina"], "did you mean retinanet"),
    ],
)
def test_bad_input_is_one_line(words: list[str], said: str, refused: Callable[..., str]) -> None:
    assert said in refused("reconcile", *words)


def test_a_module_of_ones_own_is_explained_by_its_derived_form() -> None:
    image = torch.zeros(1, 3, 64, 64)
    form = pvtprof.derive(pvtprof.build_model("pvt_v2_b0"), image, verify=False)
    spec = model_spec("pvt_v2_b0")
    macs = sum(term.count(MACS) for term in model_terms(spec, (96, 64)))
    figure, params = printed(f"{2 * macs / 1e6:.3f}M"), printed("3,666,760")
    found = reconciled_form(figure, form, [(96, 64)], params)
    first = found.explanations[0]
    assert (first.value, first.at, first.left_out) == (2 * macs, "96x64", ())
    assert found.weights[0].value == 3_666_760
    without = reconciled_form(printed(f"{macs - 256_000}"), form, [(96, 64)], None)
    assert without.explanations[0].left_out == ("head",)


def test_the_command_takes_a_target(capsys: pytest.CaptureFixture[str]) -> None:
    target = f"{Path(__file__).parent.parent}/derive/modules.py:window"
    assert main(["reconcile", "999T", "--target", target]) == 3
    assert capsys.readouterr().out.startswith(f"No convention of ours gives 999T for {target}")
    assert main(["reconcile", "1G", "--target", target, "--task", "fpn"]) == 2


def test_the_command_says_it_and_gives_all_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reconcile", "4.0G", "--img", "224", "--format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["explanations"][0]["value"] == 4_026_734_592
    assert main(["reconcile", "46.6G"]) == 3
    assert capsys.readouterr().out.startswith("No convention of ours gives 46.6G")
