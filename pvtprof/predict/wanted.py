"""What a search goes over: every design of a space with its cost, and times that are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pvtprof.designs.published import TOP_1, published_as
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.prediction import Prediction
from pvtprof.predict.search import Search
from pvtprof.predict.space import EVERYTHING, GOALS, Floats, Option, Space, network, spaces

#: So many designs are evaluated together: the memory of a search does not grow with its space.
CHUNK = 2**16
#: What tells a design from others: its options, and the side of the pooled grid (0: nothing pools).
DesignKey: TypeAlias = tuple[tuple[Option, ...], int]


def key_of(options: Sequence[Option], pool_size: int) -> DesignKey:
    """Return what tells a design from others: the pooled grid counts where a stage pools.

    >>> key_of([("sra_conv", 8), ("sra_conv", 1)], 7)
    ((('sra_conv', 8), ('sra_conv', 1)), 0)
    """
    pools = any(variant == "sra_pool" for variant, _ in options)
    return tuple(options), pool_size if pools else 0


def name_of(options: Sequence[Option], pool_size: int) -> str:
    """Return a design in words.

    >>> name_of([("sra_conv", 8), ("sra_conv", 4), ("sra_pool", 1), ("sra_conv", 1)], 7)
    'conv 8, conv 4, pool 7, mha'
    """
    return ", ".join(
        f"pool {pool_size}" if variant == "sra_pool" else "mha" if ratio == 1 else f"conv {ratio}"
        for variant, ratio in options
    )


@dataclass(frozen=True, slots=True)
class Design:
    """One design: (variant, R) of each stage and the side of the pooled grid, and its cost.

    ``published`` is the name of the published model that it is, if it is one. ``is_measured``:
    its latency was measured, and is no prediction.
    """

    options: tuple[Option, ...]
    pool_size: int
    latency: Prediction
    macs: int
    params: int
    memory_bytes: int
    published: str | None = None
    is_measured: bool = False

    @property
    def name(self) -> str:
        """Such as "conv 8, conv 4, pool 7, mha"."""
        return name_of(self.options, self.pool_size)

    @property
    def top_1(self) -> float | None:
        """The ImageNet top-1 accuracy that the paper prints, in percent at 224x224, or None."""
        return TOP_1.get(self.published) if self.published else None


@dataclass(frozen=True)
class Wanted:
    """What is searched: a model in a setting, on a machine, within limits.

    ``measured`` are latencies that are known, which replace their predictions.
    """

    model: ModelSpec
    setting: Setting
    calibration: Calibration
    within_s: float | None = None
    memory_bytes: int | None = None
    search: Search = EVERYTHING
    measured: Mapping[DesignKey, Prediction] = field(default_factory=dict)

    def allowed(self, costs: Floats) -> npt.NDArray[np.bool_]:
        """Return which designs are within the limits."""
        return allowed(costs, self.within_s, self.memory_bytes)

    def costed(self) -> Iterator[tuple[Space, npt.NDArray[np.intp], Floats]]:
        """Yield every design once, some at a time: their space, flat indices and GOALS."""
        found = spaces(self.model, self.setting, self.calibration, self.search)
        for number, space in enumerate(found):
            known = _known(space, self.measured)
            for designs in _chunks(space, is_first=number == 0):
                costs = space.evaluated(designs, self.calibration)
                for index, seconds in known.items():
                    place = np.searchsorted(designs, index)
                    if place < len(designs) and designs[place] == index:
                        costs[place, 0] = seconds
                yield space, designs, costs

    def design(self, place: tuple[Space, int], cost: Floats) -> Design:
        """Return one design of a space from its GOALS."""
        found = _design(self.model, self.calibration, place, cost)
        return with_time(found, self.measured)


def allowed(
    costs: Floats, within_s: float | None, memory_bytes: int | None
) -> npt.NDArray[np.bool_]:
    """Return which GOALS are within the limits; None is no limit."""
    kept = costs[:, 0] <= (np.inf if within_s is None else within_s)
    kept &= costs[:, 3] <= (np.inf if memory_bytes is None else memory_bytes)
    return np.asarray(kept)


def with_time(design: Design, measured: Mapping[DesignKey, Prediction]) -> Design:
    """Return the design with its measured latency, if it has one."""
    latency = measured.get(key_of(design.options, design.pool_size))
    return design if latency is None else replace(design, latency=latency, is_measured=True)


def _known(space: Space, measured: Mapping[DesignKey, Prediction]) -> dict[int, float]:
    """Return the measured seconds of the designs of a space, by flat index."""
    found = {}
    for (options, pool_size), latency in measured.items():
        if pool_size in (0, space.pool_size) and (index := space.index_of(options)) is not None:
            found[index] = latency.seconds
    return found


def _chunks(space: Space, is_first: bool) -> Iterator[npt.NDArray[np.intp]]:
    """Yield flat indices, CHUNK at a time; designs without pooling occur once."""
    count = int(np.prod(space.shape))
    pools = [
        np.array([variant == "sra_pool" for variant, _ in options]) for options in space.options
    ]
    for begin in range(0, count, CHUNK):
        designs = np.arange(begin, min(count, begin + CHUNK))
        if not is_first:
            choice = np.unravel_index(designs, space.shape)
            pooled = np.any([pool[i] for pool, i in zip(pools, choice, strict=True)], axis=0)
            designs = designs[pooled]
        if len(designs):
            yield designs


def _design(
    model: ModelSpec, calibration: Calibration, place: tuple[Space, int], cost: Floats
) -> Design:
    space, index = place
    seconds, macs, params, memory = cost
    options = space.options_of(index)
    return Design(
        options,
        space.pool_size,
        calibration.around("model", float(seconds)),
        int(macs),
        int(params),
        int(memory),
        published_as(network(replace(model, pool_size=space.pool_size), options)),
    )


def fastest(wanted: Wanted, count: int) -> list[Design]:
    """Return the ``count`` designs within the limits that take least time, the fastest first."""
    best = np.empty((0, len(GOALS)))
    places: list[tuple[Space, int]] = []
    for space, designs, costs in wanted.costed():
        kept = np.flatnonzero(wanted.allowed(costs))
        kept = kept[np.argsort(costs[kept, 0], kind="stable")[:count]]
        best = np.concatenate([best, costs[kept]])
        places += [(space, int(designs[i])) for i in kept]
        order = np.argsort(best[:, 0], kind="stable")[:count]
        best, places = best[order], [places[i] for i in order]
    return [wanted.design(place, cost) for place, cost in zip(places, best, strict=True)]
