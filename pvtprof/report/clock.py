"""Theory against the clock: MACs and time of each stage and of the network.

They are shares of the first design's; with one design, shares of the network's. Times are measured.
Where nothing was measured they are predicted; where neither, the section says how to get one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pvtprof import units
from pvtprof.designs.part import MODEL
from pvtprof.report import gpu, sheets, wording
from pvtprof.report.clock_reasons import reason
from pvtprof.report.figures.style import color_of
from pvtprof.report.sheet import Sheet
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
        return f"{about}{units.share(self.time, 1)}"

    @property
    def macs_label(self) -> str:
        """The share of MACs in words."""
        return f"MACs {units.share(self.macs, 1)}"

    @property
    def spoken(self) -> str:
        """All that is drawn, in words."""
        time = f"{self.label} of the time" if self.time is not None else self.label
        if self.low is not None and self.high is not None:
            time += f" (95 %: {units.share(self.low, 1)} to {units.share(self.high, 1)})"
        if self.kind == PREDICTED:
            time += ", predicted"
        said = f"{self.design}: {time}, {units.share(self.macs, 1)} of the MACs"
        return "; ".join(part for part in (said, self.milliseconds, self.why) if part)


@dataclass(frozen=True, slots=True)
class Place:
    """A stage, or the network: each design against what is 100 %. ``most`` ends the axis."""

    name: str
    title: str
    shares: tuple[Share, ...]
    most: float

    @property
    def mark(self) -> str:
        """Where 100 % is on the axis, in percent of its length."""
        return self.width(1.0)

    def width(self, share: float) -> str:
        """Return how long a share is, in percent of the axis."""
        return f"{100 * min(share / self.most, 1.0):.2f}"


@dataclass(frozen=True)
class Clock:
    """The section: its finding, its frames, what is too noisy, and how to get what is missing."""

    title: str
    text: str
    places: tuple[Place, ...]
    remarks: tuple[str, ...]
    colors: dict[str, str]
    setting: str
    sheets: tuple[Sheet, ...]


def clock(run: Run) -> Clock:
    """Return times against MACs of one comparison."""
    places = list(_places(run))
    kinds = {share.kind for place in places for share in place.shares} - {""}
    return Clock(
        _title(run, places),
        _text(run, kinds),
        tuple(_scaled(places)),
        tuple(_remarks(run, places)),
        {name: color_of(name) for name in run.variants},
        _setting(run),
        tuple(_sheets(run, places)),
    )


def _setting(run: Run) -> str:
    its, device = run.setting, run.environment.device
    at = ", ".join(f"{n}={size}" for n, size in its.sizes) if run.is_own else units.grid(*its.image)
    return f"{at}, batch {its.batch}, {its.dtype}, {its.attention}, on {device}"


# The shares.


def _places(run: Run) -> Iterator[Place]:
    """Yield every place for which a design has a time, or MACs where nothing has one."""
    first = run.reference
    for part in run.parts:
        rows = {row.design.name: row for row in run.rows if row.part == part}
        if part.module is not None or first not in rows:
            continue
        name = part.name if part != MODEL else "whole module" if run.is_own else "whole network"
        if len(run.variants) > 1:
            against = [(row, rows[first]) for design, row in rows.items() if design != first]
            shares = tuple(_share(run, row, other, 1) for row, other in against)
        elif part != MODEL:
            row = rows[first]
            shares = (_share(run, row, run.row(None, first), row.blocks),)
        else:
            continue
        if any(share.kind for share in shares):
            yield Place(name, _place_title(run, name, shares, rows[first]), shares, 1.0)


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
    return Share(row.design.name, macs, kind, time, low, high, noise, _milliseconds(row, kind), why)


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
            worst = f"the interval of a time is {units.share(width, 1)} wide"
    return worst


def _milliseconds(row: Row, kind: str) -> str:
    if kind == MEASURED and row.latency:
        interval = row.latency.interval
        ends = f" (95 %: {units.interval(interval)} ms)" if interval else ""
        return f"{units.milliseconds(row.latency.median)}{ends}"
    if kind == PREDICTED and row.predicted:
        ends = units.interval((row.predicted.low, row.predicted.high))
        return f"{units.milliseconds(row.predicted.seconds)} predicted (90 %: {ends} ms)"
    return ""


def _scaled(places: Sequence[Place]) -> Iterator[Place]:
    """Yield the places with the ends of their axes: one for all where that can be read."""
    ends = [
        max(1.0, *(x for s in place.shares for x in (s.macs, s.high or s.time or 0.0) if x))
        for place in places
    ]
    common = max(ends, default=1.0)
    for place, end in zip(places, ends, strict=True):
        most = common if common <= COMMON else end
        yield Place(place.name, place.title, place.shares, most)


# The sentences.


def _place_title(run: Run, name: str, shares: Sequence[Share], first: Row) -> str:
    """Return a frame's finding: who takes how much of the reference's time."""
    head = f"{name[0].upper()}{name[1:]}"
    if len(run.variants) == 1:
        blocks = f"{first.blocks} blocks of " if first.blocks > 1 else ""
        taken = f"{blocks}{_milliseconds(first, shares[0].kind)}"
        return f"{head}: {shares[0].label} of the network's time ({taken})"
    known = [share for share in shares if share.time is not None]
    own = "" if worst_noise([first]) else units.milliseconds(first.latency_median_s)
    if not first.latency and first.predicted:
        own = units.milliseconds(first.predicted.seconds)
    module = " a module" if first.part.stage is not None else ""
    against = f"({own}{module})" if own else ""
    if not known:
        return f"{head}: {shares[0].noise or 'not timed'} {against}".rstrip()
    said = [f"{share.design} {share.label}" for share in known]
    if len(known) > wording.FEW:
        fastest = min(known, key=lambda share: share.time or 0)
        said = [f"{fastest.design}, the fastest, {fastest.label}"]
    by = "by prediction " if known[0].kind == PREDICTED else ""
    return f"{head}: {by}{wording.several(said)} of {first.design.name}'s time {against}".rstrip()


def _title(run: Run, places: Sequence[Place]) -> str:
    """Return the finding: the network, and where time is furthest above MACs."""
    found = [(place, share) for place in places for share in place.shares]
    if not any(share.kind for _, share in found):
        return "Nothing was timed in this run, and nothing predicts its times."
    sure = [(place, share) for place, share in found if share.is_sure]
    if not sure:
        if all(share.kind == PREDICTED for _, share in found if share.kind):
            return "Predicted on a busy machine: no sentence can rest on these times."
        return "The times of this run are too noisy to be held against MACs."
    by = "By prediction, " if all(share.kind == PREDICTED for _, share in sure) else ""
    whose = f"{run.reference}'s" if len(run.variants) > 1 else "the network's"
    parts = []
    if network := [share for place, share in sure if place.name.startswith("whole")]:
        parts.append(_of_network(network, whose))
    stages = [(place, share) for place, share in sure if not place.name.startswith("whole")]
    slow = [(p, s) for p, s in stages if _exceeds(s)]
    if slow:
        place, worst = max(slow, key=lambda one: (one[1].time or 0) - one[1].macs)
        of = "" if parts else f" of {whose} time"
        parts.append(
            f"in {place.name}, {worst.design} takes {units.share(worst.time or 0, 1)}{of} "
            f"for {units.share(worst.macs, 1)}{'' if parts else ' of its MACs'}"
        )
    elif not parts or (stages and all(_follows(share) for _, share in stages)):
        parts.append("in each stage time follows MACs within 10 points")
    text = "; ".join(parts)
    return f"{by}{text}." if by else f"{text[0].upper() if not network else text[0]}{text[1:]}."


def _exceeds(share: Share) -> bool:
    """Return whether time is above MACs even at the low end of its interval."""
    low = share.time if share.low is None else share.low
    return is_slower(share.time or 0, share.macs) and (low or 0) > share.macs


def _follows(share: Share) -> bool:
    time = share.time or 0
    return not (is_slower(time, share.macs) or is_slower(share.macs, time))


def _of_network(network: Sequence[Share], whose: str) -> str:
    """Return the shares of the whole network of some designs, in words."""
    if len(network) > wording.FEW:
        fastest = min(network, key=lambda share: share.time or 0)
        times, macs = units.share(fastest.time or 0, 1), units.share(fastest.macs, 1)
        return (
            f"{fastest.design}, the fastest, takes {times} of {whose} time for {macs} of its MACs"
        )
    names = wording.several([share.design for share in network])
    times = wording.each([units.share(share.time or 0, 1) for share in network])
    macs = wording.each([units.share(share.macs, 1) for share in network])
    verb = "takes" if len(network) == 1 else "take"
    return f"{names} {verb} {times} of {whose} time for {macs} of its MACs"


def _text(run: Run, kinds: set[str]) -> str:
    if not kinds:
        return ""
    of = f"{run.reference}'s" if len(run.variants) > 1 else "those of the whole network"
    where = " on the GPU, launches not counted" if run.setting.on_cuda else ""
    step = " of a training step" if run.setting.mode == "training" else ""
    how = f"median{step}{where} with its 95 % interval" if MEASURED in kinds else "predicted"
    return f"MACs and time ({how}) as shares of {of}; the dashed line is 100 %."


def _remarks(run: Run, places: Sequence[Place]) -> Iterator[str]:
    """Yield what cannot be said and what to do about it, and how to get times."""
    noisy = [row for row in run.rows if row.latency and worst_noise([row])]
    if noisy:
        names = [row.name for row in noisy]
        shown = names if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"]
        yield (
            f"Noisy: {wording.several(shown)}. Close other programs, or raise --budget, and run "
            "it again."
        )
    failed = {row.not_run: None for row in run.rows if row.not_run}
    for why in failed:
        names = [row.name for row in run.rows if row.not_run == why]
        yield f"Not timed: {wording.several(names)}: {why}."
    if not places:
        yield from _ways(run)


def _ways(run: Run) -> Iterator[str]:
    again = "without --analytic" if "--analytic" in run.command else "with --budget above 0"
    yield f"To measure: run the same command {again}."
    if run.setting.mode == "inference":
        yield (
            "To predict: `pvtprof calibrate` once on the machine, then the same command; every "
            "later run has predicted times at once."
        )


def _sheets(run: Run, places: Sequence[Place]) -> Iterator[Sheet]:
    if places:
        yield _share_sheet(run, places)
    if run.measured and run.setting.on_cuda:
        yield gpu.latencies(run)
        yield gpu.states(run)
    elif run.measured:
        yield sheets.latencies(run)


def _share_sheet(run: Run, places: Sequence[Place]) -> Sheet:
    of = f"(% of {run.reference if len(run.variants) > 1 else 'the network'})"
    header = (
        "place",
        "design",
        f"MACs {of}",
        f"time {of}",
        "low (%)",
        "high (%)",
        "time is",
        "why",
    )
    lines = tuple(
        (
            place.name,
            share.design,
            _percent(share.macs),
            _percent(share.time),
            _percent(share.low),
            _percent(share.high),
            share.kind or "-",
            "; ".join(filter(None, (share.noise, share.why))) or "-",
        )
        for place in places
        for share in place.shares
    )
    return Sheet("MACs and time as shares", header, lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.4g}"
