"""Which design to take: every R and variant of every stage, by predicted latency and exact cost.

A network's cost is a sum over its stages (of its peak memory, the largest), so that a million
designs are a few lookups each; designs are evaluated as arrays, some at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pvtprof import units
from pvtprof.analytic.formulas import model_terms, total
from pvtprof.analytic.parts import image_bytes, needs_of
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.designs.words import DEFAULT_PROPOSALS
from pvtprof.errors import SpecError
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.prediction import Prediction
from pvtprof.predict.search import Search
from pvtprof.predict.space import (
    EVERYTHING,
    GOALS,
    Floats,
    Option,
    Space,
    is_timed_whole,
    network,
    timed_kernels,
)
from pvtprof.predict.wanted import Design, DesignKey, Wanted, with_time


@dataclass(frozen=True)
class Found:
    """The designs that nothing beats in everything, by latency; how many there were in all.

    ``is_doubtful`` says that the machine was busy while it was calibrated; ``is_whole`` that the
    latency is that of the whole network, and not of the backbone of its task alone. ``notes`` say
    where measured latencies come from.
    """

    model: ModelSpec
    setting: Setting
    front: tuple[Design, ...]
    published: tuple[Design, ...]
    searched: int
    feasible: int
    search: Search = EVERYTHING
    is_doubtful: bool = False
    is_whole: bool = True
    notes: tuple[str, ...] = ()

    @property
    def measured(self) -> int:
        """How many of the designs shown have a measured latency."""
        return sum(design.is_measured for design in (*self.front, *self.published))


def choose(
    model: ModelSpec,
    setting: Setting,
    calibration: Calibration,
    within_s: float | None = None,
    memory_bytes: int | None = None,
    search: Search = EVERYTHING,
) -> Found:
    """Return the Pareto front of all designs of the search that are within the limits.

    Raises SpecError where there is none.
    """
    return chosen(Wanted(model, setting, calibration, within_s, memory_bytes, search))


def chosen(wanted: Wanted) -> Found:
    """Return the Pareto front of what is wanted; raises SpecError where it is empty."""
    model, setting, calibration = wanted.model, wanted.setting, wanted.calibration
    fronts: list[tuple[Floats, list[tuple[Space, int]]]] = []
    searched = feasible = 0
    is_whole = is_timed_whole(model, setting, calibration)
    fastest = np.full(len(GOALS), np.inf)
    for space, designs, costs in wanted.costed():
        searched += len(designs)
        fastest = np.minimum(fastest, costs.min(axis=0))
        kept = wanted.allowed(costs)
        feasible += int(kept.sum())
        best = np.flatnonzero(kept)[front(costs[kept])]
        fronts.append((costs[best], [(space, int(designs[i])) for i in best]))
    costs = np.concatenate([part for part, _ in fronts])
    if not len(costs):
        raise SpecError(_too_tight(model, setting, fastest, is_whole))
    places = [place for _, part in fronts for place in part]
    best_first = sorted(front(costs), key=lambda i: tuple(costs[i]))
    shown = published(setting, calibration, model.task, model.proposals)
    return Found(
        model,
        setting,
        tuple(wanted.design(places[i], costs[i]) for i in best_first),
        tuple(with_time(one, _of(wanted, one)) for one in shown),
        searched,
        feasible,
        wanted.search,
        calibration.is_doubtful,
        is_whole,
    )


def _of(wanted: Wanted, design: Design) -> Mapping[DesignKey, Prediction]:
    """Return the measured times that may be of a published model: none, if it is another one."""
    return wanted.measured if design.published == wanted.model.name else {}


def front(costs: Floats) -> npt.NDArray[np.intp]:
    """Return the rows that no other row dominates (as good in every column, better in one).

    Of equal rows one is kept.
    """
    order = np.lexsort(costs.T[::-1])
    kept = np.empty((0, costs.shape[1]))
    indices: list[int] = []
    for begin in range(0, len(order), 1024):
        part = order[begin : begin + 1024]
        part = part[~_beaten(costs[part], kept)]
        for i in part:  # sorted by the first column: only what came before can beat what comes
            if not _beaten(costs[i : i + 1], kept[-len(part) :])[0]:
                kept = np.concatenate([kept, costs[i : i + 1]])
                indices.append(int(i))
    return np.array(indices, np.intp)


def _beaten(costs: Floats, by: Floats) -> npt.NDArray[np.bool_]:
    """Return for each row of ``costs`` whether a row of ``by`` is as good in every column."""
    beaten = np.zeros(len(costs), bool)
    for begin in range(0, len(by), 1024):
        some = by[begin : begin + 1024]
        beaten |= np.all(some[None, :, :] <= costs[:, None, :], axis=2).any(axis=1)
    return beaten


def published(
    setting: Setting,
    calibration: Calibration,
    task: str = CLASSIFY,
    proposals: int = DEFAULT_PROPOSALS,
) -> tuple[Design, ...]:
    """Return the published models at the setting's image, computed without tables."""
    found = []
    for name, spec in MODELS.items():
        options = tuple(
            (s.variant, s.sr_ratio if s.variant == "sra_conv" else 1) for s in spec.stages
        )
        try:
            used = spec.used_for(task, proposals)
            design = evaluated(used, setting, calibration, options)
            found.append(replace(design, published=name))
        except SpecError:
            continue  # R larger than the grid of so small an image
    return tuple(found)


def evaluated(
    model: ModelSpec, setting: Setting, calibration: Calibration, options: Sequence[Option]
) -> Design:
    """Return one design, computed operator by operator in whole numbers."""
    terms = model_terms(network(model, options), setting.image, setting.batch, setting.attention)
    timed = timed_kernels(terms, setting.dtype, calibration)
    seconds = calibration.seconds((kernel, term.times) for term, kernel in timed)
    return at_latency(model, setting, options, calibration.around("model", seconds))


def at_latency(
    model: ModelSpec, setting: Setting, options: Sequence[Option], latency: Prediction
) -> Design:
    """Return one design whose latency is known, with its exact costs."""
    spec = network(model, options)
    terms = model_terms(spec, setting.image, setting.batch, setting.attention)
    cost = total(terms)
    memory, _ = needs_of(terms, setting, image_bytes(spec, setting))
    return Design(tuple(options), model.pool_size, latency, cost.macs, cost.params, memory)


def _too_tight(model: ModelSpec, setting: Setting, least: Floats, is_whole: bool) -> str:
    size = units.sides(*setting.image)
    return (
        f"no design of {model.name} at {size} is within these limits: the fastest"
        f"{'' if is_whole else ' backbone'} takes {units.milliseconds(float(least[0]))}, "
        f"the smallest needs {units.size(int(least[3]))}; "
        "raise --within or --memory, or use a smaller --img or --model"
    )
