"""The table of the answer: designs beside each other, each figure short and exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pvtprof import spoken, units
from pvtprof.report.answer.choice import chosen
from pvtprof.report.answer.facts import Facts, Seconds, StageFacts, relation
from pvtprof.run.run import Run

#: Instead of the time of a design that needs more memory than there is.
NO_FIT = "does not fit"


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: short, exact, as a share of the largest of its line (0 to 1), and as a ratio to
    the first design ("" where there is none). ``note`` is what is to know of it, such as its
    interval. ``is_smallest``: the smallest of its line; ``is_tied``: larger than that, but no
    clock can tell them apart."""

    text: str
    exact: str
    note: str = ""
    share: float = 0.0
    ratio: str = ""
    is_smallest: bool = False
    is_tied: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: a name, the cells of the designs, and whether it is computed.

    A line that is not computed was measured or predicted: ``kind`` says which.
    """

    name: str
    cells: tuple[Cell, ...]
    kind: str = "computed"


def lines(run: Run, found: Sequence[Facts]) -> tuple[Line, ...]:
    """Return the lines of the table, first how much of the network is attention at all."""
    made = [*_attention(found), *_costs(found)]
    if any(one.time for one in found):
        is_predicted = any(one.time and one.time.is_predicted for one in found)
        kind = "predicted" if is_predicted else "measured"
        name = "time on the GPU" if run.setting.on_cuda else "time"
        those = [_Timed(one.time, one.runs, one.not_run, one.fits) for one in found]
        made.append(_timed(name + ", predicted" * is_predicted, those, kind, _fastest(found)))
    for name in dict.fromkeys(name for one in found for name, _ in one.others):
        those = [_Timed(dict(one.others).get(name), one.runs, one.not_run) for one in found]
        made.append(_timed(f"{name} time", those, "measured", [False] * len(those)))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class _Timed:
    """The time of a design or of a stage, and what runs there."""

    time: Seconds | None
    runs: object
    why_not: str | None = None
    fits: bool = True


def _attention(found: Sequence[Facts]) -> list[Line]:
    """Attention as a share of the network, of its MACs and of its time."""
    if not all(one.stages for one in found):
        return []
    cells = tuple(
        Cell(
            spoken.people(one.attention_macs, one.macs),
            units.percent(one.attention_macs, one.macs),
            f"{units.integer(one.attention_macs)} of {units.integer(one.macs)} MACs",
            one.attention_macs / one.macs,
        )
        for one in found
    )
    shares = [_time_share(one) for one in found]
    made = [Line("attention, of MACs", cells)]
    if any(shares):
        is_predicted = any(one.time and one.time.is_predicted for one in found)
        kind = "predicted" if is_predicted else "measured"
        made.append(Line("attention, of time", tuple(map(_of_time, shares)), kind))
    return made


def _time_share(one: Facts) -> tuple[float, float] | None:
    part, whole = one.attention_s, one.time
    if part is None or whole is None or not whole.carries or part > whole.middle:
        return None
    return part, whole.middle


def _of_time(share: tuple[float, float] | None) -> Cell:
    if share is None:
        return Cell("-", "-", "the times of its stages or of the whole are not known well enough")
    part, whole = share
    note = f"{units.bare_milliseconds(part)} of {units.bare_milliseconds(whole)} ms"
    return Cell(spoken.people(part, whole), units.percent(part, whole), note, part / whole)


def _costs(found: Sequence[Facts]) -> list[Line]:
    peaks = counted([one.peak for one in found], units.size, "bytes")
    held = [f"bytes, at {one.peak_at}{'' if one.fits else f'; {one.not_run}'}" for one in found]
    return [
        Line("MACs", counted([one.macs for one in found], spoken.short, "MACs")),
        Line("params", counted([one.params for one in found], spoken.short, "parameters")),
        Line("peak", tuple(replace(cell, note=at) for cell, at in zip(peaks, held, strict=True))),
    ]


def counted(values: Sequence[int], text: Callable[[int], str], unit: str) -> tuple[Cell, ...]:
    """Return the cells of exact whole numbers."""
    most, least = max(values), min(values)
    return tuple(
        Cell(
            text(value),
            units.integer(value),
            unit,
            value / most if most else 0.0,
            spoken.people(value, values[0]) if i else "",
            value == least < most,
        )
        for i, value in enumerate(values)
    )


def _fastest(found: Sequence[Facts]) -> list[bool]:
    """Which designs no other is faster than for certain; none where times do not tell."""
    choice = chosen(found)
    those = {one.runs for one in (choice.design, *choice.rivals)}
    is_told = choice.ground != "macs" and len({one.runs for one in found}) > len(those)
    return [is_told and one.runs in those for one in found]


def _timed(name: str, those: Sequence[_Timed], kind: str, fastest: Sequence[bool]) -> Line:
    most = max((one.time.middle for one in those if one.time), default=1.0)
    ahead = [
        one.time.middle for one, is_one in zip(those, fastest, strict=True) if is_one and one.time
    ]
    least = min(ahead, default=0.0)
    return Line(
        name,
        tuple(
            Cell(
                said(one.time),
                units.bare_milliseconds(one.time.middle) + " ms",
                interval(one.time),
                0.0 if one.time.is_doubtful else one.time.middle / most,
                _ratio(one, those[0]) if i else "",
                is_fastest and one.time.middle == least,
                is_fastest and one.time.middle != least,
            )
            if one.time
            else _untimed(one)
            for i, (one, is_fastest) in enumerate(zip(those, fastest, strict=True))
        ),
        kind,
    )


def _untimed(one: _Timed) -> Cell:
    text = "-" if one.fits else NO_FIT
    return Cell(text, text, one.why_not or "not timed")


def _ratio(one: _Timed, first: _Timed) -> str:
    """A time against that of the first design, where both carry it."""
    if one.runs == first.runs:
        return "same"
    found = relation(one.time, first.time)
    if found is None or one.time is None or first.time is None:
        return ""
    return "equal" if found == "equal" else spoken.people(one.time.middle, first.time.middle)


def said(time: Seconds | None) -> str:
    """Return a time as a reader may take it: sure, about so much, or too noisy to say."""
    if time is None:
        return "-"
    if time.is_doubtful and not time.is_predicted:
        return "too noisy"
    text = spoken.duration(time.middle)
    if time.is_doubtful:
        return units.marked(text, True)
    return text if time.carries and not time.is_predicted else f"about {text}"


def interval(time: Seconds) -> str:
    """Return the interval of a time in words."""
    if time.low is None or time.high is None:
        return "too few samples for an interval"
    share = "90 %" if time.is_predicted else "95 %"
    return f"{share} interval {units.interval((time.low, time.high))} ms"


def stage_lines(found: Sequence[Facts]) -> tuple[Line, ...]:
    """Return a line for the attention of each stage, all blocks together.

    Their times where some design's carry, else their MACs.
    """
    if not all(one.stages for one in found):
        return ()
    every = list(zip(*(one.stages for one in found), strict=True))
    if any(all(one.time and one.time.carries for one in stages) for stages in every):
        return tuple(map(_stage_times, every))
    return tuple(
        Line(
            f"stage {stages[0].number} attention MACs, x{stages[0].blocks}",
            counted([one.blocks * one.macs for one in stages], spoken.short, "MACs"),
        )
        for stages in every
    )


def _stage_times(stages: Sequence[StageFacts]) -> Line:
    those = [_Timed(_all_blocks(one), one.runs) for one in stages]
    is_predicted = any(one.time and one.time.is_predicted for one in those)
    name = f"stage {stages[0].number} attention, x{stages[0].blocks}"
    kind = "predicted" if is_predicted else "measured"
    return _timed(name, those, kind, [False] * len(those))


def _all_blocks(stage: StageFacts) -> Seconds | None:
    """The time of all blocks of a stage."""
    its, blocks = stage.time, stage.blocks
    if its is None or its.low is None or its.high is None:
        return its and replace(its, middle=blocks * its.middle)
    return replace(its, middle=blocks * its.middle, low=blocks * its.low, high=blocks * its.high)
