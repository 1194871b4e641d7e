"""The tensors that are alive at the peak of a forward pass, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pvtprof.analytic.liveness import allocating, allocations, releases
from pvtprof.analytic.ops import letters
from pvtprof.analytic.terms import Term


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor: the operator that made it, its shape without sides of 1, and its bytes.

    ``kind`` is "" for the result of the operator, "beside" for what it returns beside it.
    """

    name: str
    shape: tuple[int, ...]
    bytes: int
    kind: str = ""


def at_peak(terms: Sequence[Term], dtype: str) -> tuple[Tensor, ...]:
    """Return the tensors at the first moment with the most live bytes, in the order of making.

    Their bytes add up to ``liveness.peak``; repeated blocks are there once, as in it.
    """
    running = allocating(terms)
    released = releases(running)
    alive: dict[str, Tensor] = {}
    most, found = -1, tuple[Tensor, ...]()
    for i, term in enumerate(running):
        name, now = term.op.name, list(alive.values())
        shape = tuple(term.sizes[i] for i in letters(term.op.out) if term.sizes[i] > 1)
        alive[name] = Tensor(name, shape, 0)
        for _, size, extra in allocations(term, dtype):
            alive[name] = Tensor(name, shape, size)
            now += [alive[name], *[Tensor(name, (), extra, "beside")] * bool(extra)]
            if (held := sum(one.bytes for one in now)) > most:
                most, found = held, tuple(one for one in now if one.bytes)
        for gone in released.get(i, ()):
            del alive[gone]
    return found
