"""The rules of other tools give what the tools print, as whole numbers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from pvtprof.analytic.formulas import model_terms
from pvtprof.analytic.printed import printed
from pvtprof.analytic.reconcile_params import reconcile_params
from pvtprof.analytic.tools import TOOLS
from pvtprof.designs.published import MODELS

#: Lines of `python -m tests.tools.ask`: tool, softmax, model, size, count, ...
SAID = [
    line.split("\t")
    for line in (Path(__file__).parent / "said.tsv").read_text(encoding="utf-8").splitlines()
]
ASKED = ("thop", "torchinfo", "calflops", "ptflops", "ptflops aten", "mmcv", "fvcore", "torch")


@cache
def terms(name: str, size: int):
    return model_terms(MODELS[name], (size, size))


@pytest.mark.parametrize("tool", ASKED)
def test_every_count_of_a_tool_is_met(tool: str) -> None:
    asked = [line for line in SAID if line[0] == tool]
    assert len(asked) == 16
    for _, softmax, name, size, count, *_ in asked:
        rule = TOOLS[tool]
        convention = rule.with_softmax if softmax == "module" else rule.convention
        ours = sum(term.count(convention) for term in terms(name, int(size)))
        assert ours == float(count), (softmax, name, size)


def test_another_rule_would_not_do() -> None:
    counts = {
        line[0]: float(line[4]) for line in SAID if line[1:4] == ["method", "pvt_tiny", "224"]
    }
    assert len(set(counts.values())) == len(ASKED)


@pytest.mark.parametrize("name", ["pvt_tiny", "pvt_v2_b0", "pvt_v2_b2", "pvt_v2_b2_li"])
def test_thop_counts_parameters_of_layers_alone(name: str) -> None:
    (said,) = {line[5] for line in SAID if line[0] == "thop" and line[2] == name}
    found = reconcile_params(printed(str(int(float(said))), params=True), MODELS[name], "classify")
    expected = "layers" if name == "pvt_tiny" else "all"
    assert [one.reading.tool for one in found.explanations] == [expected]
