"""Which parts and units give a printed number of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pvtprof.analytic.formulas import model_terms
from pvtprof.analytic.ops import numel, params
from pvtprof.analytic.printed import Printed
from pvtprof.analytic.reconcile import Reading, Reconciled, explained, specs_of
from pvtprof.analytic.terms import Term
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY

#: What is counted of the parameters, in words, by the name that results call it; the plainest
#: first, with the assumptions that it takes.
PARTS = {
    "all": ("every parameter (sum(p.numel()))", 0),
    "no classifier": ("every parameter without the classifier (num_classes=0)", 2),
    "layers": (
        "parameters of layers alone, as thop 0.1.1 (no position embedding or class token)",
        2,
    ),
    "with buffers": ("every parameter and buffer (as a checkpoint holds them)", 2),
    "no biases": ("every parameter without biases", 3),
    "weights": ("weights of convolutions and linear layers alone", 3),
    "weights, no classifier": ("weights of convolutions and linear layers, no classifier", 4),
}
_NORMS = ("layernorm", "batchnorm")


@dataclass(frozen=True, slots=True)
class _Kinds:
    """Parameters by what they are."""

    weights: int
    biases: int
    norms: int
    tokens: int
    head_weights: int
    head: int
    buffers: int

    @property
    def by_part(self) -> dict[str, int]:
        """The count of each name in PARTS."""
        everything = self.weights + self.biases + self.norms + self.tokens
        return {
            "all": everything,
            "no classifier": everything - self.head,
            "layers": everything - self.tokens,
            "with buffers": everything + self.buffers,
            "no biases": everything - self.biases - self.norms // 2,
            "weights": self.weights,
            "weights, no classifier": self.weights - self.head_weights,
        }


def reconcile_params(printed: Printed, spec: ModelSpec, task: str | None = None) -> Reconciled:
    """Return which parts of a network give a printed number of parameters.

    >>> from pvtprof.analytic.printed import printed
    >>> from pvtprof.designs.published import model_spec
    >>> found = reconcile_params(printed("3.4M", params=True), model_spec("pvt_v2_b0"))
    >>> found.explanations[0].reading.tool, found.explanations[0].count
    ('no classifier', 3409760)
    """
    found = []
    for one in specs_of(spec, task):
        terms = model_terms(one, one.built)
        other = 0 if task is not None or one.task == spec.task else 3
        found += list(_readings(one, terms, other))
    return explained(printed, found)


def _readings(
    spec: ModelSpec, terms: Sequence[Term], other: int
) -> Iterator[tuple[Reading, int, int]]:
    kinds = _kinds(spec, terms)
    seen: set[int] = set()
    for name, count in kinds.by_part.items():
        if count not in seen:  # a part that the network does not have
            seen.add(count)
            yield Reading(spec.task, (), name, True), count, other + PARTS[name][1]


def _kinds(spec: ModelSpec, terms: Iterable[Term]) -> _Kinds:
    counts = dict.fromkeys(_Kinds.__dataclass_fields__, 0)
    for term in terms:
        op, own = term.op, term.times * params(term.op, term.sizes)
        if not own:
            continue
        if op.kind == "contract":
            bias = term.times * numel(op.bias, term.sizes)
            counts["biases"] += bias
            counts["weights"] += own - bias
            if spec.task == CLASSIFY and op.name == "head":
                counts["head"], counts["head_weights"] = own, own - bias
        else:
            counts["norms" if op.kind in _NORMS else "tokens"] += own
            if op.kind == "batchnorm":  # mean, variance and the number of batches
                counts["buffers"] += own + term.times
    return _Kinds(**counts)
