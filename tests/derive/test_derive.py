"""Derived forms: what they say, where they hold, and what independent witnesses say of them."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pvtprof
from pvtprof.derive.entry import derive
from pvtprof.derive.failures import DeriveError
from pvtprof.derive.form import Form, OutsideError
from pvtprof.derive.render import render
from pvtprof.errors import SpecError
from tests.derive import modules
from tests.trials import costly


def verified(form: Form) -> None:
    """Every witness that ran agrees, and torch's counter and live bytes ran."""
    wrong = [check for check in form.checks if check.observed is not None and not check.agrees]
    assert wrong == []
    assert {"torch", "live bytes", "params"} <= {c.witness for c in form.checks if c.agrees}


@pytest.fixture(scope="module")
def window() -> Form:
    return derive(*modules.window())


#: Modules as people write them.
WRITTEN = ("window", "neighbours", "inference", "nested", "fixed", "half", "dropped", "encoder")
WRITTEN += ("attention", "grid")


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *((name, "inference") for name in WRITTEN),
        ("attention", "training"),
        *(pytest.param(name, "training", marks=costly) for name in WRITTEN if name != "attention"),
    ],
)
def test_witnesses_agree_at_random_sizes(name: str, mode: str) -> None:
    if (name, mode) == ("inference", "training"):
        pytest.skip("nothing learns under inference_mode")
    verified(derive(*getattr(modules, name)(), mode=mode))


def test_a_window_attention_is_a_polynomial_in_its_windows(window: Form) -> None:
    assert window.definitions == {"h1": "ceil(h/7)", "w1": "ceil(w/7)"}
    macs = 49 * 32 * 96 + 2 * 49 * 49 * 32 + 49 * 32 * 32
    assert str(window.macs) == f"{macs:,} b h1 w1"
    assert window(b=3, h=56, w=60).macs == 3 * 8 * 9 * macs
    assert window.params == 33 * 96 + 33 * 32


def test_batch_1_is_a_piece_of_its_own(window: Form) -> None:
    assert [p.domain.given for p in window.pieces].count({"b": 1}) >= 1
    assert window(h=57, w=57) == window(b=1, h=57, w=57)


def test_a_point_outside_names_the_guard_and_the_line() -> None:
    form = derive(*modules.fixed())
    with pytest.raises(OutsideError, match=r"n=17 lies outside .* n = 16"):
        form(b=2, n=17)
    with pytest.raises(SpecError, match="no size 'k'; it has b, n"):
        form(k=3)
    with pytest.raises(SpecError, match=r"h is 2\.5; use a whole number"):
        derive(*modules.window(), verify=False)(h=2.5)


def test_what_the_code_fixes_is_said_with_its_line() -> None:
    form = derive(*modules.fixed())
    assert any("n is not free" in said and "modules.py:" in said for said in form.remarks)
    with pytest.raises(SpecError, match=r"n is not free: the code fixes it.*modules\.py:\d+"):
        derive(*modules.fixed(), free="b=0,n=1")


def test_arrays_give_the_same_whole_numbers_as_points(window: Form) -> None:
    sides = np.arange(8, 400)
    costs = window(b=2, h=sides, w=sides + 3)
    for i in (0, 1, 100, 391):
        one = window(b=2, h=int(sides[i]), w=int(sides[i]) + 3)
        assert (costs.macs[i], costs.peak_bytes[i]) == (one.macs, one.peak_bytes)


def test_numbers_beyond_int64_stay_exact(window: Form) -> None:
    sides = np.array([7 * 10**9, 7 * 10**9 + 1])
    one = window(b=2, h=7 * 10**9, w=7 * 10**9)
    assert int(window(b=2, h=sides, w=sides).macs[0]) == one.macs > 2**63


def test_a_form_is_evaluated_quickly(window: Form) -> None:
    window(b=2, h=64, w=64)
    started = time.perf_counter()
    for _ in range(200):
        window(b=2, h=64, w=64)
    assert (time.perf_counter() - started) / 200 < 1e-3  # 20 times what it takes


def test_pieces_cover_a_range() -> None:
    form = derive(*modules.half(), ranges={"h": (4, 40)}, verify=False)
    assert all(form.covers(b=b, h=h, w=8) for b in (1,) for h in range(4, 41))
    assert form(b=1, h=9, w=8).macs == form(b=1, h=8, w=8).macs == 8 * 8 * 4 * 4
    assert len(form.pieces) >= 3


def test_grid_sides_that_are_numbers_may_be_free() -> None:
    module, inputs = modules.grid()
    form = derive(module, inputs, free="0.0=b,0.1=h*w,1=h,2=w")
    verified(form)
    assert form(b=2, h=6, w=10).macs == 2 * 3 * 5 * 8 * 8 * 4


def test_inputs_by_name_share_what_is_as_large() -> None:
    form = derive(*modules.nested(), free="q.0=b,k.0=b,mask.0=b,q.1=n,k.1=m,mask.1=n,mask.2=m")
    verified(form)
    assert form(b=2, n=10, m=7).macs == 2 * (10 * 64 + 7 * 64 + 2 * 10 * 7 * 8)


@pytest.mark.parametrize(
    ("name", "sizes", "macs"),
    [
        ("attention", {"n": 300}, 321_484_800),
        ("neighbours", {"h": 28, "w": 28}, 451_584),
        (
            "encoder",
            {"b": 2, "n": 100},
            2 * (100 * 256 * (4 * 256 + 2 * 512) + 2 * 100 * 100 * 256),
        ),
        ("inference", {"b": 1, "n": 10}, 10 * 16 * 48 + 10 * 48 * 8),
    ],
)
def test_what_other_counters_get_wrong(name: str, sizes: dict[str, int], macs: int) -> None:
    form = derive(*getattr(modules, name)(), verify=False)
    assert form(**sizes).macs == macs


def test_another_path_than_the_counted_one_is_said() -> None:
    form = derive(*modules.encoder(), verify=False)
    assert any("_native_multi_head_attention" in said for said in form.remarks)


def test_randomness_is_said() -> None:
    form = derive(*modules.dropped(), verify=False)
    assert any("bernoulli" in said for said in form.main.remarks)


def test_a_branch_on_data_names_the_line() -> None:
    with pytest.raises(DeriveError, match=r"needs the content of a tensor .* at modules\.py:\d+"):
        derive(*modules.branch())


def test_a_limit_says_what_was_found() -> None:
    module = nn.Sequential(*(nn.Linear(8, 8) for _ in range(200)))
    with pytest.raises(DeriveError, match=r"longer than its limit, in .*\d operators"):
        derive(module, torch.zeros(1, 4, 8), limit_s=0.05)


def test_a_kernel_without_a_rule_is_named_and_can_be_taught() -> None:
    torch.library.define("pvtprof_test::twice", "(Tensor x) -> Tensor")
    torch.library.impl("pvtprof_test::twice", "CPU", lambda x: x * 2)

    class Custom(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = torch.ops.pvtprof_test.twice(x)
            return made

    with pytest.raises(DeriveError, match=r"pvtprof_test\.twice.*register_shape_rule"):
        derive(Custom(), torch.zeros(1, 4, 8))
    pvtprof.register_shape_rule("pvtprof_test::twice", torch.empty_like)
    assert str(derive(Custom(), torch.zeros(1, 4, 8)).peak_bytes) == "32 b n"


def test_the_module_is_left_as_it_was() -> None:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.seen = nn.Linear(8, 8), None

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen = x.shape[1]  # type: ignore[assignment]
            made: torch.Tensor = self.fc(x)
            return made

    module = Keeps()
    before = module.fc.weight
    derive(module, torch.zeros(1, 4, 8))
    assert module.seen is None
    assert module.fc.weight is before
    assert module(torch.zeros(1, 3, 8)).shape == (1, 3, 8)


@pytest.mark.parametrize("style", ["text", "json", "latex", "python", "markdown", "html"])
def test_every_rendering_has_the_formula(window: Form, style: str) -> None:
    text = render(window, style)
    assert "354,368" in text or "354368" in text
    assert "h1" in text or "h_{1}" in text


def test_the_python_code_proves_itself(window: Form) -> None:
    code = render(window, "python")
    assert code.count("assert ") >= 5
    scope: dict[str, Any] = {}
    exec(code, scope)
    assert scope["Window"](2, 56, 56)[0] == window(b=2, h=56, w=56).macs
    broken = code.replace("354368", "354369")
    with pytest.raises(AssertionError):
        exec(broken, {})


def test_json_holds_what_evaluates_the_form(window: Form) -> None:
    data = json.loads(render(window, "json", {"b": 2, "h": 56, "w": 56}))
    assert data["schema"] == "pvtprof.form/1"
    (term,) = data["pieces"][0]["macs"]
    assert term == [354368, 1, {"b": 1, "h1": 1, "w1": 1}]
    assert data["at"]["macs"] == 354368 * 2 * 64


def test_a_notebook_shows_formulas(window: Form) -> None:
    assert window._repr_html_().startswith("<table>")
    assert r"\left\lceil \frac{h}{7} \right\rceil" in window._repr_latex_()
    assert window.macs._repr_latex_() == "$354368 b h_{1} w_{1}$"
    frame = window.to_frame()
    assert frame["params"].sum() == window.params
    assert frame["macs_at_example"].sum() == window(b=1, h=56, w=56).macs


def test_the_package_is_called(window: Form) -> None:
    form = pvtprof.derive(*modules.window(), verify=False)
    assert str(form.macs) == str(window.macs)
    assert form.domain.startswith("h, w")


def test_parts_add_up_to_the_whole(window: Form) -> None:
    for piece in window.pieces:
        assert sum((p.macs for p in piece.parts), piece.macs * 0) == piece.macs
        assert sum(p.params for p in piece.parts) == piece.params
