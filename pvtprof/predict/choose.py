"""Which design to take: every R and variant of every stage, by predicted latency and exact cost.

A network's cost is a sum over its stages (of its peak memory, the largest), so that a million
designs are a few lookups each; designs are evaluated as arrays, some at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pvtprof import units
from pvtprof.analytic import liveness
from pvtprof.analytic.formulas import model_terms, stage_terms, total
from pvtprof.analytic.geometry import token_grids
from pvtprof.analytic.parts import image_bytes, needs_of
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.errors import SpecError
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.kernels import kernels
from pvtprof.predict.prediction import Prediction

Floats: TypeAlias = npt.NDArray[np.float64]
#: Largest R, and the pooled grids, that are considered.
MOST_RATIO = 16
POOL_SIZES = (3, 5, 7, 9, 11, 14, 16)
#: So many designs are evaluated together: the memory of a search does not grow with its space.
CHUNK = 2**16
#: What is traded off; of each less is better.
GOALS = ("latency_s", "macs", "params", "memory_bytes")
#: One stage: its variant, and its R where it is a strided convolution (1 is plain attention).
Option: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Design:
    """One design: (variant, R) of each stage and the side of the pooled grid, and its cost."""

    options: tuple[Option, ...]
    pool_size: int
    latency: Prediction
    macs: int
    params: int
    memory_bytes: int
    published: str | None = None

    @property
    def name(self) -> str:
        """Such as "conv 8, conv 4, pool 7, mha"."""
        return ", ".join(
            f"pool {self.pool_size}" if variant == "sra_pool"
            else "mha" if ratio == 1 else f"conv {ratio}"
            for variant, ratio in self.options
        )  # fmt: skip


@dataclass(frozen=True)
class Found:
    """The designs that nothing beats in everything, by latency; how many there were in all."""

    model: ModelSpec
    setting: Setting
    front: tuple[Design, ...]
    published: tuple[Design, ...]
    searched: int
    feasible: int


@dataclass(frozen=True)
class Space:
    """Every choice of a stage with what it costs: arrays over its options, and what all share.

    ``busy_s`` are the kernels' seconds, ``calls`` how many there are; ``peak`` is the highest
    moment while the stage runs, in bytes; ``image_bytes`` is the input.
    """

    pool_size: int
    options: tuple[tuple[Option, ...], ...]
    busy_s: tuple[Floats, ...]
    calls: tuple[Floats, ...]
    macs: tuple[Floats, ...]
    params: tuple[Floats, ...]
    peak: tuple[Floats, ...]
    image_bytes: int
    bytes_each: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Options of each stage."""
        return tuple(map(len, self.options))

    def evaluated(self, designs: npt.NDArray[np.intp], calibration: Calibration) -> Floats:
        """GOALS of designs, (designs, 4), from their flat indices."""
        choice = np.unravel_index(designs, self.shape)

        def summed(tables: Sequence[Floats]) -> Floats:
            parts = [table[i] for table, i in zip(tables, choice, strict=True)]
            return np.asarray(np.sum(parts, axis=0))

        busy, waits = summed(self.busy_s), calibration.call_s * summed(self.calls)
        seconds = np.maximum(busy, waits) if calibration.overlaps else busy + waits
        params = summed(self.params)
        peak = np.max([table[i] for table, i in zip(self.peak, choice, strict=True)], axis=0)
        memory = peak + self.bytes_each * params + self.image_bytes
        return np.stack([seconds, summed(self.macs), params, memory], axis=1)

    def options_of(self, design: int) -> tuple[Option, ...]:
        """What a flat index stands for."""
        choice = np.unravel_index(design, self.shape)
        return tuple(options[i] for options, i in zip(self.options, choice, strict=True))


def space(model: ModelSpec, setting: Setting, calibration: Calibration, pool_size: int) -> Space:
    """The choices of every stage with one pooled grid."""
    return next(spaces(model, setting, calibration, [pool_size]))


def spaces(
    model: ModelSpec,
    setting: Setting,
    calibration: Calibration,
    pool_sizes: Sequence[int] = POOL_SIZES,
) -> Iterator[Space]:
    """The choices of every stage of a model, a space for each pooled grid.

    Every choice is evaluated once and exactly; those that do not pool are the same in all spaces.
    """
    grids = token_grids(model, *setting.image)
    ratios = [range(1, min(*grid, MOST_RATIO) + 1) for grid in grids]
    pooling = [True] * 4
    if model.class_token:
        ratios[3], pooling[3] = range(1, 2), False
    convolved = [
        {(option := ("sra_conv", ratio)): _stage(model, setting, calibration, stage, option)
         for ratio in its}
        for stage, its in enumerate(ratios)
    ]  # fmt: skip
    pool: Option = ("sra_pool", 1)
    for pool_size in pool_sizes:
        pooled = replace(model, pool_size=pool_size)
        costs = [
            its | ({pool: _stage(pooled, setting, calibration, stage, pool)} if pools else {})
            for stage, (its, pools) in enumerate(zip(convolved, pooling, strict=True))
        ]
        tables = [np.array(list(its.values()), float).T for its in costs]
        busy, calls, macs, params, peak = (tuple(table[i] for table in tables) for i in range(5))
        yield Space(pool_size, tuple(map(tuple, costs)), busy, calls, macs, params, peak,
                    image_bytes(setting), setting.bytes_each)  # fmt: skip


def network(model: ModelSpec, options: Sequence[Option], pool_size: int) -> ModelSpec:
    """The model with these options."""
    spec = replace(model, pool_size=pool_size)
    return spec.with_attention([variant for variant, _ in options], [ratio for _, ratio in options])


def _stage(
    model: ModelSpec, setting: Setting, calibration: Calibration, stage: int, option: Option
) -> tuple[float, ...]:
    """Kernels' seconds, calls, MACs, params and peak of one stage (0 to 3) with one option."""
    plain: list[Option] = [("sra_conv", 1)] * 4
    plain[stage] = option
    spec = network(model, plain, model.pool_size)
    by_stage = stage_terms(spec, setting.image, setting.batch, setting.attention)
    terms = by_stage[stage]
    found = list(kernels(terms, setting.dtype))
    cost = total(terms)
    moments = liveness.timeline([term for its in by_stage for term in its], setting.dtype)
    before = sum(len(list(kernels(its, setting.dtype))) for its in by_stage[:stage])
    mine = [moment.bytes for moment in moments][before : before + len(found)]
    return (
        sum(term.times * calibration.kernel_s(kernel) for term, kernel in found),
        sum(term.times for term, _ in found), cost.macs, cost.params, max(mine),
    )  # fmt: skip


def choose(
    model: ModelSpec,
    setting: Setting,
    calibration: Calibration,
    within_s: float | None = None,
    memory_bytes: int | None = None,
) -> Found:
    """The Pareto front of all designs of the model that keep to the limits.

    Raises SpecError where there is none.
    """
    fronts: list[tuple[Floats, list[tuple[Space, int]]]] = []
    searched = feasible = 0
    fastest = np.full(len(GOALS), np.inf)
    for its in spaces(model, setting, calibration):
        for designs in _chunks(its, is_first=its.pool_size == POOL_SIZES[0]):
            costs = its.evaluated(designs, calibration)
            searched += len(designs)
            fastest = np.minimum(fastest, costs.min(axis=0))
            kept = costs[:, 0] <= (within_s or np.inf)
            kept &= costs[:, 3] <= (memory_bytes or np.inf)
            feasible += int(kept.sum())
            best = np.flatnonzero(kept)[front(costs[kept])]
            fronts.append((costs[best], [(its, int(designs[i])) for i in best]))
    costs = np.concatenate([part for part, _ in fronts])
    if not len(costs):
        raise SpecError(_too_tight(model, setting, fastest))
    places = [place for _, part in fronts for place in part]
    chosen = sorted(front(costs), key=lambda i: tuple(costs[i]))
    found = [_design(calibration, places[i], costs[i]) for i in chosen]
    return Found(model, setting, tuple(found), published(setting, calibration), searched, feasible)


def _chunks(its: Space, is_first: bool) -> Iterator[npt.NDArray[np.intp]]:
    """Flat indices, CHUNK at a time; those that pool nowhere for the first pooled grid alone."""
    count = int(np.prod(its.shape))
    pools = [np.array([variant == "sra_pool" for variant, _ in options]) for options in its.options]
    for begin in range(0, count, CHUNK):
        designs = np.arange(begin, min(count, begin + CHUNK))
        if not is_first:
            choice = np.unravel_index(designs, its.shape)
            pooled = np.any([pool[i] for pool, i in zip(pools, choice, strict=True)], axis=0)
            designs = designs[pooled]
        if len(designs):
            yield designs


def front(costs: Floats) -> npt.NDArray[np.intp]:
    """The rows that no other row beats: none is as good in every column and better in one.

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
    """For each row of ``costs`` whether a row of ``by`` is as good or better in every column."""
    beaten = np.zeros(len(costs), bool)
    for begin in range(0, len(by), 1024):
        some = by[begin : begin + 1024]
        beaten |= np.all(some[None, :, :] <= costs[:, None, :], axis=2).any(axis=1)
    return beaten


def published(setting: Setting, calibration: Calibration) -> tuple[Design, ...]:
    """The published models at the setting's image, as they are, each by the scalar path."""
    found = []
    for name, spec in MODELS.items():
        options = tuple((s.variant, s.sr_ratio if s.variant == "sra_conv" else 1)
                        for s in spec.stages)  # fmt: skip
        try:
            design = evaluated(spec, setting, calibration, options)
            found.append(replace(design, published=name))
        except SpecError:
            continue  # R larger than the grid of so small an image
    return tuple(found)


def evaluated(
    model: ModelSpec, setting: Setting, calibration: Calibration, options: Sequence[Option]
) -> Design:
    """One design by the scalar path: whole numbers, operator by operator."""
    spec = network(model, options, model.pool_size)
    terms = model_terms(spec, setting.image, setting.batch, setting.attention)
    cost = total(terms)
    seconds = calibration.seconds((kernel, t.times) for t, kernel in kernels(terms, setting.dtype))
    memory, _ = needs_of(terms, setting)
    return Design(tuple(options), model.pool_size, calibration.around("model", seconds),
                  cost.macs, cost.params, memory)  # fmt: skip


def _design(calibration: Calibration, place: tuple[Space, int], cost: Floats) -> Design:
    its, index = place
    seconds, macs, params, memory = cost
    return Design(its.options_of(index), its.pool_size,
                  calibration.around("model", float(seconds)),
                  int(macs), int(params), int(memory))  # fmt: skip


def _too_tight(model: ModelSpec, setting: Setting, least: Floats) -> str:
    size = units.sides(*setting.image)
    return (
        f"no design of {model.name} at {size} keeps to that: the fastest takes "
        f"{units.milliseconds(float(least[0]))}, the smallest needs {units.size(int(least[3]))}; "
        "raise --within or --memory, or use a smaller --img or --model"
    )
