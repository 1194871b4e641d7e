"""One training step over a list of operators: what is alive at each operator."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from pvtprof.analytic.autocast import Dtypes
from pvtprof.analytic.formulas import Term
from pvtprof.analytic.gradients import (
    Gradient,
    Storage,
    Total,
    of_the_caller,
    reads_tokens_as_map,
    rule_of,
    storage_of,
    weight_is_laid_out_anew,
)
from pvtprof.analytic.liveness import (
    allocations,
    beside,
    is_unfused,
    keeps,
    releases,
)
from pvtprof.analytic.ops import INPLACE, Regrad, exceeds_one, numberless, numel
from pvtprof.analytic.training_terms import batch_statistics, blocks, outputs
from pvtprof.designs.words import DTYPES
from pvtprof.moment import Moment

#: The moments of one operator's backward, and the gradients of what it had read, by name.
Backward: TypeAlias = Generator[Moment, None, list[tuple[str, Gradient]]]
#: How the gradients of one kind of operator are made.
Rule: TypeAlias = Callable[["Step", Term, Gradient], Backward]


class Step:
    """A training step over an unrolled list of operators, with its state."""

    def __init__(self, terms: Sequence[Term], dtypes: Dtypes, recompute: bool = False) -> None:
        self.terms = terms
        self.dtypes = dtypes
        self.live = 0
        self.made: dict[str, Storage] = {}
        self.saved: dict[str, list[Storage]] = {}
        self.cached: dict[tuple[str, str], Storage] = {}  # parameters that autocast has cast
        self.totals: dict[tuple[str, str], Total] = {}  # gradients of parameters: whose, and which
        self.added: list[Storage] = []  # gradients that are added to those in place
        self.pending: dict[str, list[Gradient]] = {}
        self.stacks = {t.op.name for t in terms if "stack" in (r.aten for r in t.op.regrads)}
        self.released = releases(terms)
        self.outputs = outputs(terms)
        self.given = {"image", *(t.op.name for t in terms if t.op.kind == "zeros")}  # none learns
        every = blocks(terms) if recompute else []
        self.block_of = {terms[i].op.name: block for block in every for i in block}

    def alloc(self, size: int) -> Storage:
        """Return a new storage of so many bytes."""
        self.live += size
        return Storage(size)

    def tensor(self, indices: str, term: Term, dtype: str | None = None) -> Storage:
        """Return a new storage for a tensor with these indices, in the dtype of the result."""
        each = DTYPES[dtype or self.dtypes.result(term.op)]
        return self.alloc(numel(indices, term.sizes) * each)

    def parameter(self, indices: str, term: Term) -> Storage:
        """Return the gradient of a parameter; it is cast later where the parameter was.

        That of a parameter which several operators use is added to the first one, and let go.
        """
        low = self.dtypes.lowers_params(term.op)
        gradient = self.tensor(indices, term, None if low else self.dtypes.params)
        key = term.op.shared or term.op.name, indices
        if key in self.totals:
            self.added.append(gradient)
        else:
            anew = indices == term.op.right and weight_is_laid_out_anew(term)
            self.totals[key] = Total(gradient, anew)
        return gradient

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
        for i, term in enumerate(self.terms):
            block = self.block_of.get(term.op.name)
            if block and i == block[0]:
                self._hold_entry(term)
            yield from self._forward_of(term, is_kept=block is None)
            self._release(self.released.get(i, ()))
        self._leave_autocast()

    def _hold_entry(self, term: Term) -> None:
        """Keep what a block that is recomputed reads, for as long as its first operator needs."""
        entry = self.made.get(term.op.of[0])
        if entry:
            entry.holders += 1

    def _release(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.outputs:
                self.drop(self.made[name])

    def _leave_autocast(self) -> None:
        for storage in self.cached.values():
            self.drop(storage)
        self.cached.clear()

    def _forward_of(self, term: Term, is_kept: bool, runs: bool = True) -> Iterator[Moment]:
        """Yield the allocations of an operator; with ``runs`` false, only those before it runs."""
        op = term.op
        cast = None
        for indices, size in self.dtypes.param_casts(term):
            self.cached[op.name, indices] = self.alloc(size)
            yield self.now(op.module, "_to_copy")
        weight = self.cached.get((op.shared or op.name, op.right))
        if self.dtypes.is_cast(op):
            cast = self.tensor(op.left, term)
            yield self.now(op.module, "_to_copy")
        names, keeps_statistics = keeps(term)
        sources = dict(self.made)
        if cast:
            sources[op.of[0]] = cast
        statistics = None
        if runs:
            statistics = yield from self._made_by(term)
            sources[op.name] = self.made[op.name]
        kept = [sources[name] for name in names if name in sources]
        is_read = rule_of(term) != "linear" or op.of[0] not in self.given
        kept += [weight] if weight and is_read else []  # by the gradient of the input
        if is_kept:
            for storage in kept:
                storage.holders += 1
            self.saved[op.name] = kept
            if statistics and keeps_statistics:
                statistics.holders += 1
                self.saved[op.name].append(statistics)
        for temporary in filter(None, (cast, statistics)):
            self.drop(temporary)

    def _made_by(self, term: Term) -> Generator[Moment, None, Storage]:
        """Yield the allocations of an operator itself; return what is made beside its result."""
        parts = [(Storage(0), Storage(0))] if term.op.kind in INPLACE else []
        for aten, size, _ in allocations(term, self.dtypes.result(term.op)):
            extra = beside(term, self.dtypes.statistics(term.op))
            extra += batch_statistics(term) * DTYPES[self.dtypes.statistics(term.op)]
            parts.append((self.alloc(size), self.alloc(extra)))
            yield self.now(term.op.module, aten)
        for temporary, _ in parts[:-1]:
            self.drop(temporary)
        self.made[term.op.name], statistics = parts[-1]
        return statistics

    def recomputed(self, term: Term) -> Iterator[Moment]:
        """Yield the second forward pass of an operator's block, if it is the first to need it."""
        block = self.block_of.get(term.op.name)
        if block and any(keeps(term)) and term.op.name not in self.saved:
            yield from self._recompute(block)

    def _recompute(self, block: Sequence[int]) -> Iterator[Moment]:
        """Yield the allocations of a block's second forward pass, which ends early.

        It ends at the last operator that saves something, before that one runs: it saves what it
        reads.
        """
        mine = {self.terms[i].op.name for i in block}
        last = max(i for i in block if any(keeps(self.terms[i])))
        alive: set[str] = set()
        for i in range(block[0], last + 1):
            yield from self._forward_of(self.terms[i], is_kept=True, runs=i < last)
            alive |= {self.terms[i].op.name} if i < last else set()
            gone = mine.intersection(self.released.get(i, ())) if i < last else set()
            self._release(gone)
            alive -= gone
        self._release(alive)
        self._leave_autocast()
        entry = self.made.get(self.terms[block[0]].op.of[0])
        if entry:  # what the first forward pass has kept for this
            self.saved[self.terms[block[0]].op.name].append(entry)

    def backward(self, rules: Mapping[str, Rule]) -> Iterator[Moment]:
        """Yield every allocation of the backward pass; ``rules`` make gradients (``rule_of``)."""
        for name in self.outputs:
            self.pending[name] = [Gradient(of_the_caller(self.made[name]))]
        for term in reversed(self.terms):
            name = storage_of(term.op)
            if name not in self.pending:
                continue  # nothing learns from it
            gradient = yield from self._regraded(term, self.pending.pop(name))
            if not is_unfused(term):  # which adds the gradient of its bias up before
                yield from self.recomputed(term)
            found = yield from rules[rule_of(term)](self, term, gradient)
            self.let_go(term)
            self.drop(gradient.storage)
            for storage in self.added:
                self.drop(storage)
            self.added.clear()
            if not self.dtypes.lowers_params(term.op):
                yield from self._laid_out_anew(term)
            for name, one in found:
                one = yield from self._cast_back(term, one)
                yield from self._accumulate(name, one, term.op.module)
            yield from self._raised(term)
        for (given,) in self.pending.values():  # the gradient of tokens that a module was given
            self.drop(given.storage)

    def let_go(self, term: Term) -> None:
        """Drop what an operator has saved; a second time, nothing."""
        for storage in self.saved.pop(term.op.name, ()):
            self.drop(storage)

    def _laid_out_anew(self, term: Term) -> Iterator[Moment]:
        """Yield the copy of a weight's gradient that does not lie as the weight does."""
        total = self.totals.get((term.op.name, term.op.right))
        if total is None or not total.anew:
            return
        copy = self.tensor(term.op.right, term, self.dtypes.params)
        yield self.now(term.op.module, "new_empty_strided")
        self.drop(copy)

    def _cast_back(self, term: Term, found: Gradient) -> Generator[Moment, None, Gradient]:
        """Yield the cast of a gradient to the dtype of what was cast for a product."""
        if term.op.kind != "contract" or not self.dtypes.is_cast(term.op):
            return found
        cast = self.tensor(term.op.left, term, self.dtypes.of(term.op.of[0]))
        yield self.now(term.op.module, "_to_copy")
        self.drop(found.storage)
        return Gradient(cast, view=reads_tokens_as_map(term.op))

    def _raised(self, term: Term) -> Iterator[Moment]:
        """Yield the casts of the gradients of cast parameters: of the weight, then of the bias."""
        if not self.dtypes.lowers_params(term.op) or term.op.shared:
            return
        for indices in filter(None, (term.op.right, term.op.bias)):
            self.tensor(indices, term, self.dtypes.params)
            yield self.now(term.op.module, "_to_copy")
            self.drop(self.totals[term.op.name, indices].storage)
            if indices == term.op.right:
                yield from self._laid_out_anew(term)

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
