"""Made-up stores: closed forms of a real grid, and times drawn at random by a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from pvtprof.errors import SpecError
from pvtprof.observe.measurement import median_interval
from pvtprof.report.sweep_page.sweep_rows import COLUMNS, EXACT, Reference, Stored
from pvtprof.sweep.closed_forms import ClosedForms
from pvtprof.sweep.grid import grid_of

#: 5,000 rows and a few more: three models, 25 sizes, batches, and designs with several R.
LARGE: Mapping[str, Sequence[str]] = {
    "model": ["pvt_v2_b0", "pvt_v2_b1", "pvt_v2_b2"],
    "img": ["224..992:32"],
    "R": ["8,4,2,1", "4,2,1,1", "8,4,2,2"],
    "design": ["mha", "sra_conv", "sra_pool", "sra_pool,sra_pool,sra_pool,mha"],
    "batch": ["1", "2", "8"],
    "attention": ["eager", "sdpa"],
    "threads": ["1", "2"],
}
SMALL: Mapping[str, Sequence[str]] = {
    "model": ["pvt_v2_b0"],
    "img": ["64,96,128"],
    "design": ["mha", "sra_conv", "sra_pool"],
    "batch": ["1", "2"],
}
MACHINES = {
    "a1b2c3d4e5f6": {"device": "AMD EPYC 9354, 2 cores", "torch": "2.9.0", "threads": 2},
    "0f9e8d7c6b5a": {"device": "Intel Xeon Platinum 8481C, 4 cores", "torch": "2.9.0"},
}
TOO_MUCH = "needs 1.2 TiB of memory for its peak, and the machine has 31.3 GiB"
TOO_LONG = "ran out of time: more than 120 s (--limit)"


def stored(
    words: Mapping[str, Sequence[str]] = SMALL,
    most: int = 100_000,
    machines: Sequence[str] = tuple(MACHINES)[:1],
    failing: float = 0.0,
    left: float = 0.0,
    samples: int = 12,
    predicted: bool = True,
    seed: int = 0,
) -> Stored:
    """Return a store whose rows are measured on one machine each, at random."""
    chance, forms, lines, keys, taken = random.Random(seed), ClosedForms(), [], [], []
    for number, planned in enumerate(grid_of(words)):
        if number >= most:
            break
        line: dict[str, Any] = {name: getattr(planned, name, None) for name in COLUMNS[:13]}
        line["sr_ratios"] = ",".join(map(str, planned.sr_ratios))
        line |= {"threads": planned.threads, "device": planned.device, "tries": 0}
        seconds: list[float] = []
        try:
            figures = forms.of(planned)
            line |= dict(zip(EXACT, figures[:4], strict=True))
            line |= _drawn(chance, line, (failing, left, samples, predicted), seconds)
        except SpecError as error:
            line["failure"] = str(error)
        if line["tries"]:
            line["machine"] = chance.choice(machines)
        lines.append(line)
        keys.append(planned.key)
        taken.append(seconds)
    return Stored(
        "night.sqlite",
        {name: [line.get(name) for line in lines] for name in COLUMNS},
        keys,
        taken,
        {one: MACHINES[one] for one in machines},
        _references(chance, machines),
    )


def _drawn(
    chance: random.Random,
    line: Mapping[str, Any],
    shares: tuple[float, float, int, bool],
    seconds: list[float],
) -> dict[str, Any]:
    """Return what a machine says of a row: a time near one by MACs and bytes, or a failure."""
    failing, left, samples, predicted = shares
    slow = {"mha": 1.1, "sra_conv": 1.15}.get(line["design"], 1.0) / (line["threads"] or 1) ** 0.8
    true = slow * (line["macs"] / 4e10 + line["moved_bytes"] / 2e10 + 2e-4)
    found: dict[str, Any] = {"predicted_s": true * chance.gauss(1.0, 0.08) if predicted else None}
    what = chance.random()
    if what < failing:
        return {**found, "tries": 1, "failure": chance.choice((TOO_MUCH, TOO_LONG))}
    if what < failing + left:
        return found
    true *= chance.gauss(1.0, 0.03)
    seconds += [true * (1 + abs(chance.gauss(0, 0.03))) for _ in range(samples)]
    ordered = sorted(seconds)
    middle = (ordered[(samples - 1) // 2] + ordered[samples // 2]) / 2
    low, high = _interval(ordered)
    return {**found, "tries": 1, "latency_s": middle, "latency_low_s": low, "latency_high_s": high}


def _interval(ordered: Sequence[float]) -> tuple[float | None, float | None]:
    """A 95 % interval of the median: order statistics, as scipy has them for these counts."""
    if len(ordered) < 6:
        return None, None
    if len(ordered) not in _PLACES:
        low, high = median_interval([float(i) for i in range(len(ordered))]) or (0.0, 0.0)
        _PLACES[len(ordered)] = int(low), int(high)
    low, high = _PLACES[len(ordered)]
    return ordered[low], ordered[high]


_PLACES: dict[int, tuple[int, int]] = {}


def _references(chance: random.Random, machines: Sequence[str]) -> list[Reference]:
    return [
        Reference(one, "the reference", f"2026-11-2{hour // 24}T{hour % 24:02}", seconds)
        for one in machines
        for hour in range(30)
        for seconds in [0.02 * chance.gauss(1.0, 0.01)]
    ]
