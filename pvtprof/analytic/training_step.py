"""One training step over a list of operators: what is alive at each operator."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pvtprof.analytic.formulas import Term
from pvtprof.analytic.liveness import (
    allocations,
    keeps,
    releases,
)
from pvtprof.analytic.ops import Regrad, exceeds_one, numberless, numel
from pvtprof.designs.words import DTYPES
from pvtprof.moment import Moment


@dataclass(eq=False, slots=True)
class Storage:
    """A number of bytes, and how many hold them."""

    bytes: int
    holders: int = 1


@dataclass(eq=False, slots=True)
class Gradient:
    """The gradient of a result: whether it is a ``view``, and whether it lies ``as_map``."""

    storage: Storage
    view: bool = False
    as_map: bool = False


#: The moments of one operator's backward, and the gradients of what it had read, by name.
Backward: TypeAlias = Generator[Moment, None, list[tuple[str, Gradient]]]
#: How the gradients of one kind of operator are made.
Rule: TypeAlias = Callable[["Step", Term, Gradient], Backward]


class Step:
    """A training step over an unrolled list of operators, with its state."""

    def __init__(self, terms: Sequence[Term], dtype: str) -> None:
        self.terms = terms
        self.dtype = dtype
        self.live = 0
        self.made: dict[str, Storage] = {}
        self.saved: dict[str, list[Storage]] = {}
        self.pending: dict[str, list[Gradient]] = {}
        self.stacks = {t.op.name for t in terms if "stack" in (r.aten for r in t.op.regrads)}

    def alloc(self, size: int) -> Storage:
        """Return a new storage of so many bytes."""
        self.live += size
        return Storage(size)

    def tensor(self, indices: str, term: Term) -> Storage:
        """Return a new storage for a tensor with these indices."""
        return self.alloc(numel(indices, term.sizes) * DTYPES[self.dtype])

    def drop(self, storage: Storage) -> None:
        """Remove one holder of a storage."""
        storage.holders -= 1
        if storage.holders == 0:
            self.live -= storage.bytes

    def now(self, where: str, aten: str) -> Moment:
        """Return this moment; an unrolled block has the name that all blocks of its stage share."""
        return Moment(self.live, f"{numberless(where)} {aten}".strip())

    def forward(self) -> Iterator[Moment]:
        """Yield every allocation of the forward pass; then saved tensors and output are alive."""
        released = releases(self.terms)
        for i, term in enumerate(self.terms):
            yield from self._forward_of(term)
            for name in released.get(i, ()):
                if name != self.terms[-1].op.name:
                    self.drop(self.made[name])

    def _forward_of(self, term: Term) -> Iterator[Moment]:
        parts = []
        for aten, size, extra in allocations(term, self.dtype):
            parts.append((self.alloc(size), self.alloc(extra)))
            yield self.now(term.op.module, aten)
        for temporary, _ in parts[:-1]:
            self.drop(temporary)
        self.made[term.op.name], statistics = parts[-1]
        names, keeps_statistics = keeps(term)
        kept = [self.made[name] for name in names if name in self.made]
        for storage in kept:
            storage.holders += 1
        if not keeps_statistics:
            self.drop(statistics)
        self.saved[term.op.name] = [*kept, statistics] if keeps_statistics else kept

    def backward(self, rules: Mapping[str, Rule]) -> Iterator[Moment]:
        """Yield every allocation of the backward pass; ``rules`` make gradients (``rule_of``)."""
        self.pending[self.terms[-1].op.name] = [Gradient(Storage(0))]
        for term in reversed(self.terms):
            gradient = yield from self._regraded(term, self.pending.pop(term.op.name))
            found = yield from rules[rule_of(term)](self, term, gradient)
            for storage in (*self.saved.pop(term.op.name), gradient.storage):
                self.drop(storage)
            if _weight_is_laid_out_anew(term):
                copy = self.tensor(term.op.right, term)
                yield self.now(term.op.module, "new_empty_strided")
                self.drop(copy)
            for name, one in found:
                yield from self._accumulate(name, one, term.op.module)

    def _regraded(self, term: Term, arrived: list[Gradient]) -> Generator[Moment, None, Gradient]:
        """Yield the gradient of a result in the layout that the backward needs."""
        regrads = [r for r in term.op.regrads if exceeds_one(r.when, term.sizes)]
        if arrived[0].as_map and rule_of(term) == "linear":
            regrads.append(Regrad("clone", term.op.module))
        for regrad in regrads:
            copy = self.tensor(term.op.out, term)
            yield self.now(regrad.where, regrad.aten)
            for old in arrived:
                self.drop(old.storage)
            arrived = [Gradient(copy)]
        return arrived[0]

    def _accumulate(self, name: str, found: Gradient, where: str) -> Iterator[Moment]:
        waiting = self.pending.setdefault(name, [])
        if not waiting or name in self.stacks:
            waiting.append(found)
            return
        (old,) = waiting
        if old.view or old.storage.holders > 1:
            total = self.alloc(old.storage.bytes)
            yield self.now(where, "add")
            self.drop(old.storage)
            self.pending[name] = [Gradient(total, as_map=old.as_map)]
        self.drop(found.storage)


def _weight_is_laid_out_anew(term: Term) -> bool:
    """Return whether the gradient of a convolution's weight is channels-last, and is copied.

    It does where the input is the token map (at batch 1 that one lies channel by channel), and
    where the input is a single pixel, for which both layouts are one.
    """
    if term.op.right.startswith("k l") and term.op.of != ("image",):
        return term.sizes["p"] == 1 and exceeds_one("kl", term.sizes)
    return term.op.right.startswith("i j") and exceeds_one("ij b", term.sizes)


def rule_of(term: Term) -> str:
    """Return the name of the rule that makes an operator's gradients."""
    op = term.op
    if op.fused:
        return "fused"
    if op.kind != "contract":
        return op.kind
    if not op.owns_right:
        return "bmm"
    return "convolution" if op.is_convolution else "linear"
