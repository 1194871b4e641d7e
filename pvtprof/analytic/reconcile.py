"""Which way of counting gives a printed figure: conventions, sizes, parts and tasks in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pvtprof import units
from pvtprof.analytic.cost import MACS, PAPER, TORCH, Convention
from pvtprof.analytic.dense import part_of
from pvtprof.analytic.formulas import Term, model_terms, total
from pvtprof.analytic.tools import TOOLS
from pvtprof.designs.named import Model, network
from pvtprof.designs.printed import Printed, printed
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY, TASKS
from pvtprof.designs.words import DEFAULT_MODEL
from pvtprof.errors import SpecError

#: Sizes that papers print figures at, (height, width) in pixels, the likely ones first.
SIZES = (
    *((224, 224), (512, 512), (384, 384), (256, 256)),
    *((800, 1280), (1280, 800), (800, 1333), (1024, 2048)),
)
#: What is said where nothing gives the figure: so many of the nearest.
NEAREST = 3
#: Steps away from the usual way of printing a figure; of any other way 5.
_UNUSUAL_DIGITS = {"": 0, "rounded": 0, "rounded twice": 1, "cut off": 3}


@dataclass(frozen=True, slots=True)
class Explanation:
    """One way of counting, and what it gives.

    ``how`` says how the exact ``value`` becomes the printed figure ("" where it does not).
    ``counted`` is the convention, ``at`` the size, ``left_out`` what it was counted without.
    ``steps`` are the steps away from the usual way of counting: the fewer, the likelier.
    """

    value: int
    how: str
    counted: str
    at: str
    task: str
    left_out: tuple[str, ...]
    steps: int

    @property
    def sentence(self) -> str:
        """The explanation as one sentence, without its figure."""
        without = f", without {' and '.join(self.left_out)}" * bool(self.left_out)
        used = "" if self.task == CLASSIFY else f" for {self.task}"
        return f"{self.counted} at {self.at}{used}{without}"


@dataclass(frozen=True, slots=True)
class Weight:
    """A number of parameters that a figure may mean."""

    value: int
    how: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What gives a printed figure: the likeliest first; the nearest where nothing does."""

    printed: Printed
    model: str
    explanations: tuple[Explanation, ...]
    nearest: tuple[Explanation, ...]
    params: Printed | None = None
    weights: tuple[Weight, ...] = ()

    @property
    def is_explained(self) -> bool:
        """Whether something gives the figure, and the params where they were asked for."""
        return bool(self.explanations) and (self.params is None or bool(self.weights))


def reconcile(
    figure: str,
    model: Model = DEFAULT_MODEL,
    img: Sequence[tuple[int, int]] | None = None,
    *,
    params: str | None = None,
    task: str | None = None,
) -> Reconciled:
    """Return which conventions, sizes, parts and tasks give a printed figure to its digits.

    ``figure`` and ``params`` are as a paper prints them, such as "4.0G" and "25.4M". ``model`` is a
    name, the path of a design file or a ``ModelSpec``. ``img`` are the sizes to try, (height,
    width) in pixels (None: those that papers use); ``task`` is tried first, others after it. The
    likeliest explanation is first. Raises SpecError for a figure that is none, and for a model that
    takes none of the sizes.

    >>> found = reconcile("45.8G", "pvt_v2_b2")
    >>> found.explanations[0].value, found.explanations[0].how
    (45747191808, 'rounded twice')
    """
    weight = printed(params) if params else None
    return reconciled(printed(figure), network(model).used_for(task), img or SIZES, weight)


def reconciled(
    figure: Printed, spec: ModelSpec, sizes: Sequence[tuple[int, int]], params: Printed | None
) -> Reconciled:
    """Return what gives a printed figure for a network at some sizes."""
    weights = tuple(_weights(params, spec)) if params else ()
    return answer(figure, spec.name, _all(figure, spec, sizes), params, weights)


def answer(
    figure: Printed,
    name: str,
    ways: Iterable[Explanation],
    params: Printed | None,
    weights: tuple[Weight, ...],
) -> Reconciled:
    """Return the likeliest of some ways of counting that give a figure, and the nearest."""
    found = sorted(ways, key=lambda one: one.steps)
    if not found:
        raise SpecError(f"{name} takes none of these sizes; name another --img")
    matching = tuple(one for one in _distinct(found) if one.how)
    near = sorted(found, key=lambda one: (abs(one.value - figure.value), one.steps))
    return Reconciled(figure, name, matching, tuple(_distinct(near))[:NEAREST], params, weights)


def _distinct(found: Sequence[Explanation]) -> Iterator[Explanation]:
    """Yield the likeliest of those that give the same number at the same size for the same task."""
    seen = set()
    for one in found:
        if (key := (one.value, one.at, one.task)) not in seen:
            seen.add(key)
            yield one


def _all(
    figure: Printed, spec: ModelSpec, sizes: Sequence[tuple[int, int]]
) -> Iterator[Explanation]:
    usual = (spec.task, *(task for task in TASKS if task != spec.task))
    for far, task in enumerate(usual):
        used = spec.used_for(task)
        for place, image in enumerate(sizes):
            try:
                terms = model_terms(used, image)
            except SpecError:
                continue  # too small, or R larger than a grid
            for one in _ways(figure, used, units.grid(*image), terms):
                yield replace(one, steps=one.steps + 4 * (far > 0) + 2 * (place > 0))


def _ways(
    figure: Printed, spec: ModelSpec, at: str, terms: Sequence[Term]
) -> Iterator[Explanation]:
    """Yield every convention of every part of a network at one size."""
    for named, convention in TOOLS.items():
        for left_out, kept in _parts(spec, terms):
            value = sum(term.count(convention) for term in kept)
            steps = _unusual(convention) + 2 * len(left_out)
            how = figure.match(value)
            steps += unusual_digits(how)
            yield Explanation(value, how, named, at, spec.task, left_out, steps)


def unusual_digits(how: str) -> int:
    """Return how many steps a way of printing digits is from rounding."""
    return _UNUSUAL_DIGITS.get(how, 5)


def _unusual(convention: Convention) -> int:
    """Return how many steps a convention is from what papers print."""
    return 0 if convention in (MACS, PAPER) else 1 if convention is TORCH else 2


def _parts(spec: ModelSpec, terms: Sequence[Term]) -> Iterator[tuple[tuple[str, ...], list[Term]]]:
    """Yield what is left out of a network, and the operators that remain."""
    products = ("the products of attention",)
    yield (), list(terms)
    yield products, [term for term in terms if _is_layer(term)]
    for part in _parts_after(spec):
        kept = [term for term in terms if not _belongs(term, spec, part)]
        yield (f"the {part}",), kept
        yield (f"the {part}", *products), [term for term in kept if _is_layer(term)]


def _is_layer(term: Term) -> bool:
    return term.op.kind != "contract" or term.op.owns_right


def _parts_after(spec: ModelSpec) -> tuple[str, ...]:
    """Return what follows the backbone and may be left out, the outermost alone."""
    return ("head",) if spec.task == CLASSIFY or TASKS[spec.task].taker else ()


def _belongs(term: Term, spec: ModelSpec, part: str) -> bool:
    if spec.task == CLASSIFY:
        return term.op.name == part
    return part_of(term.op, spec) == part


def _weights(params: Printed, spec: ModelSpec) -> Iterator[Weight]:
    """Yield the numbers of parameters that give a printed figure."""
    for task in (spec.task, *(task for task in TASKS if task != spec.task)):
        used = spec.used_for(task)
        terms = model_terms(used, spec.built)
        use = "the whole network" if task == CLASSIFY else f"the network for {task}"
        for left_out, kept in ((), terms), *_without_head(used, terms):
            value = total(kept).params
            if how := params.match(value):
                without = f", without {' and '.join(left_out)}" * bool(left_out)
                yield Weight(value, how, f"{use}{without}")


def _without_head(
    spec: ModelSpec, terms: Sequence[Term]
) -> Iterator[tuple[tuple[str, ...], list[Term]]]:
    for part in _parts_after(spec):
        yield (f"the {part}",), [term for term in terms if not _belongs(term, spec, part)]
