"""The grid of a sweep: every combination of its axes, each row once, never listed as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import product
from math import prod
from typing import Any, TypeAlias

from pvtprof.designs.checks import MAX_BATCH, MAX_SIDE, one_of
from pvtprof.designs.chosen import OWN, named
from pvtprof.designs.design_text import digest
from pvtprof.designs.device import device_word
from pvtprof.designs.named import given_as, network, path_of
from pvtprof.designs.part import MODEL
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY, TASKS
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import ATTENTIONS, DEFAULT_MODEL, DEFAULT_POOL_SIZE, DTYPES, MODES
from pvtprof.errors import SpecError
from pvtprof.sweep import words as read
from pvtprof.sweep.planned import Planned, part_named

#: The axes of a grid, by the names of their options, with what each is if nothing is given; of
#: --img, --R and --pool-size of modules of the user's own nothing is asked.
AXES: Mapping[str, tuple[str, ...]] = {
    "model": (DEFAULT_MODEL,),
    "set": (),
    "img": ("224",),
    "R": (),
    "design": tuple(VARIANTS),
    "pool-size": (),
    "part": (MODEL.name,),
    "task": (CLASSIFY,),
    "batch": ("1",),
    "dtype": ("float32",),
    "attention": ("eager",),
    "mode": ("inference",),
    "device": ("cpu",),
    "threads": ("0",),
    "target": (),
    "at": (),
}
#: More rows than this need a word of consent.
MANY = 10_000_000
MOST_THREADS = 1024
#: Axes that modules of the user's own have too.
OF_TARGETS = ("target", "at", "mode", "device", "threads")

Words: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a grid that is a plain product: one design of one model, or one target.

    ``axes`` are in the order in which they are gone through, the last one fastest: image, R, pool
    size, part, task, batch, dtype, attention, mode, device, threads, and the sizes of a target.
    """

    model: str
    design: str
    changes: tuple[str, ...]
    target: str
    axes: tuple[Sequence[Any], ...]
    content: str = ""

    @property
    def count(self) -> int:
        """The number of rows."""
        return prod(map(len, self.axes))

    def __iter__(self) -> Iterator[Planned]:
        return map(self._planned, product(*self.axes))

    def at(self, index: int) -> Planned:
        """Return the row at an index, without going through the others."""
        values = []
        for axis in reversed(self.axes):
            index, place = divmod(index, len(axis))
            values.append(axis[place])
        return self._planned(tuple(reversed(values)))

    def _planned(self, values: tuple[Any, ...]) -> Planned:
        (height, width), ratios, pool, part, task, batch, dtype, attention, mode = values[:9]
        device, threads, at = values[9:]
        return Planned(
            *(self.model, self.design, height, width, ratios, pool, part, batch, dtype),
            *(attention, mode, task, device, threads, self.changes, self.target, at, self.content),
        )


@dataclass(frozen=True)
class Grid:
    """All rows of a sweep, in blocks. ``iter`` and ``at`` make rows when they are asked for."""

    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        if not self.count:
            raise SpecError("the grid is empty; name at least one model or target, and one design")

    @cached_property
    def count(self) -> int:
        """The number of rows, which may be more than ``len`` can say."""
        return sum(block.count for block in self.blocks)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Planned]:
        for block in self.blocks:
            yield from block

    def at(self, index: int) -> Planned:
        """Return the row at an index from 0."""
        for block in self.blocks:
            if index < block.count:
                return block.at(index)
            index -= block.count
        raise IndexError(index)

    def sample(self, count: int, seed: int = 0) -> Iterator[Planned]:
        """Yield ``count`` distinct rows at random, the same on every machine.

        A larger sample of the same seed begins with the smaller one.
        """
        if not 1 <= count <= self.count:
            raise SpecError(
                f"sample is {count}; use 1 to {self.count}, which is how many rows this grid has"
            )
        return (self.at(place) for place in map(_Shuffled(self.count, seed), range(count)))

    def check_size(self, yes: bool) -> None:
        """Raise SpecError for more rows than one means, unless ``yes``."""
        if self.count > MANY and not yes:
            raise SpecError(
                f"the grid has {self.count:,} rows, more than {MANY:,}; take some at random with "
                "--sample N, or write --yes"
            )


class _Shuffled:
    """A random order of the numbers below ``count`` that is computed, not stored.

    A Feistel network (Luby and Rackoff 1988) over the next power of 4, applied again while the
    result is too large.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self.half = max(1, ((count - 1).bit_length() + 1) // 2)

    def __call__(self, place: int) -> int:
        while True:
            place = self._once(place)
            if place < self.count:
                return place

    def _once(self, place: int) -> int:
        left, right = place >> self.half, place & ((1 << self.half) - 1)
        for turn in range(4):
            text = f"{self.seed} {turn} {right}".encode()
            mixed = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
            left, right = right, left ^ (mixed & ((1 << self.half) - 1))
        return left << self.half | right


def grid_of(given: Words) -> Grid:
    """Return the grid of some words by the names of options; raise SpecError for any that is wrong.

    >>> ratios = ["8,4,2,1", "2,2,2,1"]  # which count for sra_conv alone
    >>> grid = grid_of({"model": ["pvt_v2_b0"], "img": ["224..288:32"], "R": ratios})
    >>> len(grid), next(iter(grid)).design
    (12, 'mha')
    """
    for name in given:
        one_of("option", name, tuple(AXES))
    for name, values in given.items():
        if not values or not all(values):
            raise SpecError(f"{name} has no value, so the grid is empty; give one, or leave it out")
    words = {name: tuple(given.get(name, default)) for name, default in AXES.items()}
    own = _of_targets(words) if words["target"] else ()
    if words["at"] and not own:
        raise SpecError("at is for modules of your own; name one with --target FILE:NAME")
    if own and "model" not in given:
        for name in given:
            if name not in OF_TARGETS:
                raise SpecError(f"{name} is for PVT's models; name one with --model, or leave it")
        return Grid(own)
    return Grid((*own, *_of_models(words)))


def _of_targets(words: Words) -> tuple[Block, ...]:
    none = ([(0, 0)], [()], [0], [MODEL.name], [CLASSIFY], [1], ["float32"], ["eager"])
    axes: tuple[Sequence[Any], ...] = (*none, *_machine(words), read.sizes(words["at"]))
    return tuple(Block("", "", (), target, axes) for target in dict.fromkeys(words["target"]))


def _machine(words: Words) -> tuple[Sequence[Any], ...]:
    """Return the axes mode, device and threads."""
    return (
        _chosen("mode", words["mode"], MODES),
        [device_word(word) for word in dict.fromkeys(read.parts_of(words["device"]))],
        read.numbers("threads", words["threads"], MOST_THREADS, least=0),
    )


def _of_models(words: Words) -> Iterator[Block]:
    setting = (
        _chosen("task", words["task"], tuple(TASKS)),
        read.numbers("batch", words["batch"], MAX_BATCH),
        _chosen("dtype", words["dtype"], tuple(DTYPES)),
        _chosen("attention", words["attention"], ATTENTIONS),
        *_machine(words),
        [""],
    )
    image = read.images(words["img"])
    for model, spec in _networks(words).items():
        content = digest(spec) if path_of(model) else ""
        parts = list(dict.fromkeys(read.parts_of(words["part"])))
        for part in parts:
            part_named(part, spec.last)
        for design in dict.fromkeys(map(canonical_design, words["design"])):
            axes = (image, *_reductions(spec, design, words), parts, *setting)
            yield Block(model, design, tuple(words["set"]), "", axes, content)


def _networks(words: Words) -> dict[str, ModelSpec]:
    """Return the networks by the words that name them."""
    models = [
        name
        for word in words["model"]
        for name in ([word] if os.path.isfile(word) else word.split(","))
    ]
    return {
        given_as(model): network(model, words["set"]) for model in map(str.strip, models) if model
    }


def _chosen(option: str, words: Sequence[str], allowed: Sequence[str]) -> list[str]:
    return [one_of(option, word, allowed) for word in dict.fromkeys(read.parts_of(words))]


def canonical_design(word: str) -> str:
    """Return the design as every row has it.

    >>> canonical_design(" mha, mha,mha,mha "), canonical_design("late=sra_pool, mha")
    ('mha', 'late=sra_pool,mha')
    """
    name, variants = named(word.strip())
    if "=" in word:
        return f"{name}={','.join(variants)}"
    if variants == (OWN,):
        return OWN
    is_same = len(set(variants)) == 1 and not VARIANTS[variants[0]].pools
    return variants[0] if is_same else ",".join(variants)


def _reductions(spec: ModelSpec, design: str, words: Words) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return the R and the pool sizes that tell rows of a design apart, each once."""
    variants = list(named(design)[1])
    if len(variants) not in (1, spec.last):
        raise SpecError(
            f"design {design!r} has {len(variants)} attention variants for the {spec.last} stages "
            f"of {spec.name}; give one for all stages, or one per stage"
        )
    variants *= spec.last // len(variants)
    kinds = [
        VARIANTS[stage.variant if variant == OWN else variant]
        for stage, variant in zip(spec.stages, variants, strict=True)
    ]
    given = read.ratios(words["R"], spec.last) or (spec.sr_ratios,)
    ratios = dict.fromkeys(
        tuple(ratio if kind.has_ratio else 1 for ratio, kind in zip(one, kinds, strict=True))
        for one in given
    )
    pools = read.numbers("pool-size", words["pool-size"], MAX_SIDE) or (spec.pool_size,)
    has_pool = any(kind.pools for kind in kinds)
    return list(ratios), pools if has_pool else (DEFAULT_POOL_SIZE,)
