"""The closed forms as algebra: the same integers as the operator lists, in every format."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pvtprof.analytic import algebra
from pvtprof.cli import app
from pvtprof.designs.published import MODELS
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.workload import workload
from pvtprof.report.commands import formula
from pvtprof.run.rows import analytic_rows


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("image", [(224, 224), (255, 255), (800, 1333)])
def test_polynomials_are_what_the_rows_say(
    model: str, variant: str, image: tuple[int, int]
) -> None:
    work = workload(model, image, batch=3)
    rows = {
        row.part.stage: row
        for row in analytic_rows(work.designs, work.setting)
        if row.design.name == variant
    }
    stages = formula._stages(variant, work)
    assert stages or model.startswith("pvt_v2_b2_li")
    for number, _, macs, params in stages:
        assert (macs, params) == (rows[number].macs, rows[number].params)


def test_factors_add_up_and_powers_multiply() -> None:
    square = algebra.of([(2, ("c", "e")), (3, ("e", "c"))], "mha")
    assert square.terms == {(("C", 2),): 5}
    assert (square + square).at({"C": 4}) == 160
    assert algebra.text(algebra.Polynomial({})) == "0"
    assert algebra.text(algebra.of([(7, ())], "mha")) == "7"


def test_heads_times_head_dim_is_the_dim_and_either_alone_is_not() -> None:
    assert algebra.text(algebra.of([(1, ("b", "h", "n", "m", "d"))], "sra_conv")) == "B N M C"
    assert algebra.text(algebra.of([(1, ("b", "h", "n", "m"))], "sra_conv")) == "B N M h"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("image", ["224", "800x1333"])
def test_the_python_proves_itself(
    variant: str, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--at", f"img={image}", "--at", "batch=2", "--at", "model=pvt_small"]
    assert app.main(["formula", variant, *at, "--format", "python"]) == 0
    text = capsys.readouterr().out
    asked = 0 if variant == "mha" else 1  # v1's stage 4 cannot be reduced
    assert text.count("assert ") == 4 - asked
    exec(text, {})
    with pytest.raises(AssertionError):
        exec(text.replace("C**2", "C**3"), {})


def test_text_and_latex(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["formula", "sra_conv", "--at", "img=512"]) == 0
    text = capsys.readouterr().out
    assert "\nMACs   = 2 B N C² + B M R² C² + 2 B M C² + 2 B N M C\n" in text
    assert "\nparams = 4 C² + 7 C + R² C²\n" in text
    assert "740,294,656   278,976" in text
    assert "h: num_heads" not in text  # a symbol that the totals do not have
    assert app.main(["formula", "mha", "--format", "latex"]) == 0
    latex = capsys.readouterr().out
    assert r"\mathrm{MACs}(\mathrm{mha}) &= 4 B N C^{2} + 2 B N^{2} C \\" in latex


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["sra"], "'sra' is not one of"),
        (
            ["sra_conv", "--at", "imgs=512"],
            "'imgs=512' is not a setting; use one of model=, img=, R=",
        ),
        (["sra_conv", "--at", "img"], "'img' is not a setting; use one of"),
        (["sra_conv", "--at", "img=x"], "'x' is not an image size"),
        (["sra_conv", "--at", "R=8,4"], "R has 2 values; use 4"),
        (["sra_conv", "--at", "batch=0"], "batch is 0"),
        (["sra_conv", "--at", "model=resnet"], "unknown model 'resnet'"),
    ],
)
def test_bad_settings_are_one_line(
    options: list[str], message: str, refused: Callable[..., str]
) -> None:
    assert message in refused("formula", *options)
