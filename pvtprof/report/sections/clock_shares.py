"""MACs and time of each design in each place as shares of a reference, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pvtprof import spoken, units
from pvtprof.designs.part import MODEL
from pvtprof.report import phrases
from pvtprof.report.sections.clock_reasons import reason
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: Time this far above MACs (of shares above 1: this part of them) is more than theory says.
ABOVE = 0.10
#: Wider than this share of the median, an interval makes a ratio "about"; beyond the other, none.
ABOUT, TOO_WIDE = 0.20, 0.50
#: One scale serves all frames while no share is larger than this.
COMMON = 2.5
MEASURED, PREDICTED = "measured", "predicted"


@dataclass(frozen=True, slots=True)
class Share:
    """MACs and time of one design in one place, as shares of the reference.

    ``kind`` is "measured", "predicted", or "" where there is no time. ``time`` is None where the
    clock cannot say: ``noise`` then says so in words. ``low`` and ``high`` are the 95 % interval:
    the lowest of the one over the highest of the other, and the reverse.
    """

    design: str
    macs: float
    kind: str
    time: float | None
    low: float | None
    high: float | None
    noise: str
    milliseconds: str
    why: str

    @property
    def is_sure(self) -> bool:
        """Whether a sentence may rest on it."""
        return self.time is not None and not self.noise

    @property
    def is_equal(self) -> bool:
        """Whether its interval has the reference's own time in it."""
        return self.low is not None and self.high is not None and self.low <= 1 <= self.high

    @property
    def label(self) -> str:
        """The share of time in words."""
        if self.time is None:
            return self.noise or "not timed"
        about = "about " if self.noise else ""
        return f"{about}{spoken.people(self.time, 1)}"

    @property
    def macs_label(self) -> str:
        """The share of MACs in words."""
        return f"MACs {spoken.people(self.macs, 1)}"

    @property
    def spoken(self) -> str:
        """All that is drawn, in words."""
        time = phrases.of(self.label, "the time") if self.time is not None else self.label
        if self.low is not None and self.high is not None:
            time += f" (95 %: {spoken.people(self.low, 1)} to {spoken.people(self.high, 1)})"
        if self.kind == PREDICTED:
            time += ", predicted"
        macs = phrases.of(spoken.people(self.macs, 1), "the MACs")
        said = f"{self.design}: {time}, {macs}"
        return "; ".join(part for part in (said, self.milliseconds, self.why) if part)


@dataclass(frozen=True, slots=True)
class Place:
    """A stage, or the network: each design against the first, or against the whole network.

    ``first`` is the first design's row. ``most`` ends the axis. ``title`` is the finding.
    """

    name: str
    first: Row
    shares: tuple[Share, ...]
    most: float = 1.0
    title: str = ""

    @property
    def mark(self) -> str:
        """Where 100 % is on the axis, in percent of its length."""
        return self.width(1.0)

    def width(self, share: float) -> str:
        """Return how long a share is, in percent of the axis."""
        return f"{100 * min(share / self.most, 1.0):.2f}"


def held(run: Run) -> tuple[str, bool]:
    """Return the design that is 100 %, and whether it is alone: then its own network is 100 %.

    It is the first that has a time of the whole network, or else of any part; measured, or where
    nothing was measured, predicted.
    """
    measured = [row for row in run.rows if row.latency and row.part.module is None]
    known = measured or [row for row in run.rows if row.predicted and row.part.module is None]
    whole = [row for row in known if row.part == MODEL] or known
    names = list(dict.fromkeys(row.design.name for row in whole)) or [run.reference]
    return names[0], len({row.design.name for row in known}) < 2


def places_of(run: Run) -> Iterator[Place]:
    """Yield every place for which a design has a time, or MACs where nothing has one."""
    first, is_alone = held(run)
    for part in run.parts:
        rows = {row.design.name: row for row in run.rows if row.part == part}
        if part.module is not None or first not in rows:
            continue
        name = part.name if part != MODEL else "whole module" if run.is_own else "whole network"
        if not is_alone:
            against = [(row, rows[first]) for design, row in rows.items() if design != first]
            shares = tuple(_share(run, row, other, 1) for row, other in against)
        elif part != MODEL:
            row = rows[first]
            shares = (_share(run, row, run.row(None, first), row.blocks),)
        else:
            continue
        if any(share.kind for share in shares):
            yield Place(name, rows[first], shares)


def _share(run: Run, row: Row, other: Row, times: int) -> Share:
    """Return a row, so many times, as a share of another."""
    macs = times * row.macs / other.macs if other.macs else 0.0
    noise, time, low, high = "", None, None, None
    kind = MEASURED if row.latency and other.latency else ""
    if row.latency and other.latency:
        noise = worst_noise((row, other))
        time = times * row.latency.median / other.latency.median
        mine, theirs = row.latency.interval, other.latency.interval
        if mine and theirs:
            low, high = times * mine[0] / theirs[1], times * mine[1] / theirs[0]
        time = None if noise.startswith("too") else time
    elif row.predicted and other.predicted:
        kind, time = PREDICTED, times * row.predicted.seconds / other.predicted.seconds
        is_doubtful = row.predicted.is_doubtful or other.predicted.is_doubtful
        noise = "the calibration was made on a busy machine" if is_doubtful else ""
    is_above = time is not None and is_slower(time, macs)
    why = reason(run, row) if is_above else ""
    return Share(row.design.name, macs, kind, time, low, high, noise, milliseconds(row, kind), why)


def is_slower(time: float, macs: float) -> bool:
    """Return whether a share of time is clearly above that of MACs.

    >>> is_slower(0.59, 0.47), is_slower(0.52, 0.47), is_slower(16.8, 16.4)
    (True, False, False)
    """
    return time > macs + ABOVE * max(1.0, macs)


def worst_noise(rows: Sequence[Row]) -> str:
    """Return in words why the ratio of some times cannot be given as it is; "" where it can."""
    worst = ""
    for row in rows:
        its = row.latency
        if its is None or its.interval is None:
            return "too few samples to say"
        width = (its.interval[1] - its.interval[0]) / its.median
        if its.is_doubtful or width > TOO_WIDE:
            return "too noisy to say"
        if width > ABOUT:
            worst = f"the interval of a time is {spoken.people(width, 1)} wide"
    return worst


def milliseconds(row: Row, kind: str) -> str:
    """Return the time of a row with its interval, in words."""
    if kind == MEASURED and row.latency:
        interval = row.latency.interval
        ends = f" (95 %: {units.interval(interval)} ms)" if interval else ""
        return f"{units.milliseconds(row.latency.median)}{ends}"
    if kind == PREDICTED and row.predicted:
        ends = units.interval((row.predicted.low, row.predicted.high))
        return f"{units.milliseconds(row.predicted.seconds)} predicted (90 %: {ends} ms)"
    return ""


def scaled(places: Sequence[Place], has_all: bool) -> Iterator[Place]:
    """Yield the places with the ends of their axes: one for all where that can be read.

    ``has_all``: 100 % is on the axes.
    """
    ends = [
        max(
            float(has_all),
            1e-9,
            *(x for s in place.shares for x in (s.macs, s.high or s.time or 0.0) if x),
        )
        for place in places
    ]
    common = max(ends, default=1.0)
    for place, end in zip(places, ends, strict=True):
        most = common if common <= COMMON else end
        yield replace(place, most=most)
