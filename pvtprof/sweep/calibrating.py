"""A calibration from the times of a store: a fit of its own rows, as far as they carry one.

A row of a whole network gives one equation: its seconds are the sum of those of its kernels. So few
sweeps say every coefficient of every family. Fits of more and more unknowns are tried, from one
factor for all kernels to every coefficient, and the one that meets rows that it has not seen best
is taken.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

import numpy as np

from pvtprof.errors import SpecError
from pvtprof.predict.calibrate import FOLDS, coefficients, quality_of
from pvtprof.predict.calibration import Calibration, Fitted
from pvtprof.predict.kernels import Kernel
from pvtprof.sweep.timed_rows import TimedRow

#: Fewer rows say nothing of a fit.
FEWEST = 10
#: A group of kernels has a factor of its own if it takes this share of so many rows' time.
SHARE, ROWS = 0.03, 8
#: No more is believed of a factor: beyond, the rows do not tell the group from others.
MOST_FACTOR = 3.0
#: Every coefficient is fitted from so many rows for each.
ROWS_EACH = 5
#: A fit with more unknowns is taken if its error is below this share of the simpler one's.
BETTER = 0.95

Runs = Sequence[tuple[Kernel, int]]
Group = Callable[[Kernel], str]
TOGETHER, BY_KIND, BY_FAMILY = "one factor", "a factor a kind", "a factor a family"
EVERY, UNCHANGED = "every coefficient", "unchanged"
GROUPS: Mapping[str, Group] = {
    TOGETHER: lambda kernel: "all",
    BY_KIND: lambda kernel: kernel.kind,
    BY_FAMILY: lambda kernel: kernel.family,
}


@dataclass(frozen=True)
class Tried:
    """One fit: its name, the calibration, and its mean error on rows that were held out."""

    name: str
    calibration: Calibration
    error: float
    ratios: tuple[float, ...]
    factors: Mapping[str, float]


@dataclass(frozen=True)
class FromRows:
    """The result: the fit that was taken, and the errors of all that were tried, by name."""

    calibration: Calibration
    taken: str
    errors: Mapping[str, float]
    factors: Mapping[str, float]
    rows: int
    machine: str


def fitted(rows: Sequence[TimedRow], base: Calibration, machine: str, seed: int = 0) -> FromRows:
    """Return the calibration that rows give on top of ``base``; raises SpecError for too few."""
    usable = [row for row in rows if _families(row.runs) <= base.families.keys()]
    if len(usable) < FEWEST:
        raise SpecError(
            f"a fit takes the times of {FEWEST} networks or more, and machine {machine} has "
            f"{len(usable)} in this store; measure more with `pvtprof sweep`"
        )
    random.Random(seed).shuffle(usable)
    names = [TOGETHER] if base.overlaps else [*GROUPS, EVERY]
    tried = [_tried(UNCHANGED, usable, base)]
    tried += [_tried(name, usable, base) for name in names if _carries(name, usable)]
    best = tried[0]
    for one in tried[1:]:
        if one.error < BETTER * best.error:
            best = one
    found = _with_quality(best, usable)
    errors = {one.name: one.error for one in tried}
    return FromRows(found, best.name, errors, best.factors, len(usable), machine)


def _families(runs: Runs) -> set[str]:
    return {kernel.family for kernel, _ in runs}


def _carries(name: str, rows: Sequence[TimedRow]) -> bool:
    """Return whether there are rows enough for a fit, and different enough for every unknown."""
    if name != EVERY:
        return True
    matrix = np.array([_features(row.runs, _columns(rows)) for row in rows])
    return bool(
        len(rows) >= ROWS_EACH * matrix.shape[1]
        and np.linalg.matrix_rank(matrix / matrix.max(axis=0)) == matrix.shape[1]
    )


def _tried(name: str, rows: Sequence[TimedRow], base: Calibration) -> Tried:
    """Return a fit of all rows, with the errors of the same fit on rows that it has not seen."""
    ratios = []
    for fold in range(FOLDS):
        held = rows[fold::FOLDS]
        seen = [row for i, row in enumerate(rows) if i % FOLDS != fold]
        part, _ = _fit(name, seen, base)
        ratios += [row.seconds / part.seconds(row.runs) for row in held]
    whole, factors = _fit(name, rows, base)
    error = fmean(abs(1 / ratio - 1) for ratio in ratios)
    return Tried(name, whole, error, tuple(ratios), factors)


def _fit(
    name: str, rows: Sequence[TimedRow], base: Calibration
) -> tuple[Calibration, dict[str, float]]:
    """Return a calibration by name, and the factor of each group of kernels."""
    if name == UNCHANGED:
        return base, {}
    if name == EVERY:
        return _every(rows, base), {}
    if base.overlaps:
        factor = median(row.seconds / base.seconds(row.runs) for row in rows)
        changed = replace(base, scale=factor * base.scale, call_s=factor * base.call_s)
        return changed, {"all": factor}
    factors = _factors(rows, base, GROUPS[name])
    return _scaled(base, factors, rows, GROUPS[name]), factors


def _factors(rows: Sequence[TimedRow], base: Calibration, group: Group) -> dict[str, float]:
    """Return the factor of each group that the rows carry; "the rest" is that of all others.

    A group whose factor cannot be believed joins the rest, and the others are fitted again.
    """
    parts = [_parts(row.runs, base, group) for row in rows]
    carried = _carried(parts)
    while True:
        names = [*sorted(carried), "the rest"]
        table = [
            [
                *(part.get(name, 0.0) for name in names[:-1]),
                sum(seconds for name, seconds in part.items() if name not in carried),
            ]
            for part in parts
        ]
        used = [i for i in range(len(names)) if any(line[i] for line in table)]
        matrix = [[line[i] for i in used] for line in table]
        found = coefficients(matrix, [row.seconds for row in rows])
        factors = {names[i]: factor for i, factor in zip(used, found, strict=True)}
        wild = {
            name
            for name, factor in factors.items()
            if name in carried and not 1 / MOST_FACTOR <= factor <= MOST_FACTOR
        }
        if not wild:
            return {name: factor or 1.0 for name, factor in factors.items()}
        carried -= wild


def _carried(parts: Sequence[Mapping[str, float]]) -> set[str]:
    """Return the groups that take a share of the time of enough rows."""
    counts: dict[str, int] = {}
    for part in parts:
        whole = sum(part.values())
        for name, seconds in part.items():
            counts[name] = counts.get(name, 0) + (seconds >= SHARE * whole)
    enough = min(ROWS, len(parts))
    most = max(1, len(parts) // ROWS_EACH)
    by_count = sorted(counts, key=lambda name: -counts[name])[:most]
    return {name for name in by_count if counts[name] >= enough}


def _parts(runs: Runs, base: Calibration, group: Group) -> dict[str, float]:
    """Return the seconds of each group of kernels, calls and all."""
    found: dict[str, float] = {}
    for kernel, times in runs:
        seconds = times * (base.kernel_s(kernel) + base.call_s)
        found[group(kernel)] = found.get(group(kernel), 0.0) + seconds
    return found


def _scaled(
    base: Calibration, factors: Mapping[str, float], rows: Sequence[TimedRow], group: Group
) -> Calibration:
    """Return the calibration with each family times its factor; what a call takes is in it."""
    of_family = {kernel.family: group(kernel) for row in rows for kernel, _ in row.runs}
    rest = factors.get("the rest", factors.get("all", 1.0))
    families = {}
    for name, its in base.families.items():
        factor = factors.get(of_family.get(name, ""), rest)
        each = [factor * base.scale * one for one in its.coefficients]
        each[0] += factor * base.call_s
        families[name] = Fitted(its.kind, tuple(each))
    return replace(base, families=families, scale=1.0, call_s=0.0)


def _columns(rows: Sequence[TimedRow]) -> list[tuple[str, int]]:
    """Return (family, feature) of everything that has a coefficient in these rows."""
    seen = {
        (kernel.family, i)
        for row in rows
        for kernel, _ in row.runs
        for i, value in enumerate(kernel.features)
        if value
    }
    return sorted(seen)


def _features(runs: Runs, columns: Sequence[tuple[str, int]]) -> list[float]:
    sums: dict[tuple[str, int], float] = {}
    for kernel, times in runs:
        for i, value in enumerate(kernel.features):
            sums[kernel.family, i] = sums.get((kernel.family, i), 0.0) + times * value
    return [sums.get(column, 0.0) for column in columns]


def _every(rows: Sequence[TimedRow], base: Calibration) -> Calibration:
    """Return a calibration whose coefficients are all fitted, of the families in the rows."""
    columns = _columns(rows)
    found = coefficients(
        [_features(row.runs, columns) for row in rows], [row.seconds for row in rows]
    )
    families = {
        name: Fitted(
            its.kind, (its.coefficients[0] * base.scale + base.call_s, *_times(its, base.scale))
        )
        for name, its in base.families.items()
    }
    for name in {family for family, _ in columns}:
        its = [0.0] * len(base.families[name].coefficients)
        for (family, i), value in zip(columns, found, strict=True):
            if family == name:
                its[i] = value
        families[name] = Fitted(base.families[name].kind, tuple(its))
    return replace(base, families=families, scale=1.0, call_s=0.0)


def _times(its: Fitted, scale: float) -> list[float]:
    return [scale * one for one in its.coefficients[1:]]


def _with_quality(best: Tried, rows: Sequence[TimedRow]) -> Calibration:
    """Return the calibration with how well it met the rows that were held out, kind by kind."""
    held = [row for fold in range(FOLDS) for row in rows[fold::FOLDS]]
    quality = dict(best.calibration.quality)
    for kind in dict.fromkeys(row.kind for row in rows):
        pairs = [(ratio, row) for ratio, row in zip(best.ratios, held, strict=True)]
        ratios = [ratio for ratio, row in pairs if row.kind == kind]
        noise = [row.noise for row in rows if row.kind == kind]
        if len(ratios) >= FEWEST:
            quality[kind] = quality_of(ratios, noise)
    waited = median(row.waited for row in rows)
    return replace(best.calibration, quality=quality, waited=waited)
