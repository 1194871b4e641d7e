"""Whether one of two versions of the same code is slower. The unit is a pair of processes.

Most of the noise between two versions is per process (how its memory happens to lie), which no
repetition within a process averages out; so few samples are taken of each of many fresh pairs, and
the test runs on one log ratio a pair.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any

from pvtprof import cores, units
from pvtprof.check.judgement import (
    ALPHA,
    CANNOT_TELL,
    LOOKS,
    SLOWER,
    Judgement,
    confirmed,
    surely_large,
)
from pvtprof.check.request import Checked, Progress, Timing
from pvtprof.errors import SpecError

if TYPE_CHECKING:
    from pvtprof.observe.sides import Setup, Side

#: One pair of processes is sampled so many seconds, both together (more where a call is long).
PAIR_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Paired(Judgement):
    """Head against base: ``ratios`` of their processor time, one for each pair of processes.

    ``wall`` has the same of wall time. Where that surely grew by more than the machine's time, by
    ``tolerance`` or more, head waits for something, and its verdict is that it cannot be told.
    """

    ratios: tuple[float, ...]
    wall: tuple[float, ...] = ()
    seconds: float = 0.0  # that the measuring took

    @cached_property
    def logs(self) -> tuple[float, ...]:
        """The ratios' logarithms: what is averaged and tested."""
        return tuple(map(math.log, self.ratios))

    @property
    def ratio(self) -> float:
        """Head's time over base's: the geometric mean of the pairs' ratios."""
        return math.exp(sum(self.logs) / len(self.logs))

    @cached_property
    def interval(self) -> tuple[float, float]:
        """By Student's t over the pairs' log ratios (``scipy.stats.ttest_1samp``)."""
        from scipy.stats import ttest_1samp

        found = ttest_1samp(self.logs, 0.0)
        low, high = found.confidence_interval(1 - 2 * self.level)
        return math.exp(low), math.exp(high)

    def is_surely_beyond(self, share: float) -> bool:
        """Return the verdict of a sign-flip permutation test over the pairs."""
        import numpy as np

        values = math.copysign(1, share) * np.array(self.logs) - math.log1p(abs(share))
        return surely_large((values,), _mean, "samples", self.level)

    @cached_property
    def waits(self) -> bool:
        """Whether head surely spends more of its wall time waiting than base."""
        import numpy as np

        if not self.wall:
            return False
        more = np.log(self.wall) - np.array(self.logs) - math.log1p(self.tolerance)
        return surely_large((more,), _mean, "samples", self.level)

    @cached_property
    def verdict(self) -> str:
        """As of every judgement, but that waiting is never passed."""
        found = super().verdict
        return CANNOT_TELL if self.waits and found != SLOWER else found

    @property
    def basis(self) -> str:
        """How many pairs there were, and what the wall clock said."""
        wall = f", wall time {units.percent(median(self.wall), 1)}" if self.wall else ""
        waits = ": it waits, which is not judged" if self.waits else ""
        return f"{len(self.ratios)} pairs{wall}{waits}"

    @property
    def way_out(self) -> str:
        """The budget that would decide it: the interval goes with 1/sqrt."""
        if self.waits:
            return "time what it waits for by hand"
        low, high = (math.log(x) for x in self.interval)
        room = math.log1p(self.tolerance) - max(0.0, (low + high) / 2)
        half = (high - low) / 2
        times = (half / room) ** 2 if room > 0 else 4.0
        budget = math.ceil(self.seconds * min(100.0, max(1.5, 1.2 * times)))
        return f"--budget {budget} (seconds a row) would tell, by what was seen"


def _mean(x: Any, axis: int) -> Any:
    return x.mean(axis=axis)


@dataclass(frozen=True, slots=True)
class Versions:
    """Where base and head are: folders that come first on the path, and their Pythons."""

    base: str
    head: str
    base_python: str
    head_python: str


def judged(
    versions: Versions,
    rows: Mapping[str, Mapping[str, Any] | None],
    checked: Checked,
    timing: Timing,
    progress: Progress = lambda text: None,
    note: Progress = lambda text: None,
) -> list[Paired]:
    """Measure and judge every row; a slower row is measured again and must be slower again.

    ``rows`` maps a name to what the worker builds (None with a target). ``timing.budget_s`` is for
    each row, without the confirmation, which is by fresh processes throughout. ``note`` is told
    what differs beside the code. Raises UnavailableError where a side cannot be measured.
    """
    setups = _setups(versions, checked)

    def measured(names: Sequence[str], attempt: int) -> dict[str, Paired]:
        with _started(setups) as both:
            if not attempt:
                _note_differences(both, note)
            found = {}
            for number, name in enumerate(names):
                first = timing.seed + 10_000 * number + 1_000_000 * attempt
                row = _Row(name, rows[name], len(rows))
                found[name] = _judgement(both, row, replace(timing, seed=first), progress)
            return found

    return confirmed(list(rows), measured)


def _setups(versions: Versions, checked: Checked) -> dict[str, Setup]:
    from pvtprof.observe.sides import Setup

    work, v = checked.workload, versions
    places = {"base": (v.base, v.base_python, v.head), "head": (v.head, v.head_python, v.base)}
    return {
        name: Setup(
            root,
            checked.target,
            work.dtype,
            work.device,
            work.mode,
            core=cores.last(),
            python=python,
            other=other,
            tf32=checked.tf32,
            patience_s=checked.patience_s,
        )
        for name, (root, python, other) in places.items()
    }


def _note_differences(both: tuple[Side, Side], note: Progress) -> None:
    for what in ("python", "torch"):
        base_has, head_has = (side.said[what] for side in both)
        if base_has != head_has:
            note(f"base runs {what} {base_has}, head {what} {head_has}")


@contextmanager
def _started(setup: Mapping[str, Setup]) -> Iterator[tuple[Side, Side]]:
    from pvtprof.observe.sides import sides

    with sides(setup) as (base, head):
        if base.said == head.said:
            raise SpecError(
                f"base and head both import {base.said['source']}: there is nothing to compare; "
                "is the package installed from elsewhere?"
            )
        yield base, head


def fewest_pairs(rows: int) -> int:
    """Return the fewest pairs with which the sign-flip test can reach ALPHA for so many rows.

    Of n pairs the smallest p is 2^-n; three more, so that one contrary pair does not decide; an
    even number, so that either side goes first as often.
    """
    return 2 * math.ceil((math.log2(rows * len(LOOKS) / ALPHA) + 3) / 2)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row to judge: its name, what the worker builds, and how many rows there are in all."""

    name: str
    recipe: Mapping[str, Any] | None
    of: int


def _judgement(both: tuple[Side, Side], row: _Row, timing: Timing, progress: Progress) -> Paired:
    """Measure an even number of pairs, as many as the budget and the test need; judge them."""
    from pvtprof.observe.sides import pair

    pairs: list[Mapping[str, float]] = []
    begin = time.perf_counter()
    for look in LOOKS:
        while (
            len(pairs) < fewest_pairs(row.of)
            or len(pairs) % 2
            or (time.perf_counter() - begin) * (1 + 2 / len(pairs)) < look * timing.budget_s
        ):
            ratio = f", {pairs[-1]['time']:.3f}" if pairs else ""
            progress(f"{row.name}: pair {len(pairs) + 1}{ratio}")
            seed = timing.seed + 2 * len(pairs)
            pairs.append(pair(*both, row.recipe, len(pairs), seed, PAIR_S))
        found = Paired(
            row=row.name,
            rows=row.of,
            tolerance=timing.tolerance,
            seconds=time.perf_counter() - begin,
            ratios=tuple(one["time"] for one in pairs),
            wall=tuple(one["wall"] for one in pairs),
        )
        if found.clear:
            break
    return found
