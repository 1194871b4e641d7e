"""Which conventions, sizes, parts and units give a printed figure to its digits.

Everything that may be meant is enumerated: a task, a size, a convention, whether the products of
attention and the classifier are in it, one or two per MAC, and the unit. What needs the fewest
assumptions comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pvtprof.analytic.formulas import model_terms
from pvtprof.analytic.ops import Op
from pvtprof.analytic.printed import ROUNDED, TRUNCATED, TWICE, Printed
from pvtprof.analytic.terms import Term
from pvtprof.analytic.tools import TOOLS, Tool
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY, TASKS
from pvtprof.errors import SpecError

#: Sizes at which papers count, the usual ones of each task first.
SIZES = (
    *((224, 224), (512, 512), (800, 1333), (1280, 800), (800, 1280)),
    *((256, 256), (384, 384), (1024, 2048)),
)
_USUAL = {
    CLASSIFY: ((224, 224),),
    "semantic-fpn": ((512, 512),),
}
_DETECTION = ((800, 1333), (1280, 800), (800, 1280), (512, 512))
#: How many assumptions what is rare is worth.
_HOW = {ROUNDED: 0, TWICE: 2, TRUNCATED: 3}
_BINARY, _WITHOUT_PRODUCTS, _WITHOUT_HEAD, _WITH_PRODUCTS, _SOFTMAX = 6, 2, 2, 3, 2
#: Conventions of which another one is the same without (or with) the products of attention.
_ONE_WAY = ("paper", "mmcv", "torchinfo")
_RANKS = {"macs": 0, "paper": 0, "fvcore": 0, "torch": 0, "torchinfo": 3}


@dataclass(frozen=True, slots=True)
class Reading:
    """What is counted: of which task, at which size, by which rule, with which parts.

    ``products`` are those of attention, ``head`` is the classifier, ``softmax`` a module of it.
    ``doubled`` counts are two for each of the convention. ``image`` is (height, width); of a
    module of the user's own it is empty.
    """

    task: str
    image: tuple[int, ...]
    tool: str
    products: bool
    head: bool = True
    softmax: bool = False
    doubled: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reading with its exact count: how it gives the digits in ``unit`` ("": it does not).

    ``steps`` are the assumptions that it takes, ``off`` is the distance as a share.
    """

    reading: Reading
    count: int
    unit: int
    how: str
    steps: int
    off: float


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What explains a printed figure, the nearest first; ``nearest`` where nothing does.

    ``tried`` readings were compared with it.
    """

    printed: Printed
    explanations: tuple[Explanation, ...]
    nearest: tuple[Explanation, ...]
    tried: int

    @property
    def is_explained(self) -> bool:
        """Whether at least one reading gives the printed digits."""
        return bool(self.explanations)


def specs_of(spec: ModelSpec, task: str | None) -> tuple[ModelSpec, ...]:
    """Return the network for the task, or where none is said for its own and every other."""
    if task is not None:
        return (spec.used_for(task),)
    names = dict.fromkeys((spec.task, *TASKS))
    return tuple(spec.used_for(name) for name in names)


def reconcile(
    printed: Printed,
    spec: ModelSpec,
    images: Sequence[tuple[int, int]] | None = None,
    task: str | None = None,
) -> Reconciled:
    """Return the readings of a network that give a printed number of MACs or FLOPs.

    ``images`` None are the sizes of papers; sizes that the network does not take are left out.

    >>> from pvtprof.analytic.printed import printed
    >>> from pvtprof.designs.published import model_spec
    >>> found = reconcile(printed("4.0G"), model_spec("pvt_v2_b2"))
    >>> found.explanations[0].reading.tool, found.explanations[0].count
    ('macs', 4026734592)
    """
    found: list[tuple[Reading, int, int]] = []
    refused: SpecError | None = None
    for one in specs_of(spec, task):
        for image in images or SIZES:
            try:
                terms = model_terms(one, image)
            except SpecError as error:
                refused = error
                continue
            place = _place(one.task, image, spec.task if task is None else task, bool(images))
            found += [(r, count, place + s) for r, count, s in readings(one.task, image, terms)]
    if not found and refused:
        raise refused
    return explained(printed, found)


def explained(printed: Printed, found: Iterable[tuple[Reading, int, int]]) -> Reconciled:
    """Return which of some counts give the printed digits; each has its assumptions."""
    every = [
        Explanation(
            reading,
            count,
            unit,
            how,
            _steps(printed, reading, unit, how, given),
            printed.off(count, unit),
        )
        for reading, count, given in found
        for unit in printed.units
        for how in (_how(printed, count, unit),)
    ]
    fitting = _each_once(sorted((o for o in every if o.how), key=lambda o: (o.steps, o.off)))
    rest = [one for one in every if one.unit == printed.unit]
    nearest = _each_once(sorted(rest, key=lambda one: (one.off, one.steps)))[:5]
    return Reconciled(printed, tuple(fitting), () if fitting else tuple(nearest), len(every))


def _how(printed: Printed, count: int, unit: int) -> str:
    """Return how a count gives the digits; a binary unit is slip enough, and is rounded."""
    how = printed.how(count, unit)
    return how if unit == printed.unit or how == ROUNDED else ""


def _each_once(ordered: Iterable[Explanation]) -> list[Explanation]:
    """Return each count of a convention at a size once: a network without its head is a pyramid."""
    kept: dict[tuple[object, ...], Explanation] = {}
    for one in ordered:
        reading = one.reading
        kept.setdefault((one.count, one.unit, reading.tool, tuple(sorted(reading.image))), one)
    return list(kept.values())


def _steps(printed: Printed, reading: Reading, unit: int, how: str, given: int) -> int:
    two = reading.doubled or (reading.tool in TOOLS and TOOLS[reading.tool].convention.per_mac == 2)
    against = {"flops": int(not two), "macs": 3 * two, "": int(two)}[printed.said]
    return given + against + _BINARY * (unit != printed.unit) + _HOW.get(how, 0)


def _place(task: str, image: tuple[int, int], wanted: str, given: bool) -> int:
    usual = _USUAL.get(task, _DETECTION)
    return 2 * (task != wanted) + (0 if given else 2 * (image not in usual))


def readings(
    task: str, image: tuple[int, int], terms: Sequence[Term]
) -> Iterator[tuple[Reading, int, int]]:
    """Yield every reading of a network at a size, its count, and the assumptions that it takes."""
    for tool in TOOLS.values():
        if tool.learned and TASKS[task].neck is not None:
            continue
        parts = _parts(tool, terms)
        rank = _RANKS.get(tool.name, 1)
        for products, softmax, head, doubled in _choices(tool, task):
            count = parts["rest"] + products * parts["products"] + softmax * parts["softmax"]
            count += head * parts["head"]
            steps = rank + _SOFTMAX * softmax + _WITHOUT_HEAD * (not head) + doubled
            if products != tool.convention.products:
                steps += _WITH_PRODUCTS if products else _WITHOUT_PRODUCTS
            reading = Reading(task, image, tool.name, products, head, softmax, doubled)
            yield reading, (2 if doubled else 1) * count, steps


def _choices(tool: Tool, task: str) -> Iterator[tuple[bool, bool, bool, bool]]:
    """Yield (products, softmax, head, doubled), those that the convention has."""
    products = (tool.convention.products, not tool.convention.products)
    for with_products in products[:1] if tool.name in _ONE_WAY else products:
        for softmax in (False, True) if tool.softmax else (False,):
            for head in (True, False) if task == CLASSIFY else (True,):
                for doubled in (False, True) if _may_double(tool) else (False,):
                    yield with_products, softmax, head, doubled


def _may_double(tool: Tool) -> bool:
    return tool.convention.per_mac == 1 and tool.name != "macs"


def _parts(tool: Tool, terms: Iterable[Term]) -> Counter[str]:
    """Return the count of a convention by products of attention, softmax, classifier and rest."""
    everything = replace(tool.with_softmax, products=True)
    parts: Counter[str] = Counter()
    for term in terms:
        parts[_part(term.op)] += term.count(everything)
    return parts


def _part(op: Op) -> str:
    if op.kind == "contract" and not op.owns_right:
        return "products"
    return op.kind if op.kind == "softmax" else "head" if op.name == "head" else "rest"
