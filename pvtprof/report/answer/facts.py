"""What the answer of a run rests on: whole designs and their stages, and times that may carry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from pvtprof import units
from pvtprof.analytic.parts import needs
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.part import MODEL
from pvtprof.designs.published import TOP_1, published_as
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import DEFAULT_PROPOSALS
from pvtprof.errors import SpecError
from pvtprof.predict.probes import LARGEST_IMAGE
from pvtprof.report import gpu, own
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: No sentence rests on a measured time whose 95 % interval is wider than this share of its median.
WIDEST = 0.20
Relation: TypeAlias = Literal["faster", "slower", "equal"]


@dataclass(frozen=True, slots=True)
class Seconds:
    """A time: its median and its 95 % interval, or what is predicted and where nine in ten lie.

    ``low`` and ``high`` are None where there are too few samples for an interval.
    ``is_extrapolated``: predicted for an image larger than all that the calibration measured.
    """

    middle: float
    low: float | None = None
    high: float | None = None
    is_doubtful: bool = False
    is_predicted: bool = False
    is_extrapolated: bool = False

    @property
    def width(self) -> float | None:
        """The width of the interval as a share of the middle; None where there is none."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / self.middle

    @property
    def carries(self) -> bool:
        """Whether a sentence may rest on it.

        A prediction's interval is as wide as its error, so a prediction carries what is true for
        its whole interval, and nothing else.
        """
        if self.is_doubtful or self.width is None:
            return False
        return self.is_predicted or self.width <= WIDEST


def relation(mine: Seconds | None, theirs: Seconds | None) -> Relation | None:
    """Return whether a time is less, more or the same within the noise; None: nobody can say."""
    if mine is None or theirs is None or not (mine.carries and theirs.carries):
        return None
    if mine.is_predicted != theirs.is_predicted:
        return None
    if (mine.high or 0.0) < (theirs.low or 0.0):
        return "faster"
    return "slower" if (mine.low or 0.0) > (theirs.high or 0.0) else "equal"


@dataclass(frozen=True, slots=True)
class StageFacts:
    """The attention of one stage: what runs there (variant, R), its costs for one block, its time.

    ``blocks`` is how often it runs.
    """

    number: int
    runs: tuple[str, int]
    blocks: int
    macs: int
    params: int
    time: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """One whole design of a comparison.

    ``runs`` is the same for two designs exactly where they are the same network under two names.
    ``top_1`` is the published accuracy in per cent of the design that it is, ``published`` its
    name; None where it is none. ``not_run`` says why it was not timed. ``others`` are further times
    of a GPU by name: "wall", "graph". ``peak_at`` is the operator that holds the peak. ``fits`` is
    False where the memory of the run's machine is known and less than it needs: it has no time.
    """

    name: str
    runs: object
    macs: int
    params: int
    peak: int
    stages: tuple[StageFacts, ...] = ()
    time: Seconds | None = None
    published: str | None = None
    not_run: str | None = None
    others: tuple[tuple[str, Seconds], ...] = ()
    peak_at: str = ""
    fits: bool = True

    @property
    def top_1(self) -> float | None:
        """The published ImageNet top-1 accuracy in per cent at 224x224."""
        return TOP_1[self.published] if self.published else None

    @property
    def attention_macs(self) -> int:
        """MACs of the attention of all blocks."""
        return sum(stage.blocks * stage.macs for stage in self.stages)

    @property
    def attention_s(self) -> float | None:
        """Seconds of the attention of all blocks; None where a stage's time cannot carry it."""
        times = [(stage.blocks, stage.time) for stage in self.stages]
        if not times or not all(time and time.carries for _, time in times):
            return None
        return sum(blocks * time.middle for blocks, time in times if time)


def facts(run: Run, whole: Run | None = None) -> tuple[Facts, ...]:
    """Return the designs of one comparison, the reference first.

    Of modules of the user's own, PVT's designs of the ``whole`` run that take the same input too.
    """
    if run.is_own:
        rows = (*own.wholes(run), *own.peers(whole or run))
        return tuple(_of_row(row, own.name_of(row), own.name_of(row), run.measured) for row in rows)
    return tuple(_of_design(run, row) for row in run.rows if row.part == MODEL)


def too_large(run: Run) -> tuple[str, ...]:
    """Return the designs that need more memory than there is: nothing predicts their times.

    None where the memory is not known, and none of a run that was measured.
    """
    memory = run.memory_bytes
    if memory is None or run.measured or run.is_own:
        return ()
    wholes = [row for row in run.rows if row.part == MODEL]
    return tuple(
        row.design.name for row in wholes if needs(row.design.spec, row.setting)[0] > memory
    )


def where_it_fits(run: Run) -> Run:
    """Return the run without what is predicted of designs that do not fit into memory."""
    lost = too_large(run)
    rows = (
        replace(row, predicted=None, ops=tuple(replace(op, predicted_s=None) for op in row.ops))
        if row.design.name in lost
        else row
        for row in run.rows
    )
    return replace(run, rows=tuple(rows)) if lost else run


def distinct(found: Sequence[Facts]) -> tuple[Facts, ...]:
    """Return the designs that are not another one under a second name."""
    kept: dict[object, Facts] = {}
    for one in found:
        kept.setdefault(one.runs, one)
    return tuple(kept.values())


def fitting(found: Sequence[Facts]) -> Sequence[Facts]:
    """Return the designs that fit into memory; all where none does."""
    return [one for one in found if one.fits] or found


def _of_design(run: Run, row: Row) -> Facts:
    spec, is_measured = row.design.spec, run.measured
    mine = [one for one in run.rows if one.design == row.design and one.part.stage is not None]
    stages = tuple(
        StageFacts(
            number,
            _runs(spec, number),
            one.blocks,
            one.macs,
            one.params,
            _seconds(one, is_measured),
        )
        for one in mine
        for number in [one.part.stage or 0]
    )
    runs = (tuple(stage.runs for stage in stages), row.macs, row.params)
    one = _of_row(row, row.design.name, runs, is_measured)
    one = replace(one, stages=stages, published=_published(row))
    memory = run.memory_bytes
    if memory is None or is_measured or needs(spec, row.setting)[0] <= memory:
        return one
    stages = tuple(replace(stage, time=None) for stage in stages)
    why = f"does not fit into {units.size(memory)}"
    return replace(one, stages=stages, time=None, fits=False, not_run=why)


def _of_row(row: Row, name: str, runs: object, is_measured: bool) -> Facts:
    return Facts(
        name,
        runs,
        row.macs,
        row.params,
        row.peak.bytes,
        time=_seconds(row, is_measured),
        not_run=row.not_run,
        others=tuple(_others(row)),
        peak_at=row.peak.at,
    )


def _others(row: Row) -> Iterator[tuple[str, Seconds]]:
    """The times of a GPU beside that of its kernels."""
    for name in gpu.TIMES[1:] if row.setting.on_cuda else ():
        median, interval = gpu.time_of(row, name)
        if median is not None:
            low, high = interval or (None, None)
            yield name, Seconds(median, low, high, row.is_doubtful)


def _runs(spec: ModelSpec, number: int) -> tuple[str, int]:
    stage = spec.stages[number - 1]
    return stage.runs_as, stage.sr_ratio if VARIANTS[stage.runs_as].has_ratio else 1


def _seconds(row: Row, is_measured: bool) -> Seconds | None:
    """The time of a row: measured where the run measured, else predicted; never a mixture."""
    if is_measured and row.latency:
        low, high = row.latency.interval or (None, None)
        return Seconds(row.latency.median, low, high, row.is_doubtful)
    if not is_measured and (its := row.predicted):
        is_far = isinstance(row.design, PvtDesign) and max(row.setting.image) > LARGEST_IMAGE
        return Seconds(its.seconds, its.low, its.high, its.is_doubtful, True, is_far)
    return None


def _published(row: Row) -> str | None:
    """The published model whose classifier runs exactly so."""
    if not isinstance(row.design, PvtDesign):
        return None
    try:
        return published_as(row.design.spec.used_for(CLASSIFY, DEFAULT_PROPOSALS))
    except SpecError:  # v1 with a class token cannot reduce its last stage, a detector's can
        return None
