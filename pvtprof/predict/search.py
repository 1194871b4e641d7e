"""What a search looks at: variants, R, pooled grids, and the fewest keys of a stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pvtprof import units
from pvtprof.designs.checks import MAX_SIDE, one_of, positive
from pvtprof.designs.variants import PLAIN, VARIANTS
from pvtprof.errors import SpecError

#: Largest R, and the pooled grids, that are considered.
MOST_RATIO = 16
POOL_SIZES = (3, 5, 7, 9, 11, 14, 16)


@dataclass(frozen=True, slots=True)
class Search:
    """The choices of a search: every stage takes one of the variants ``only``.

    ``sr_ratios`` are the only R of ``sra_conv``, one per stage; None: 1 to MOST_RATIO (R 1 is plain
    attention). ``pool_sizes`` are the sides of the pooled grids; None: POOL_SIZES. Every stage has
    at least ``min_keys`` keys. A stage with a class token has plain attention in any case.
    """

    only: tuple[str, ...] = tuple(VARIANTS)
    min_keys: int = 1
    sr_ratios: tuple[int, ...] | None = None
    pool_sizes: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for name in self.only:
            one_of("attention variant", name, tuple(VARIANTS))
        positive("--min-keys", self.min_keys)
        for side in self.pool_sizes or ():
            if positive("pool size", side, MAX_SIDE) == 1:  # a mean, of which there is no probe
                raise SpecError(
                    "pool size is 1, whose latency no calibration predicts; use 2 or more"
                )
        for option, given, variant in (
            ("--R", self.sr_ratios, "sra_conv"),
            ("--pool-size", self.pool_sizes, "sra_pool"),
        ):
            if given and variant not in self.only:
                raise SpecError(
                    f"{option} {units.ratios(given)} is for {variant}, but --only "
                    f"{','.join(self.only)} leaves {variant} out; add it to --only, or leave "
                    f"{option} out"
                )

    @property
    def sides(self) -> tuple[int, ...]:
        """The sides of the pooled grids, each once; none where nothing pools."""
        if not any(VARIANTS[name].pools for name in self.only):
            return ()
        return POOL_SIZES if self.pool_sizes is None else tuple(dict.fromkeys(self.pool_sizes))

    def ratios(self, stage: int) -> Iterator[int]:
        """Yield the R of a stage (from 0), the smallest first; 1 is plain attention."""
        wanted = {1} if PLAIN in self.only else set[int]()
        if any(VARIANTS[name].has_ratio for name in self.only):
            free = range(1, MOST_RATIO + 1)
            wanted.update(free if self.sr_ratios is None else [self.sr_ratios[stage]])
        yield from sorted(wanted)

    @property
    def said(self) -> str:
        """What is not searched, in the words of the command line; "" where all is."""
        options = (
            ("--only", ",".join(self.only) * (self.only != tuple(VARIANTS))),
            ("--min-keys", str(self.min_keys) * (self.min_keys > 1)),
            ("--R", units.ratios(self.sr_ratios or ())),
            ("--pool-size", units.ratios(self.pool_sizes or ())),
        )
        return " ".join(f"{name} {value}" for name, value in options if value)
