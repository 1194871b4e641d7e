"""Every choice of every stage of a model with what it costs, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pvtprof.analytic import liveness
from pvtprof.analytic.formulas import stage_terms, total
from pvtprof.analytic.geometry import token_grids
from pvtprof.analytic.parts import image_bytes
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.kernels import kernels

Floats: TypeAlias = npt.NDArray[np.float64]
#: Largest R, and the pooled grids, that are considered.
MOST_RATIO = 16
POOL_SIZES = (3, 5, 7, 9, 11, 14, 16)
#: What is traded off; of each less is better.
GOALS = ("latency_s", "macs", "params", "memory_bytes")
#: One stage: its variant, and its R where it is a strided convolution (1 is plain attention).
Option: TypeAlias = tuple[str, int]
POOL: Option = ("sra_pool", 1)


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
        """Return the four GOALS of each design, from flat indices."""
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
        """Return the options of a flat index."""
        choice = np.unravel_index(design, self.shape)
        return tuple(options[i] for options, i in zip(self.options, choice, strict=True))


def spaces(
    model: ModelSpec,
    setting: Setting,
    calibration: Calibration,
    pool_sizes: Sequence[int] = POOL_SIZES,
) -> Iterator[Space]:
    """Yield the choices of every stage of a model, one space for each pooled grid.

    Every choice is evaluated once and exactly; those that do not pool are the same in all spaces.
    """
    by_stage = [
        {option: _stage(model, setting, calibration, stage, option) for option in options}
        for stage, options in enumerate(_convolutions(model, setting))
    ]
    for pool_size in pool_sizes:
        pooled = replace(model, pool_size=pool_size)
        costs = [
            convolved
            if model.class_token and stage == model.last - 1
            else convolved | {POOL: _stage(pooled, setting, calibration, stage, POOL)}
            for stage, convolved in enumerate(by_stage)
        ]
        yield _space(pooled, costs, setting)


def _convolutions(model: ModelSpec, setting: Setting) -> Iterator[list[Option]]:
    """Yield every R of every stage; a stage with a class token has R 1 only."""
    for stage, grid in enumerate(token_grids(model, *setting.image)):
        most = 1 if model.class_token and stage == model.last - 1 else min(*grid, MOST_RATIO)
        yield [("sra_conv", ratio) for ratio in range(1, most + 1)]


def _space(
    model: ModelSpec, costs: Sequence[dict[Option, tuple[float, ...]]], setting: Setting
) -> Space:
    """Return the space of all options of all stages, from the figures of `_stage`."""
    tables = [np.array(list(options.values()), float).T for options in costs]
    busy, calls, macs, params, peak = (tuple(table[i] for table in tables) for i in range(5))
    return Space(
        model.pool_size,
        tuple(map(tuple, costs)),
        busy,
        calls,
        macs,
        params,
        peak,
        image_bytes(model, setting),
        setting.bytes_each,
    )


def network(model: ModelSpec, options: Sequence[Option]) -> ModelSpec:
    """Return the model with these options."""
    return model.with_attention(
        [variant for variant, _ in options], [ratio for _, ratio in options]
    )


def _stage(
    model: ModelSpec, setting: Setting, calibration: Calibration, stage: int, option: Option
) -> tuple[float, ...]:
    """Return seconds, calls, MACs, params and peak of one stage (from 0) with one option."""
    plain: list[Option] = [("sra_conv", 1)] * model.last
    plain[stage] = option
    spec = network(model, plain)
    by_stage = stage_terms(spec, setting.image, setting.batch, setting.attention)
    terms = by_stage[stage]
    found = list(kernels(terms, setting.dtype))
    cost = total(terms)
    moments = liveness.timeline([term for of_stage in by_stage for term in of_stage], setting.dtype)
    before = sum(
        len(liveness.allocations(term, setting.dtype))
        for of_stage in by_stage[:stage]
        for term in liveness.allocating(of_stage)
    )
    mine = [moment.bytes for moment in moments][before : before + len(found)]
    return (
        sum(term.times * calibration.kernel_s(kernel) for term, kernel in found),
        sum(term.times for term, _ in found),
        cost.macs,
        cost.params,
        max(mine),
    )
