"""The static picture of a sweep: time over MACs of the first view, with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from pvtprof import spoken, units
from pvtprof.report import loglog
from pvtprof.report.figures.style import GREY
from pvtprof.report.growth_pictures import count_tick
from pvtprof.report.loglog import Drawn, Mark, Panel
from pvtprof.report.phrases import FEW, several
from pvtprof.report.sweep_data import first_view
from pvtprof.report.sweep_rows import Row, Sweep

Point = tuple[Row, float, float]


def shown(sweep: Sweep) -> list[Point]:
    """Return (row, MACs, seconds) of the first view; peak bytes where nothing was measured."""
    only = first_view(sweep)
    found = []
    for row, on in zip(sweep.rows, sweep.on(sweep.main_machine), strict=True):
        value = on.latency_s if sweep.measured else row.words["peak_bytes"]
        if value and row.words["macs"] and all(row.words[n] == v for n, v in only.items()):
            found.append((row, float(row.words["macs"]), float(value)))
    return found


def front(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats in both figures, by the first.

    >>> [p[1:] for p in front([("a", 1, 9), ("b", 2, 5), ("c", 3, 7), ("d", 2, 6)])]
    [(1, 9), (2, 5)]
    """
    found: list[Point] = []
    for point in sorted(points, key=lambda one: one[1:]):
        if not found or point[2] < found[-1][2]:
            found.append(point)
    return found


def title(sweep: Sweep, points: Sequence[Point]) -> str:
    """Return the finding of the scatter."""
    what = "time" if sweep.measured else "peak memory"
    if not points:
        return "Nothing to draw: no row has both MACs and a time"
    if len(points) == 1:
        return f"One row is there: {points[0][0].name}"
    names = list(dict.fromkeys(row.name for row, *_ in front(points)))
    said = several(names) if len(names) <= FEW else f"{len(names)} designs"
    verb = "is" if len(names) == 1 else "are"
    return f"{said} {verb} beaten by no other in MACs and {what} at once"


def view_words(sweep: Sweep) -> str:
    """Return what the first view shows, in words."""
    only: Mapping[str, object] = first_view(sweep)
    rest = [f"{n} {v}" for n, v in only.items() if n not in ("height", "width", "model")]
    row = next((r for r in sweep.rows if all(r.words[n] == v for n, v in only.items())), None)
    parts = [str(only["model"])] if "model" in only else []
    parts += [f"image {row.side}"] if row and {"height", "width"} & set(only) else []
    return ", ".join([*parts, *rest]) or "all rows"


def picture(sweep: Sweep, points: Sequence[Point], colors: Mapping[str, str]) -> Markup | None:
    """Return the scatter as SVG; None where there are no two points."""
    best = front(points)
    if len(points) < 2:
        return None
    marks = tuple(
        Mark(x, y, "", colors.get(str(row.words["design"]), GREY)) for row, x, y in points
    )
    line = Drawn("front", GREY, tuple((x, y) for _, x, y in best), "", dashed=True)
    x_ticks = _around([x for _, x, _ in points])
    y_values = [y for *_, y in points]
    if sweep.measured:
        y_ticks = loglog.ticks(y_values, 10, _seconds)
    else:
        y_ticks = loglog.ticks(y_values, 2, lambda power: units.size(2**power))
    label = f"{title(sweep, points)}; {len(points)} rows, {view_words(sweep)}"
    return loglog.svg(Panel(label, x_ticks, y_ticks, (line,), marks))


def _seconds(power: int) -> str:
    return spoken.compact_seconds(10.0**power).replace(".00", "").replace(".0", "")


def _around(values: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Return ticks of counts whose first and last lie outside of the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    return tuple((10.0**power, count_tick(power)) for power in range(low, high + 1))
