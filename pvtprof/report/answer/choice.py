"""Which design the figures of a comparison carry, and which mix of designs beats all of them.

``assets/answer.js`` has the same rules for what is computed; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pvtprof.report.answer.facts import Facts, Seconds, StageFacts, distinct, fitting, relation

#: MACs are not time: so many per cent more of them decide nothing between two designs.
MACS_APART = 5
#: A published accuracy decides between two designs whose memory is within so many per cent.
PEAK_APART = 10
#: A mix is worth a sentence where it saves one part in so many.
WORTH = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """The design that the figures carry, and the ground: "time", "predicted" or "macs".

    ``rivals`` are designs that no figure of the ground tells from it.
    """

    design: Facts
    ground: str
    rivals: tuple[Facts, ...] = ()


@dataclass(frozen=True, slots=True)
class Mix:
    """A mix of the designs by stage that beats all of them: its attention of each stage.

    ``base`` is the design whose stages were exchanged, ``cost`` seconds or MACs of the whole.
    """

    variants: tuple[str, ...]
    base: Facts
    cost: float
    is_time: bool

    @property
    def saved(self) -> float:
        """What it saves against the best design shown, in the unit of ``cost``."""
        whole = self.base.time.middle if self.is_time and self.base.time else self.base.macs
        return whole - self.cost


def chosen(found: Sequence[Facts]) -> Choice:
    """Return the choice among the designs of one comparison.

    By time where every design's time carries it (one that could not run is out); else by MACs of
    those that fit into memory.
    Among designs that are equal so: the one with a published accuracy, then the least memory,
    MACs, parameters.
    """
    those = distinct(found)
    timed = [one for one in those if one.time is not None or not one.not_run]
    if timed and all(one.time and one.time.carries for one in timed):
        equal = [one for one in timed if all(not _slower(one, other) for other in timed)]
        is_predicted = any(one.time and one.time.is_predicted for one in timed)
        ground = "predicted" if is_predicted else "time"
    else:
        least = min(one.macs for one in fitting(those))
        equal = [one for one in fitting(those) if 100 * one.macs <= (100 + MACS_APART) * least]
        ground = "macs"
    best = _preferred(equal)
    return Choice(best, ground, tuple(one for one in equal if one is not best))


def _slower(one: Facts, other: Facts) -> bool:
    return relation(one.time, other.time) == "slower"


def _preferred(equal: Sequence[Facts]) -> Facts:
    least = min(one.peak for one in equal)
    known = [one for one in equal if one.published and 100 * one.peak <= (100 + PEAK_APART) * least]
    return min(known or equal, key=lambda one: (one.peak, one.macs, one.params))


def mix(found: Sequence[Facts]) -> Mix | None:
    """Return the mix of the designs by stage that beats all of them by time, or by MACs.

    By time, a stage is exchanged only where its time is less for certain, so that no noise is
    gathered; by MACs where no design has a time. None where no mix saves enough.
    """
    those = fitting(distinct(found))
    if len(those) < 2 or not all(one.stages for one in those):
        return None
    if all(one.time is None for one in those):
        return _made(those, min(those, key=lambda one: one.macs), _fewer_macs, is_time=False)
    timed = [one for one in those if one.time and one.time.carries]
    if not timed or len(timed) < len([one for one in those if not one.not_run]):
        return None
    base = min(timed, key=lambda one: one.time.middle if one.time else 0.0)
    return _made(timed, base, _less_time, is_time=True)


Better = Callable[[StageFacts, StageFacts], bool]


def _fewer_macs(one: StageFacts, than: StageFacts) -> bool:
    return one.macs < than.macs


def _less_time(one: StageFacts, than: StageFacts) -> bool:
    return relation(one.time, than.time) == "faster"


def _made(those: Sequence[Facts], base: Facts, better: Better, is_time: bool) -> Mix | None:
    if is_time and any(stage.time is None for one in those for stage in one.stages):
        return None
    saved, stages = 0.0 if is_time else 0, []
    for i, own in enumerate(base.stages):
        others = [one.stages[i] for one in those if one.stages[i].runs != own.runs]
        taken = [other for other in others if better(other, own)]
        best = min(taken, key=lambda stage: _cost(stage, is_time)) if taken else own
        saved += own.blocks * (_cost(own, is_time) - _cost(best, is_time))
        stages.append(best)
    whole = base.time.middle if is_time and base.time else base.macs
    if WORTH * saved < whole or saved >= whole:  # nothing, or more than there is: no such mix
        return None
    return Mix(tuple(stage.runs[0] for stage in stages), base, whole - saved, is_time)


def _cost(stage: StageFacts, is_time: bool) -> float:
    time: Seconds | None = stage.time
    return time.middle if is_time and time else stage.macs
