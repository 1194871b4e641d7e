"""A sample of the table of architectures; ``python -m tests.derive.architectures`` makes all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pvtprof.derive import verify
from pvtprof.derive.entry import derive
from pvtprof.observe.inputs import example as as_example
from tests.derive.architectures import TARGETS, loaded
from tests.trials import ALL

TABLE = Path(__file__).parent.parent.parent / "reports" / "architectures.json"


@pytest.mark.parametrize(
    "target",
    ["transformers:PoolFormerModel", "transformers:SegformerModel"] if ALL else [],
)
def test_an_architecture_is_right_at_random_sizes(target: str) -> None:
    pytest.importorskip("transformers")
    module, inputs = loaded(target)
    form = derive(module, inputs, verify=False, limit_s=300)
    given = as_example(inputs)
    points = verify.drawn(form.main, form.example, 4, seed=7)
    assert len(points) == 4
    for point in points:
        costs = form(**point)
        assert verify.flops(module, given, point, False)["macs"] == costs.macs
    assert (
        verify.live(module, given, points[0], False)["peak_bytes"] == form(**points[0]).peak_bytes
    )


def test_swin_is_a_polynomial_in_its_windows() -> None:
    """As published with everything; else with its first two stages, of one and two blocks."""
    transformers = pytest.importorskip("transformers")
    module, inputs = loaded("transformers:SwinModel")
    if not ALL:
        config = transformers.SwinConfig(depths=[1, 2], num_heads=[3, 6])
        module = transformers.SwinModel(config).eval()
    form = derive(module, inputs, verify=False, limit_s=300)
    assert form.definitions["h1"] in ("ceil(h/28)", "ceil(w/28)")
    point = verify.drawn(form.main, form.example, 1, seed=3)[0]
    assert verify.flops(module, as_example(inputs), point, False)["macs"] == form(**point).macs


def test_the_table_has_no_wrong_point() -> None:
    rows = json.loads(TABLE.read_text())
    assert {row["target"] for row in rows if row["mode"] == "inference"} == set(TARGETS)
    for row in rows:
        if row["derived"]:
            assert row["right"] == row["points"], row["target"]
            assert row["params"], row["target"]
        else:
            assert row["reason"], row["target"]
