"""The hand-written operator lists are proven: equal, as polynomials, to what is derived."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from itertools import product as product_of
from typing import Any

import pytest
import torch

from pvtprof.analytic import liveness
from pvtprof.analytic.cost import MACS
from pvtprof.analytic.formulas import layout, model_terms
from pvtprof.analytic.geometry import model_sizes
from pvtprof.analytic.ops import product
from pvtprof.derive.form import Form
from pvtprof.derive.from_trace import piece_of
from pvtprof.derive.piece import Piece
from pvtprof.derive.polynomial import ZERO, Polynomial
from pvtprof.derive.sizes import Rounded, Sizes
from pvtprof.derive.trace import Asked, trace
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import ATTENTIONS
from pvtprof.designs.spec import VARIANTS, ModelSpec
from pvtprof.models.build import build
from pvtprof.observe.inputs import example
from tests.trials import ALL, costly, sample

LIMIT_S = 600  # more than a busy machine takes
HINTS = {"b": 5, "h": 416, "w": 544}
#: The models that are proven: all of them by `make test-all`, else one of each kind.
PROVEN = list(MODELS) if ALL else ["pvt_tiny", "pvt_v2_b0", "pvt_v2_b2_li"]


class Side:
    """A whole number that is a polynomial: what the hand-written geometry computes with."""

    def __init__(self, sizes: Sizes, polynomial: Polynomial) -> None:
        self.sizes, self.polynomial = sizes, polynomial

    def _made(self, polynomial: Polynomial) -> Side:
        return Side(self.sizes, polynomial)

    def __add__(self, other: Any) -> Side:
        return self._made(self.polynomial + polynomial_of(other))

    def __sub__(self, other: Any) -> Side:
        return self._made(self.polynomial - polynomial_of(other))

    def __mul__(self, other: Any) -> Side:
        return self._made(self.polynomial * polynomial_of(other))

    __radd__, __rmul__ = __add__, __mul__

    def __floordiv__(self, other: int) -> Side:
        return self._made(self.sizes.floor(self.polynomial, Polynomial.number(other)))

    def __lt__(self, other: Any) -> bool:
        return self.sizes.hint(self.polynomial - polynomial_of(other)) < 0

    def __gt__(self, other: Any) -> bool:
        return self.sizes.hint(self.polynomial - polynomial_of(other)) > 0


def polynomial_of(value: Any) -> Polynomial:
    return value.polynomial if isinstance(value, Side) else Polynomial.number(value)


def derived(module: Any, inputs: Any = None) -> Piece:
    given = example(torch.zeros(1, 3, 224, 224) if inputs is None else inputs)
    return piece_of(trace(Asked(module, given, HINTS, {}), LIMIT_S), HINTS, {})


def by_hand(spec: ModelSpec, attention: str, sizes: Sizes) -> dict[str, Polynomial]:
    """MACs by submodule: the hand-written list on symbolic sides."""
    b, h, w = (Side(sizes, sizes.free(name, hint, 2)) for name, hint in HINTS.items())
    its: Any = model_sizes(spec, b, (h, w))  # type: ignore[arg-type]
    found: dict[str, Polynomial] = defaultdict(lambda: ZERO)
    for op, stage, times in layout(spec, False, attention):
        for factor, indices in MACS.monomials(op):
            macs = product(indices, its[stage - 1]) * factor * times
            found[op.module] += polynomial_of(macs)
    return {name: macs for name, macs in found.items() if macs}


def in_terms_of(form: Piece, sizes: Sizes) -> dict[str, Polynomial]:
    """The derived MACs by submodule, their named sizes put into the same algebra."""
    values: dict[str, Polynomial] = {}
    for name, made in form.definitions:
        assert isinstance(made, Rounded)
        values[name] = sizes.floor(
            made.numerator.substituted(values), made.divisor.substituted(values)
        )
    return {part.module: part.macs.substituted(values) for part in form.parts if part.macs}


def short(name: str) -> ModelSpec:
    """A published model with two blocks a stage: repeated blocks are folded all the same.

    Its first two stages, unless everything is tried.
    """
    spec = MODELS[name]
    stages = spec.stages if ALL else spec.stages[:2]
    return replace(spec, name="short", stages=tuple(replace(stage, depth=2) for stage in stages))


@pytest.mark.parametrize(
    ("name", "variant", "attention"),
    sample(product_of(PROVEN if ALL else PROVEN[1:2], VARIANTS, ATTENTIONS), 3),
)
def test_the_operator_list_is_what_is_derived(name: str, variant: str, attention: str) -> None:
    spec = short(name).with_attention(variant)
    with torch.device("meta"):
        module = build(spec, attention)
    form = derived(module)
    sizes = Sizes()
    hand = by_hand(spec, attention, sizes)
    found = in_terms_of(form, sizes)
    assert found.keys() == hand.keys()
    for part, macs in hand.items():
        assert macs - found[part] == ZERO, part
    assert form.params == sum(p.numel() for p in module.parameters())
    _peaks_agree(spec, attention, Form(name, tuple(HINTS), "inference", (form,)))


def _peaks_agree(spec: ModelSpec, attention: str, form: Form) -> None:
    """The hand-written peak, which is a program and no polynomial, at points of the domain."""
    rng = random.Random(f"{spec} {attention}")
    held = 0
    while held < 12:
        b, h, w = rng.randint(2, 6), rng.randint(64, 640), rng.randint(64, 640)
        if form.covers(b=b, h=h, w=w):
            terms = model_terms(spec, (h, w), b, attention)
            assert form(b=b, h=h, w=w).peak_bytes == liveness.peak(terms, "float32").bytes
            held += 1


def test_a_wrong_list_would_be_found() -> None:
    spec = short("pvt_v2_b0")
    with torch.device("meta"):
        form = derived(build(spec, "eager"))
    sizes = Sizes()
    wrong = replace(spec, stages=(replace(spec.stages[0], mlp_ratio=7), *spec.stages[1:]))
    hand, found = by_hand(wrong, "eager", sizes), in_terms_of(form, sizes)
    assert {part for part in hand if hand[part] != found[part]} == {
        "block1.mlp.fc1",
        "block1.mlp.dwconv.dwconv",
        "block1.mlp.fc2",
    }


def test_transformers_independent_pvt_v2_is_the_same_polynomial() -> None:
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        module = transformers.PvtV2ForImageClassification(transformers.PvtV2Config()).eval()
    module.config.num_labels = module.classifier.out_features
    form = derived(module, {"pixel_values": torch.zeros(1, 3, 224, 224)})
    sizes = Sizes()
    spec = replace(MODELS["pvt_v2_b0"], num_classes=module.classifier.out_features)
    hand = sum(by_hand(spec, "eager", sizes).values(), ZERO)
    assert sum(in_terms_of(form, sizes).values(), ZERO) - hand == ZERO


@costly
def test_transformers_independent_pvt_is_the_same_polynomial() -> None:
    """Of the batch: its position embeddings fix the image."""
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        module = transformers.PvtForImageClassification(transformers.PvtConfig()).eval()
    given = example({"pixel_values": torch.zeros(1, 3, 224, 224)})
    sides = {"h": 224, "w": 224}
    asked = Asked(module, given, {"b": 5, **sides}, sides)
    form = piece_of(trace(asked, LIMIT_S), ["b"], sides)
    sizes = Sizes()
    spec = replace(MODELS["pvt_tiny"], num_classes=module.classifier.out_features)
    batch: Any = Side(sizes, sizes.free("b", 5, 2))
    its: Any = model_sizes(spec, batch, (224, 224))
    hand = ZERO
    for op, stage, times in layout(spec, True, "eager"):
        for factor, indices in MACS.monomials(op):
            hand += polynomial_of(product(indices, its[stage - 1]) * factor * times)
    assert hand - form.macs == ZERO
    assert hand.names == {"b"}
