"""The first view of a sweep: its Pareto front in words, and growth as a static picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from pvtprof import spoken
from pvtprof.report.figures.style import GREY
from pvtprof.report.phrases import FEW, several
from pvtprof.report.sections import loglog
from pvtprof.report.sections.loglog import Drawn, Panel
from pvtprof.report.sweep_page import sweep_findings
from pvtprof.report.sweep_page.sweep_rows import Row, Sweep

Point = tuple[Row, float, float]


def shown(sweep: Sweep) -> list[Point]:
    """Return (row, MACs, seconds) of the first view; peak bytes where nothing was measured."""
    only = sweep.first_view
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
    """Return the finding of the scatter; the page's script says it the same."""
    what = "time" if sweep.measured else "peak memory"
    if not points:
        return "Nothing to draw: no row has both MACs and a time"
    if len(points) == 1:
        return f"One row is there: {points[0][0].name}"
    best = front(points)
    names = list(dict.fromkeys(row.name for row, *_ in best))
    said = several(names) if len(names) <= FEW else f"{len(names)} designs"
    verb = "is" if len(names) == 1 else "are"
    noise = doubt(sum(not is_sure(sweep, one, points) for one in best), len(best))
    return f"{said} {verb} beaten by no other in MACs and {what} at once{noise}"


def is_sure(sweep: Sweep, one: Point, points: Sequence[Point]) -> bool:
    """Return whether a point is clearly faster than all that have no more MACs."""
    if not sweep.measured:
        return True
    _, high = _bounds(sweep, one)
    rest = (other for other in points if other[0] is not one[0] and other[1] <= one[1])
    return all(high < _bounds(sweep, other)[0] for other in rest)


def _bounds(sweep: Sweep, one: Point) -> tuple[float, float]:
    """Return the interval of a time; the median where there is none."""
    row, _, seconds = one
    return row.timed[sweep.main_machine or ""].bounds or (seconds, seconds)


def doubt(count: int, total: int) -> str:
    """Return for how many of a front the noise of the times decides.

    >>> doubt(0, 3), doubt(2, 3), doubt(1, 1)
    ('', '; for 2 of 3 the noise of the times decides', '; another is equal within the noise')
    """
    if not count:
        return ""
    if total == 1:
        return "; another is equal within the noise"
    return f"; for {count} of {total} the noise of the times decides"


def view_words(sweep: Sweep, without: str = "") -> str:
    """Return what the first view shows, in words; ``without`` "image" or "batch"."""
    left_out = ("height", "width") if without == "image" else (without,)
    only = {name: one for name, one in sweep.first_view.items() if name not in left_out}
    rest = [f"{n} {v}" for n, v in only.items() if n not in ("height", "width", "model")]
    row = next((r for r in sweep.rows if all(r.words[n] == v for n, v in only.items())), None)
    parts = [str(only["model"])] if "model" in only else []
    parts += [f"image {row.side}"] if row and {"height", "width"} & set(only) else []
    return ", ".join([*parts, *rest]) or "all designs"


def picture(sweep: Sweep, colors: Mapping[str, str]) -> Markup | None:
    """Return the growth of each design as SVG, for readers without JavaScript; None of no line."""
    by_image = sweep_findings.grows_with_image(sweep)
    lines = sweep_findings.growth_lines(sweep, by_image)
    if not lines:
        return None
    designs = {row.name: str(row.words["design"]) for row in sweep.rows}
    drawn = tuple(
        Drawn(name, colors.get(designs.get(name.split(", ")[0], ""), GREY), tuple(points), "")
        for name, points in lines
    )
    x = sorted({x for _, points in lines for x, _ in points})
    step = math.ceil((len(x) - 1) / 4)
    x_ticks = tuple((at, f"{at:,.0f}") for at in [*x[:-1:step], x[-1]])
    label = f"{sweep_findings.growth_title(sweep)}."
    return loglog.svg(Panel(label, x_ticks, _y_ticks(sweep, lines), drawn))


def _y_ticks(
    sweep: Sweep, lines: Sequence[tuple[str, Sequence[tuple[float, float]]]]
) -> tuple[tuple[float, str], ...]:
    """Return 1, 2 and 5 times the powers of ten between the least and the most value."""
    values = [y for _, points in lines for _, y in points]
    low, high = min(values), max(values)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [part * 10.0**power for power in powers for part in (1, 2, 5)]
    found = [value for value in found if low <= value <= high]
    found = found[:: max(1, math.ceil(len(found) / 5))]
    if sweep.measured:
        return tuple((value, _round(spoken.compact_seconds(value))) for value in found)
    return tuple((value, _round(spoken.compact(round(value)))) for value in found)


def _round(text: str) -> str:
    """Return a round number without the zeros behind its point.

    >>> _round("5.00 ms"), _round("200 ms")
    ('5 ms', '200 ms')
    """
    return text.replace(".00 ", " ").replace(".0 ", " ")
