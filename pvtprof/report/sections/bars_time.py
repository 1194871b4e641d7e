"""Where the time of a comparison goes: seconds by operator, of each stage and of the network.

Measured where operators were timed by themselves, else predicted; never a mixture of both. The same
rules are in ``assets/where.js``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pvtprof.designs.part import MODEL
from pvtprof.report.answer.facts import too_large
from pvtprof.report.sections.bars import GROUPS, group_of
from pvtprof.report.sections.clock_shares import MEASURED, PREDICTED, worst_noise
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: Of a measured network, what no operator was timed of; and a network that cannot be split.
REST, ALL = "not attention", "all operators"
#: The kind of a bar whose design needs more memory than there is: it has no time.
NO_FIT = "does not fit"
#: How far a time can be trusted: a sentence may rest on it, about, or not at all.
SURE, ABOUT, NOISY = 0, 1, 2


@dataclass(frozen=True, slots=True)
class TimeBar:
    """The seconds of one design in one frame, by operator; ``kind`` is "" where none are known,
    NO_FIT where the design needs more memory than there is.
    """

    design: str
    kind: str = ""
    noise: int = SURE
    segments: tuple[tuple[str, float], ...] = ()

    @property
    def total(self) -> float:
        """All its seconds."""
        return added(seconds for _, seconds in self.segments)

    @property
    def is_sure(self) -> bool:
        """Whether a sentence may rest on it."""
        return bool(self.segments) and self.noise == SURE


@dataclass(frozen=True, slots=True)
class TimeFrame:
    """All blocks of the attention of a stage, or the whole network: a bar a design."""

    name: str
    bars: tuple[TimeBar, ...]

    def bar(self, design: str) -> TimeBar:
        """Return the bar of a design."""
        return next(bar for bar in self.bars if bar.design == design)


def added(many: Iterable[float]) -> float:
    """Return a sum, one number after the other, as a script adds them (``sum`` is finer)."""
    total = 0.0
    for one in many:
        total += one
    return total


def time_frames(run: Run) -> tuple[TimeFrame, ...]:
    """Return a frame a stage and one for the network; none where no operator's time is known."""
    if run.is_own:
        return ()
    kind = MEASURED if any(row.parts_s for row in run.rows) else PREDICTED
    stages = [
        TimeFrame(part.name, tuple(_of_stage(row, kind) for row in run.rows if row.part == part))
        for part in run.parts
        if part != MODEL
    ]
    if not any(bar.segments for frame in stages for bar in frame.bars):
        return ()
    wholes = [row for row in run.rows if row.part == MODEL]
    bars = (_measured(row, stages) if kind == MEASURED else _predicted(row) for row in wholes)
    return _that_fit((*stages, TimeFrame("whole network", tuple(bars))), too_large(run))


def _that_fit(frames: Sequence[TimeFrame], large: Sequence[str]) -> tuple[TimeFrame, ...]:
    """Return the frames without times of designs that do not fit; none where no design does."""
    kept = tuple(
        TimeFrame(
            frame.name,
            tuple(TimeBar(b.design, NO_FIT) if b.design in large else b for b in frame.bars),
        )
        for frame in frames
    )
    return kept if any(bar.segments for frame in kept for bar in frame.bars) else ()


def _of_stage(row: Row, kind: str) -> TimeBar:
    if kind == PREDICTED:
        return _predicted(row)
    found = tuple((name, row.blocks * seconds) for name, seconds in row.parts_s.items())
    return TimeBar(row.design.name, kind, _noise(row), found) if found else TimeBar(row.design.name)


def _noise(row: Row) -> int:
    """How far the measured time of a row can be trusted."""
    worst = worst_noise([row])
    return NOISY if worst.startswith("too") else ABOUT if worst else SURE


def _predicted(row: Row) -> TimeBar:
    """Return what is predicted of a row, grouped as its costs are."""
    seconds = [op.predicted_s for op in row.ops]
    if row.predicted is None or not seconds:
        return TimeBar(row.design.name)
    is_whole, found = row.part == MODEL, dict[str, float]()
    for op in row.ops:
        name = group_of(op.name) if is_whole else op.name
        taken = (1 if is_whole else row.blocks) * (op.predicted_s or 0.0)
        found[name] = found.get(name, 0.0) + taken
    outside = [name for _, name in GROUPS]
    order = sorted(found, key=lambda name: outside.index(name) if name in outside else 0)
    noise = ABOUT if row.predicted.is_doubtful else SURE
    segments = tuple((name, found[name]) for name in order if found[name])
    return TimeBar(row.design.name, PREDICTED, noise, segments)


def _measured(row: Row, stages: Sequence[TimeFrame]) -> TimeBar:
    """Return a timed network: the operators of attention in all stages, and the rest.

    It cannot be split where a stage was not timed well, or where stages took longer than the whole.
    """
    design = row.design.name
    if row.latency is None:
        return TimeBar(design)
    whole, bars = row.latency.median, [frame.bar(design) for frame in stages]
    found = dict(_by_name(bars))
    rest = whole - added(found.values())
    if not all(bar.segments and bar.noise != NOISY for bar in bars) or rest <= 0:
        return TimeBar(design, MEASURED, _noise(row), ((ALL, whole),))
    return TimeBar(design, MEASURED, _noise(row), (*found.items(), (REST, rest)))


def _by_name(bars: Sequence[TimeBar]) -> Iterator[tuple[str, float]]:
    """Yield the operators of some bars, each once, in the order of the bar that has most."""
    longest = max(bars, key=lambda bar: len(bar.segments))
    names = dict.fromkeys(name for bar in (longest, *bars) for name, _ in bar.segments)
    for name in names:
        yield name, added(seconds for bar in bars for one, seconds in bar.segments if one == name)


def packed(frames: Sequence[TimeFrame]) -> list[object]:
    """Return the frames for JSON."""
    return [
        [frame.name, [[bar.design, bar.kind, bar.noise, bar.segments] for bar in frame.bars]]
        for frame in frames
    ]
