"""A pass has the live bytes of its witness at every moment, not only at the peak."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pvtprof.derive.dispatcher import python_versions
from pvtprof.derive.trace import Asked, Trace, _traced, trace
from pvtprof.observe.inputs import example
from pvtprof.observe.target_subject import TargetSubject
from tests.trials import sample

#: By how much a map is resized; None: positions are, to its size.
FACTORS = (None, 2.0, 1.7)
LIMIT_S = 600  # more than a busy machine takes
POINT = {"b": 3, "h": 20, "w": 28}


class Positions(nn.Module):
    """Learned positions, resized to the image's grid; the class token is what comes out."""

    def __init__(self, mode: str, factor: float | None = None) -> None:
        super().__init__()
        self.patches, self.positions = nn.Conv2d(3, 8, 4, 4), nn.Parameter(torch.zeros(1, 8, 5, 5))
        self.mode, self.factor, self.drop = mode, factor, nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x)
        how: dict[str, Any] = {"mode": self.mode}
        if "nearest" not in self.mode:
            how["align_corners"] = False
        if self.factor:
            x = F.interpolate(x, scale_factor=self.factor, **how)
        else:
            x = x + F.interpolate(self.positions, x.shape[2:], **how)
        made: Tensor = self.drop(x.flatten(2).transpose(1, 2))[:, 0, :]
        return made


def passed(asked: Asked) -> Trace:
    return trace(asked, LIMIT_S)


def moments(
    module: nn.Module, training: bool, how: Callable[[Asked], Trace]
) -> tuple[list[Any], list[Any]]:
    """Live bytes at each moment: derived, and as the witness has them."""
    given, mode = example(torch.zeros(1, 3, 20, 28)), "training" if training else "inference"
    found = how(Asked(module, given, POINT, {}, training))
    derived = [(found.sizes.hint(live), at) for live, at in found.live]
    watch = TargetSubject(module, given, POINT).watched(mode)
    return derived, [(moment.bytes, moment.at) for moment in watch.timeline]


@pytest.mark.parametrize(
    ("mode", "factors", "training"),
    sample(product(("bicubic", "bilinear", "nearest", "nearest-exact"), FACTORS, (True, False)), 4),
)
def test_resizing_is_the_operator_that_runs(
    mode: str, factors: float | None, training: bool
) -> None:
    derived, observed = moments(Positions(mode, factors).train(training), training, passed)
    assert derived == observed
    assert any("upsample" in at for _, at in derived)


@pytest.mark.parametrize("drops", [True, False])
def test_python_versions_save_what_kernels_save(drops: bool) -> None:
    """Also where the pass begins with them: dropout too has one."""

    def at_once(asked: Asked) -> Trace:
        return _traced(asked, time.monotonic() + LIMIT_S, python_versions())

    derived, observed = moments(Positions("bilinear").train(drops), True, at_once)
    assert derived == observed


def test_a_class_token_is_no_copy_of_all() -> None:
    class Token(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Conv2d(3, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.fc(x)[:, 0, :, :]
            return made

    derived, observed = moments(Token(), True, passed)
    assert derived == observed


def test_versions_of_torch_are_put_back() -> None:
    operator = torch.ops.aten.upsample_bicubic2d.vec
    before = dict(operator.py_kernels)
    with python_versions():
        assert operator.py_kernels != before
    assert operator.py_kernels == before
    with pytest.raises(KeyError), python_versions():
        raise KeyError("a module that fails")
    assert operator.py_kernels == before
