"""What of a comparison a reader would not expect, and the limits of all rules of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from pvtprof.predict.probes import LARGEST_IMAGE
from pvtprof.report.answer.answer_words import MUCH, SHORT, name_of, share
from pvtprof.report.answer.choice import MACS_APART, PEAK_APART, WORTH
from pvtprof.report.answer.facts import Facts, Seconds, distinct, relation

#: A design with so many points fewer MACs than time in per cent saves less time than it seems.
POINTS = 10


def rules() -> dict[str, object]:
    """Return the limits of the rules and the short names, for the browser."""
    return {
        "macs_apart": MACS_APART,
        "peak_apart": PEAK_APART,
        "much": MUCH,
        "worth": WORTH,
        "points": POINTS,
        "largest": LARGEST_IMAGE,
        "short": SHORT,
    }


Ranked: TypeAlias = tuple[float, str]


def surprise(found: Sequence[Facts]) -> str:
    """Return what a reader would not expect; "" where there is nothing of the kind.

    The first kind that there is: more time than the first design (the most seconds), more MACs
    in a stage, fewer MACs and no less time, time that falls less than MACs, parameters.
    """
    first, *others = distinct(found)
    for kind in (_slower, _more_macs, _no_faster, _falls_less, _more_params):
        if ranked := [one for other in others for one in kind(other, first)]:
            return max(ranked)[1]
    return ""


def _slower(one: Facts, first: Facts) -> Iterator[Ranked]:
    """More time than the first design, in a stage or in all."""
    pairs: list[tuple[str, int, int, int, Seconds | None, Seconds | None]] = [
        ("", 1, one.macs, first.macs, one.time, first.time)
    ]
    for mine, theirs in zip(one.stages, first.stages, strict=False):
        if mine.runs != theirs.runs:
            where = f"Attention of stage {mine.number}: "
            pairs.append((where, mine.blocks, mine.macs, theirs.macs, mine.time, theirs.time))
    for where, blocks, macs, its, time, other in pairs:
        if relation(time, other) != "slower" or time is None or other is None:
            continue
        ratio = share(time.middle, other.middle, "its time")
        but = ("but " if macs < its else "and ") + "a predicted " * time.is_predicted
        whose = f"{name_of(first)}'s MACs"
        yield (
            blocks * (time.middle - other.middle),
            f"{where}{name_of(one)} has {share(macs, its, whose)} {but}{ratio}.",
        )


def _more_macs(one: Facts, first: Facts) -> Iterator[Ranked]:
    for mine, theirs in zip(one.stages, first.stages, strict=False):
        if mine.runs != theirs.runs and mine.macs > theirs.macs:
            ratio = share(mine.macs, theirs.macs, f"{name_of(first)}'s MACs")
            more = mine.blocks * (mine.macs - theirs.macs)
            yield more, f"Attention of stage {mine.number}: {name_of(one)} has {ratio}."


def _no_faster(one: Facts, first: Facts) -> Iterator[Ranked]:
    if relation(one.time, first.time) == "equal" and 10 * one.macs <= 9 * first.macs:
        ratio = share(one.macs, first.macs, f"{name_of(first)}'s MACs")
        within = "the prediction's error" if one.time and one.time.is_predicted else "the noise"
        yield first.macs / one.macs, f"{name_of(one)} has {ratio} but is no faster beyond {within}."


def _falls_less(one: Facts, first: Facts) -> Iterator[Ranked]:
    if relation(one.time, first.time) != "faster" or not (one.time and first.time):
        return
    points = 100 * (one.time.middle / first.time.middle - one.macs / first.macs)
    if points >= POINTS:
        ratio = share(one.macs, first.macs, f"{name_of(first)}'s MACs")
        time = share(one.time.middle, first.time.middle, "its time")
        predicted = "a predicted " * one.time.is_predicted
        yield points, f"{name_of(one)} saves less time than MACs: {ratio}, {predicted}{time}."


def _more_params(one: Facts, first: Facts) -> Iterator[Ranked]:
    for mine, theirs in zip(one.stages, first.stages, strict=False):
        if mine.runs != theirs.runs and theirs.params and mine.params >= 2 * theirs.params:
            ratio = share(mine.params, theirs.params, f"{name_of(first)}'s parameters")
            yield (
                mine.params / theirs.params,
                f"Attention of stage {mine.number}: {name_of(one)}'s reduction needs {ratio}.",
            )
