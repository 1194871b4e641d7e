"""The dtypes in which the operators of a network run under ``torch.autocast`` on CPUs.

torch 2.13: products, convolutions and fused attention run in the low dtype, and what they read is
cast to it (parameters once, kept until autocast is left). A concatenation runs in the widest dtype
of its parts, and a sum returns it. All others run in the dtype of what they read (a position
embedding is float32, and so is what is resized of it); a layer norm or batch norm keeps its
statistics in the dtype of its weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pvtprof.analytic.formulas import Term
from pvtprof.analytic.ops import Op, numel
from pvtprof.designs.words import DTYPES


@dataclass(frozen=True, slots=True)
class Dtypes:
    """The dtype of each result by name, and that of the parameters."""

    params: str
    results: Mapping[str, str]

    def of(self, name: str) -> str:
        """Return the dtype of a result; of an input that has no name here, the parameters'."""
        return self.results.get(name, self.params)

    def result(self, op: Op) -> str:
        """Return the dtype of the result of an operator."""
        return self.of(op.name)

    def statistics(self, op: Op) -> str:
        """Return the dtype that decides on what an operator returns beside its result."""
        return self.params if op.kind in ("layernorm", "batchnorm") else self.result(op)

    def lowers_params(self, op: Op) -> bool:
        """Return whether the weight of an operator is cast, and its bias."""
        return op.owns_right and op.kind == "contract" and self.result(op) != self.params

    def is_cast(self, op: Op) -> bool:
        """Return whether the first that an operator reads is cast: for a product or concatenation.

        Attention reads results of linear layers, which are low already.
        """
        source = op.of[0] if op.of else ""
        casts = op.kind == "contract" or (op.kind == "concat" and bool(op.right))
        return casts and self.of(source) != self.result(op)

    def param_casts(self, term: Term) -> Iterator[tuple[str, int]]:
        """Yield each cast parameter of an operator, and its bytes: the bias comes first.

        A parameter that several operators use is cast by the first.
        """
        if self.lowers_params(term.op) and not term.op.shared:
            for indices in filter(None, (term.op.bias, term.op.right)):
                yield indices, numel(indices, term.sizes) * DTYPES[self.result(term.op)]


def dtypes(terms: Sequence[Term], dtype: str, amp: str) -> Dtypes:
    """Return the dtypes of a network whose parameters and input are of ``dtype``.

    ``amp`` is the low dtype, or "off".
    """
    if amp == "off":
        return Dtypes(dtype, {})
    found: dict[str, str] = {}
    for term in terms:
        found[term.op.name] = _dtype_of(term.op, [found.get(n, dtype) for n in term.op.of], amp)
    return Dtypes(dtype, found)


def _dtype_of(op: Op, read: Sequence[str], amp: str) -> str:
    if op.kind == "contract":
        return amp
    if op.kind in ("add", "concat", "interpolate") and op.right in ("n e", "u e", "e"):
        read = (*read, "float32")  # a parameter, or what was made of one
    if "float32" in read:
        return "float32"
    return amp
