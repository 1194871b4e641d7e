"""Every choice of every stage of a model with what it costs, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pvtprof import units
from pvtprof.analytic import liveness
from pvtprof.analytic.formulas import Term, stage_terms, total
from pvtprof.analytic.geometry import model_sizes, token_grids
from pvtprof.analytic.parts import image_bytes
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.errors import SpecError
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.kernels import OF_TASK, Kernel, kernels
from pvtprof.predict.search import Search

Floats: TypeAlias = npt.NDArray[np.float64]
#: What is traded off; of each less is better.
GOALS = ("latency_s", "macs", "params", "memory_bytes")
#: One stage: its variant, and its R where it is a strided convolution (1 is plain attention).
Option: TypeAlias = tuple[str, int]
POOL: Option = ("sra_pool", 1)
EVERYTHING = Search()


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

    def index_of(self, options: Sequence[Option]) -> int | None:
        """Return the flat index of these options; None where they are not in the space."""
        try:
            choice = [its.index(one) for its, one in zip(self.options, options, strict=True)]
        except ValueError:
            return None
        return int(np.ravel_multi_index(choice, self.shape))


def spaces(
    model: ModelSpec, setting: Setting, calibration: Calibration, search: Search = EVERYTHING
) -> Iterator[Space]:
    """Yield the choices of every stage of a model, one space for each pooled grid.

    Every choice is evaluated once and exactly; those that do not pool are the same in all spaces.
    Raises SpecError where a stage has no choice.
    """
    sides = [side for side in search.sides if side**2 >= search.min_keys]
    by_stage = [
        {option: _stage(model, setting, calibration, stage, option) for option in options}
        for stage, options in enumerate(_convolutions(model, setting, search, bool(sides)))
    ]
    for side in sides or [model.pool_size]:
        pooled = replace(model, pool_size=side)
        costs = [
            convolved
            if is_plain(model, stage) or not sides
            else convolved | {POOL: _stage(pooled, setting, calibration, stage, POOL)}
            for stage, convolved in enumerate(by_stage)
        ]
        yield _space(pooled, costs, setting)


def is_plain(model: ModelSpec, stage: int) -> bool:
    """Return whether a stage (from 0) has a class token, and so plain attention."""
    return model.class_token and stage == model.last - 1


def _convolutions(
    model: ModelSpec, setting: Setting, search: Search, pools: bool
) -> Iterator[list[Option]]:
    """Yield every R of every stage that has keys enough; ``pools``: a stage may pool instead."""
    if search.sr_ratios is not None:
        model_sizes(model.with_attention("sra_conv", search.sr_ratios), 1, setting.image)
    for stage, grid in enumerate(token_grids(model, *setting.image)):
        ratios = [1] if is_plain(model, stage) else search.ratios(stage)
        options: list[Option] = [("sra_conv", ratio) for ratio in ratios if ratio <= min(grid)]
        kept = [o for o in options if _keys_of(model, setting, stage, o) >= search.min_keys]
        if not kept and (is_plain(model, stage) or not pools):
            has = [_keys_of(model, setting, stage, option) for option in options]
            has += [side**2 for side in search.sides if not is_plain(model, stage)]
            raise SpecError(
                f"no design of {model.name} at {units.sides(*setting.image)} has "
                f"{search.min_keys} keys or more in every stage: stage {stage + 1} has at most "
                f"{max(has)}; lower --min-keys, or use a larger --img"
            )
        yield kept


def keys(model: ModelSpec, setting: Setting, options: Sequence[Option]) -> tuple[int, ...]:
    """Return the keys of every stage of the model with these options."""
    sizes = model_sizes(network(model, options), setting.batch, setting.image)
    return tuple(of_stage["m"] for of_stage in sizes)


def _keys_of(model: ModelSpec, setting: Setting, stage: int, option: Option) -> int:
    return keys(model, setting, _others_plain(model, stage, option))[stage]


def _others_plain(model: ModelSpec, stage: int, option: Option) -> list[Option]:
    """Return options with ``option`` in one stage (from 0), and plain attention in the others."""
    return [option if number == stage else ("sra_conv", 1) for number in range(model.last)]


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


def timed_kernels(
    terms: Sequence[Term], dtype: str, calibration: Calibration
) -> list[tuple[Term, Kernel]]:
    """Return the kernels whose seconds make the latency: all, or those of the backbone alone.

    The latter where the calibration has not seen those of the neck and the head.
    """
    found = list(kernels(terms, dtype))
    of_task = {kernel.family for _, kernel in found if kernel.family.endswith(OF_TASK)}
    if of_task <= calibration.families.keys():
        return found
    return [(term, kernel) for term, kernel in found if kernel.family not in of_task]


def is_timed_whole(model: ModelSpec, setting: Setting, calibration: Calibration) -> bool:
    """Return whether the latency is that of the whole network, with its neck and its head."""
    plain = network(model, [("sra_conv", 1)] * model.last)
    terms = stage_terms(plain, setting.image, setting.batch, setting.attention)[-1]
    count = sum(1 for _ in kernels(terms, setting.dtype))
    return len(timed_kernels(terms, setting.dtype, calibration)) == count


def _stage(
    model: ModelSpec, setting: Setting, calibration: Calibration, stage: int, option: Option
) -> tuple[float, ...]:
    """Return seconds, calls, MACs, params and peak of one stage (from 0) with one option.

    The last stage has the neck and the head of a task too, which are the same in every design.
    """
    spec = network(model, _others_plain(model, stage, option))
    by_stage = stage_terms(spec, setting.image, setting.batch, setting.attention)
    terms = by_stage[stage]
    timed = timed_kernels(terms, setting.dtype, calibration)
    cost = total(terms)
    moments = liveness.timeline([term for of_stage in by_stage for term in of_stage], setting.dtype)
    before = sum(
        len(liveness.allocations(term, setting.dtype))
        for of_stage in by_stage[:stage]
        for term in liveness.allocating(of_stage)
    )
    end = before + sum(1 for _ in kernels(terms, setting.dtype))
    mine = [moment.bytes for moment in moments][before:end]
    return (
        sum(term.times * calibration.kernel_s(kernel) for term, kernel in timed),
        sum(term.times for term, _ in timed),
        cost.macs,
        cost.params,
        max(mine),
    )
