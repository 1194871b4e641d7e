"""What the page of a sweep finds beyond the fastest designs: growth, ratios, errors, failures."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import Any

from pvtprof import spoken, units
from pvtprof.report.sweep_page.sweep_rows import Row, Sweep, Timed
from pvtprof.report.sweep_page.sweep_words import Race, on_setting

#: A line: (extent, value) from the least extent on.
Line = list[tuple[float, float]]
IMAGE = ("height", "width")
#: What others are set against, where it is there.
PLAIN = "mha"


def growth_title(sweep: Sweep) -> str:
    """Return by how much time (MACs where nothing is measured) grows with the image or batch.

    Of the first view, on the machine with the most times; the page's script says it the same.
    """
    by_image = grows_with_image(sweep)
    what = "time" if sweep.measured else "MACs"
    lines = growth_lines(sweep, by_image)
    if not lines:
        plural = "images" if by_image else "batches"
        return f"No design has its {what} at two {plural}: nothing grows"
    low = min(points[0][0] for _, points in lines)
    high = max(points[-1][0] for _, points in lines)
    there = sorted(
        (points[-1][1] / points[0][1], name)
        for name, points in lines
        if (points[0][0], points[-1][0]) == (low, high)
    )
    before, after = ("", " pixels a side") if by_image else ("batch ", "")
    ends = f"From {before}{round(low)} to {round(high)}{after}"
    if not there:
        return f"{ends} there is no design with both ends"
    said = [f"{spoken.people(by, 1)} as much {what} for {name}" for by, name in there]
    return f"{ends}: {said[0]}" + (f", and {said[-1]}" if len(said) > 1 else "")


def grows_with_image(sweep: Sweep) -> bool:
    """Return whether growth is shown against the image; else against the batch."""
    sides, batches = ({row.side for row in sweep.rows}, {row.words["batch"] for row in sweep.rows})
    return len(sides) > 1 or len(batches) < 2


def growth_lines(sweep: Sweep, by_image: bool) -> list[tuple[str, Line]]:
    """Return the lines of the first view but for the extent, each with its name; at most ten."""
    extent = IMAGE if by_image else ("batch",)
    only = {name: value for name, value in sweep.first_view.items() if name not in extent}
    columns = [name for name in sweep.varying if name not in extent]
    found: dict[tuple[Any, ...], Line] = defaultdict(list)
    for row, on in zip(sweep.rows, sweep.on(sweep.main_machine), strict=True):
        value = on.latency_s if sweep.measured else row.words["macs"]
        if not value or any(row.words[name] != one for name, one in only.items()):
            continue
        side = math.sqrt((row.words["height"] or 0) * (row.words["width"] or 0))
        at = side if by_image else float(row.words["batch"] or 0)
        if at > 0:
            key = (row.name, *(row.words[name] for name in columns))
            found[key].append((at, float(value)))
    kept = sorted(
        ((k, sorted(v)) for k, v in found.items() if len(v) > 1), key=lambda o: -len(o[1])
    )
    kept = kept[:10]
    telling = [i for i in range(1, len(columns) + 1) if len({key[i] for key, _ in kept}) > 1]
    return [
        (", ".join([key[0], *(on_setting(columns[i - 1], key[i]) for i in telling)]), points)
        for key, points in kept
    ]


def pair(found: Sequence[Race], designs: Sequence[str]) -> tuple[str, str]:
    """Return the two designs that most comparisons have; plain attention is the second."""
    counts: Counter[tuple[str, str]] = Counter()
    for race in found:
        names = sorted({row.name for row, _ in race.runners}, key=designs.index)
        counts.update(combinations(names[:40], 2))
    plain = Counter({two: count for two, count in counts.items() if PLAIN in two})
    if counts:
        (first, second), _ = (plain or counts).most_common(1)[0]
        return (first, second) if second == PLAIN else (second, first)
    names = [*designs, "", ""]
    return (names[1], names[0]) if len(designs) > 1 else (names[0], names[0])


def ratio_title(sweep: Sweep, found: Sequence[Race]) -> str:
    """Return what share of the other's time one design needs, over the comparisons they share."""
    a, b = pair(found, sweep.designs)
    if a == b:
        return "There is one design: nothing to set against it"
    both = [two for race in found if (two := _two(race, a, b))]
    if not both:
        return f"{a} and {b} have no time at the same setting"
    shares = [
        one.latency_s / other.latency_s for one, other in both if one.latency_s and other.latency_s
    ]
    low, high = (spoken.people(share, 1) for share in (min(shares), max(shares)))
    level = sum(one.is_level(other) is True for one, other in both)
    said = low if low == high else f"{low} to {high}"
    where = "one comparison" if len(both) == 1 else f"{len(both)} comparisons"
    tail = (
        f"; in {level} of them they are equal within the noise" if level and len(both) > 1 else ""
    )
    tail = "; they are equal within the noise" if level and len(both) == 1 else tail
    return f"{a} needs {said} of {b}'s time in {where}{tail}"


def _two(race: Race, a: str, b: str) -> tuple[Timed, Timed] | None:
    by: dict[str, Timed] = {row.name: timed for row, timed in race.runners}
    return (by[a], by[b]) if a in by and b in by else None


def predictions(sweep: Sweep) -> str:
    """Return how far predictions are off, in one sentence."""
    off = sorted(
        abs(predicted / one.latency_s - 1)
        for row in sweep.rows
        for one in row.timed.values()
        if one.latency_s and (predicted := one.predicted_s or row.predicted_s)
    )
    if len(off) == 1:
        return f"One time has a prediction, which is off by {spoken.people(off[0], 1)}."
    if off:
        late = spoken.people(off[int(0.9 * (len(off) - 1))], 1)
        most = f"{late} in nine of ten" if len(off) >= 10 else spoken.people(off[-1], 1)
        return (
            f"Predictions are off by {spoken.people(median(off), 1)} in the middle of "
            f"{units.integer(len(off))} measured times, and by at most {most}."
        )
    if any(_predicted(row) for row in sweep.rows):
        return "There are predictions, and no measured time beside one yet."
    return (
        "No row has a prediction. Those of networks get one by pvtprof calibrate, followed by "
        "pvtprof calibrate --from STORE."
    )


def _predicted(row: Row) -> float | None:
    return row.predicted_s or next((t.predicted_s for t in row.timed.values()), None)


def failures_title(sweep: Sweep) -> str:
    """Return the finding about failures."""
    if not sweep.failed:
        return "No row failed"
    reasons = failures(sweep)
    if len(sweep.rows) == 1:
        return f"The one row failed: {reasons[0][0]}"
    share = f"{units.integer(sweep.failed)} of {units.integer(len(sweep.rows))} rows failed"
    if len(reasons) == 1:
        return f"{share}: {reasons[0][0]}"
    return f"{share}, for {len(reasons)} reasons"


def failures(sweep: Sweep) -> list[tuple[str, int]]:
    """Return each reason with the number of rows without a time that have it."""
    found: Counter[str] = Counter()
    for row in sweep.rows:
        if row.is_failed:
            reasons = [one.failure for one in row.timed.values() if one.failure]
            found[(reasons or [row.refused or ""])[0]] += 1
    return found.most_common()
