"""From which image on one network needs fewer MACs than another, by formula."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from pvtprof.analytic.formulas import Term, stage_terms
from pvtprof.analytic.geometry import attention_sizes, model_sizes, token_grids
from pvtprof.analytic.ops import letters, product
from pvtprof.designs.checks import MAX_SIDE
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.errors import SpecError

#: The indices whose sizes depend on the image.
_GROWING = ("n", "m", "s", "p")


@lru_cache(maxsize=64)
def macs_by_side(spec: ModelSpec) -> Callable[[int], int]:
    """Return the MACs of a network that classifies, for square images, as a function of the side.

    >>> from pvtprof.designs.published import model_spec
    >>> macs_by_side(model_spec("pvt_v2_b2"))(224)
    4026734592
    """
    if spec.task != CLASSIFY:
        raise SpecError(f"macs_by_side takes networks that {CLASSIFY}; this is of {spec.task}")
    side = spec.built[0]
    while not _takes(spec, side):  # a side that shows the operators: they are the same at all
        side *= 2
    factors = list(map(_factors, stage_terms(spec, (side, side))))

    def macs(side: int) -> int:
        grids, before, total = token_grids(spec, side, side), side * side, 0
        for number, (stage, grid) in enumerate(zip(spec.stages, grids, strict=True)):
            extra = 1 if spec.class_token and number == spec.last - 1 else 0
            sizes = attention_sizes(stage, 1, grid, spec.pool_size, extra)
            sizes |= {"s": grid[0] * grid[1], "p": before}
            total += sum(f * product(indices, sizes) for indices, f in factors[number].items())
            before = sizes["s"]
        return total

    return macs


def _factors(terms: Sequence[Term]) -> Counter[tuple[str, ...]]:
    """Return by what to multiply each product of growing indices, in one stage."""
    factors: Counter[tuple[str, ...]] = Counter()
    for term in terms:
        if term.op.kind == "contract":
            multiplied = letters(term.op.right, term.op.out)
            fixed = tuple(i for i in multiplied if i not in _GROWING)
            growing = tuple(i for i in multiplied if i in _GROWING)
            factors[growing] += term.times * product(fixed, term.sizes)
    return factors


def smallest_square(spec: ModelSpec) -> int:
    """Return the side of the smallest square image that a network takes."""
    low, high = 1, MAX_SIDE
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _takes(spec, middle) else (middle + 1, high)
    return low


def _takes(spec: ModelSpec, side: int) -> bool:
    try:
        return bool(model_sizes(spec, 1, (side, side)))
    except SpecError:
        return False


@lru_cache(maxsize=64)
def cheaper_from(mine: ModelSpec, other: ModelSpec, most: int) -> tuple[int | None, int | None]:
    """Return from which square image on ``mine`` needs fewer MACs than ``other``, up to ``most``.

    The smallest side that both take, and the side from which on; None: there is none. MACs change
    only where the first patch embedding, with its stride, has a token more.

    >>> from pvtprof.designs.published import model_spec
    >>> spec = model_spec("pvt_v2_b2")
    >>> cheaper_from(spec.with_attention("sra_pool"), spec.with_attention("sra_conv"), 4096)
    (29, 189)
    """
    low = max(smallest_square(mine), smallest_square(other))
    if low > most:
        return None, None
    ours, theirs = macs_by_side(mine), macs_by_side(other)
    kernel, stride, padding = mine.patch(1)
    start, side = None, most
    while side >= low and ours(side) < theirs(side):
        first = side - (side + 2 * padding - kernel) % stride
        start = max(low, first)
        side = first - 1
    return low, start
