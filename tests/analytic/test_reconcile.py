"""What explains a printed figure: every figure of both papers, and the digits themselves."""

from __future__ import annotations

import random

import pytest

from pvtprof.analytic.printed import ROUNDED, TRUNCATED, TWICE, printed
from pvtprof.analytic.reconcile import reconcile, specs_of
from pvtprof.analytic.reconcile_params import reconcile_params
from pvtprof.designs.named import network
from pvtprof.designs.published import MODELS
from pvtprof.designs.tasks import TASKS
from pvtprof.errors import SpecError
from tests.designs.test_published import PRINTED
from tests.designs.test_published_dense import GFLOPS, PARAMS, ROUNDED_TWICE

#: The one figure of a table that nothing gives: every implementation has 14.01 M parameters.
UNEXPLAINED = {("pvt_v2_b1", 13.1)}
#: Other detectors, whose heads pvtprof does not have, at 1280x800.
OTHERS = {"pvt_v2_b2_li": ("194G", "197G"), "pvt_v2_b2": ("258G", "261G")}


@pytest.mark.parametrize("name", PRINTED)
def test_every_figure_of_the_classification_tables(name: str) -> None:
    params, gflops = PRINTED[name]
    found = reconcile(printed(f"{gflops}G"), MODELS[name])
    papers = [o for o in found.explanations if o.reading.tool == "paper" and o.reading.head]
    assert papers[0].reading.image == (224, 224)
    assert papers[0].how == ROUNDED
    assert found.explanations[0].steps == 0
    said = reconcile_params(printed(f"{params}M", params=True), MODELS[name])
    assert said.is_explained == ((name, params) not in UNEXPLAINED)


def test_the_papers_params_of_b0_leave_out_the_classifier() -> None:
    found = reconcile_params(printed("3.4M", params=True), MODELS["pvt_v2_b0"])
    assert [found.explanations[0].reading.tool, found.explanations[0].count] == [
        "no classifier",
        3_409_760,
    ]


@pytest.mark.parametrize("name", GFLOPS)
def test_every_figure_of_the_dense_tables(name: str) -> None:
    for task, figure in PARAMS[name].items():
        found = reconcile_params(printed(f"{figure}M", params=True), MODELS[name], task)
        whole = next(one for one in found.explanations if one.reading.tool == "all")
        assert whole.how == (TWICE if (name, task) in ROUNDED_TWICE else ROUNDED), task
    found = reconcile(printed(f"{GFLOPS[name]} GFLOPs"), MODELS[name], task="semantic-fpn")
    papers = [o for o in found.explanations if o.reading.tool == "paper"]
    assert papers[0].reading.image == (512, 512)
    assert papers[0].how == (TWICE if (name, "GFLOPs") in ROUNDED_TWICE else ROUNDED)


@pytest.mark.parametrize(("name", "figure"), [(n, f) for n in OTHERS for f in OTHERS[n]])
def test_figures_of_other_heads_have_an_answer_too(name: str, figure: str) -> None:
    found = reconcile(printed(figure), MODELS[name], [(800, 1280), (1280, 800)])
    assert found.is_explained or found.nearest


def test_a_figure_that_nothing_gives_has_the_nearest() -> None:
    found = reconcile(printed("46.6G"), MODELS["pvt_v2_b2"], [(224, 224)], "classify")
    assert found.explanations == ()
    assert [one.off for one in found.nearest] == sorted(one.off for one in found.nearest)
    assert found.nearest[0].how == ""


@pytest.mark.parametrize(
    ("text", "first"), [("8.05 GFLOPs", "torch"), ("4.03 GMACs", "macs"), ("8.1 GMACs", "torch")]
)
def test_the_word_ranks_what_agrees_with_it_first(text: str, first: str) -> None:
    found = reconcile(printed(text), MODELS["pvt_v2_b2"], [(224, 224)], "classify")
    assert found.explanations[0].reading.tool == first


def test_a_binary_unit_is_named() -> None:
    exact = 4_026_734_592
    found = reconcile(printed(f"{exact / 2**30:.4f}G"), MODELS["pvt_v2_b2"])
    assert {(o.count, o.unit) for o in found.explanations} == {(exact, 2**30)}


def test_digits_are_those_of_decimal() -> None:
    from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

    rng = random.Random(18)
    for _ in range(2000):
        count, decimals = rng.randint(10**8, 10**12), rng.randint(0, 4)
        if rng.random() < 0.3:  # halves
            step = 10 ** (9 - decimals)
            count = count // step * step + step // 2
        digit = Decimal(1).scaleb(-decimals)
        value = Decimal(count) / 10**9
        for rounding in (ROUND_HALF_UP, ROUND_HALF_EVEN):
            text = f"{value.quantize(digit, rounding)}G"
            if Decimal(text[:-1]):
                assert printed(text).how(count, 10**9) == ROUNDED, text
        down = value.quantize(digit, ROUND_DOWN)
        if down not in (value.quantize(digit, ROUND_HALF_UP), 0):
            assert printed(f"{down}G").how(count, 10**9) in (TRUNCATED, ROUNDED)
        away = value.quantize(digit, ROUND_HALF_UP) + 2 * digit
        assert printed(f"{away}G").how(count, 10**9) == ""


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("46.6G", 46.6e9, ""),
        ("46.6 GFLOPs", 46.6e9, "flops"),
        ("46.6GMACs", 46.6e9, "macs"),
        ("3.9e9", 3.9e9, ""),
        ("482M", 482e6, ""),
        ("0.57", 0.57e9, ""),
        (".57 G", 0.57e9, ""),
        ("4,045,817,152", 4045817152, ""),
        ("4045817152 mult-adds", 4045817152, "macs"),
    ],
)
def test_figures_as_people_print_them(text: str, value: float, said: str) -> None:
    found = printed(text)
    assert (found.value, found.said) == (pytest.approx(value), said)


@pytest.mark.parametrize("text", ["abcG", "-3G", "0", "0.0G", "", "G", "4.0.1G", "1e99", "4 ZB"])
def test_what_is_no_figure_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="is not a printed number of operations"):
        printed(text)


def test_a_size_that_the_network_does_not_take_is_said() -> None:
    with pytest.raises(SpecError, match="too small"):
        reconcile(printed("1G"), MODELS["pvt_tiny"], [(8, 8)])


def test_a_task_that_the_network_cannot_have_is_not_tried() -> None:
    """RetinaNet reads the maps from stage 2 on."""
    one_stage = network("pvt_v2_b0", ["num_stages=1"])
    tried = {spec.task for spec in specs_of(one_stage, None)}
    assert tried == set(TASKS) - {"retinanet"}
    with pytest.raises(SpecError, match="reads the maps from stage 2 on"):
        specs_of(one_stage, "retinanet")
