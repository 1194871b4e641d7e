"""Bars of seconds as a page draws them: widths, labels, titles and the finding.

The same rules are in ``assets/where.js``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from pvtprof import spoken, units
from pvtprof.report import phrases
from pvtprof.report.sections.bars import GROUPS
from pvtprof.report.sections.bars_drawn import DrawnBar, DrawnFrame, said_largest
from pvtprof.report.sections.bars_time import ABOUT, ALL, NOISY, REST, TimeBar, TimeFrame, added
from pvtprof.report.sections.clock_reasons import NAMES
from pvtprof.report.sections.clock_shares import PREDICTED

Segments: TypeAlias = Sequence[tuple[str, float]]
NOT_TIMED, TOO_NOISY = "not timed", "too noisy"
BUSY = "Predicted on a busy machine: no sentence can rest on these times."
NO_WORD = "The times of this run are too noisy to say where they go."
_OUTSIDE = {REST, *(name for _, name in GROUPS)} - {""}


def drawn(
    frames: Sequence[TimeFrame], scale: str = "absolute"
) -> tuple[str, tuple[DrawnFrame, ...]]:
    """Return the finding and the frames, for one of ``bars_drawn.SCALES``."""
    return finding(frames), tuple(_drawn_frame(frame, frames, scale) for frame in frames)


def _drawn_frame(frame: TimeFrame, frames: Sequence[TimeFrame], scale: str) -> DrawnFrame:
    totals = [bar.total for bar in frame.bars]
    most = max(totals) or 1.0
    title = _network_title(frames) if frame is frames[-1] else _stage_title(frame)
    first = _first(frame)
    bars = tuple(
        _drawn_bar(bar, first, (total or 1.0) if scale == "own" else most, scale)
        for bar, total in zip(frame.bars, totals, strict=True)
    )
    name = f"{frame.name[0].upper()}{frame.name[1:]}"
    return DrawnFrame(f"{name}: {title}", _width(first.total, most), bars)


def _first(frame: TimeFrame) -> TimeBar:
    """Return the bar that is 100 %: of the first design that has a time."""
    return next((bar for bar in frame.bars if bar.segments), frame.bars[0])


def _width(value: float, most: float) -> str:
    return f"{100 * value / most:.2f}"


def _drawn_bar(bar: TimeBar, first: TimeBar, most: float, scale: str) -> DrawnBar:
    """Return a bar; ``most`` is as wide as the frame, ``first`` the bar that is 100 %."""
    if not bar.segments:
        why = bar.kind or NOT_TIMED
        return DrawnBar(bar.design, why, f"{bar.design}: {why}", ())
    total = bar.total
    parts = ", ".join(f"{name} {spoken.people(value, total)}" for name, value in bar.segments)
    share = _share(bar, first)
    whose = phrases.of(share, f"{first.design}'s")
    of_first = f", {whose}" if share[0].isdigit() else ""
    return DrawnBar(
        bar.design,
        share if scale == "share" else _said(bar),
        f"{bar.design}: {_said(bar)} {bar.kind}{of_first}: {parts}",
        tuple((n, units.milliseconds(s), _width(s, most)) for n, s in bar.segments),
        bar.kind,
    )


def _said(bar: TimeBar) -> str:
    """Return the time of a bar as far as it can be trusted."""
    if bar.noise == NOISY:
        return TOO_NOISY
    text = spoken.duration(bar.total)
    return f"about {text}" if bar.noise == ABOUT else text


def _share(bar: TimeBar, first: TimeBar) -> str:
    """Return a time as a share of the first design's, as far as both can be trusted."""
    if not first.segments:
        return "-"
    if NOISY in (bar.noise, first.noise):
        return TOO_NOISY
    text = spoken.people(bar.total, first.total)
    return text if bar.is_sure and first.is_sure else f"about {text}"


def _stage_title(frame: TimeFrame) -> str:
    """Return which operator takes most of the time of each design in a stage."""
    sure = [bar for bar in frame.bars if bar.is_sure]
    if not sure:
        return _nothing(frame)
    return f"{_by(sure)}{_largest_operators([(bar.design, bar.segments) for bar in sure], 'time')}"


def _nothing(frame: TimeFrame) -> str:
    """Return why nothing can be said of a frame."""
    known = [bar for bar in frame.bars if bar.segments]
    if not known:
        return NOT_TIMED
    return "predicted on a busy machine" if known[0].kind == PREDICTED else "too noisy to say"


def _by(bars: Sequence[TimeBar]) -> str:
    return "by prediction " if bars[0].kind == PREDICTED else ""


def _largest_operators(many: Sequence[tuple[str, Segments]], what: str) -> str:
    """Return (design, seconds of its operators) as the largest of each, the largest share first.

    Of more than three designs, only the largest share.
    """
    found = []
    for design, segments in many:
        whole = added(seconds for _, seconds in segments)
        name, most = max(segments, key=lambda one: one[1])
        found.append((design, name, most, whole))
    found.sort(key=lambda one: -one[2] / one[3])
    by: dict[str, list[tuple[str, float, float]]] = {}
    for design, name, most, whole in found[: 1 if len(found) > phrases.FEW else None]:
        by.setdefault(name, []).append((design, most, whole))
    said: list[str] = []
    for name, those in by.items():
        shares = [spoken.people(most, whole) for _, most, whole in those]
        each = phrases.each(shares, [most / whole for _, most, whole in those])
        owners = phrases.owners([design for design, *_ in those])
        operator = NAMES.get(name, f"the operator {name}")
        said.append(f"{operator} {'' if said else 'takes '}{each} of {owners}")
        said[-1] += "" if len(said) > 1 else f" {what}"
    return ", ".join(said)


def _network_title(frames: Sequence[TimeFrame]) -> str:
    """Return how much of the time of each design is attention."""
    found = [_attention(bar) for bar in frames[-1].bars if bar.is_sure]
    shares = [(design, part, whole) for design, part, whole in found if part]
    if not shares:
        return _nothing(frames[-1]) if not found else "attention cannot be told from the rest"
    by = _by([bar for bar in frames[-1].bars if bar.is_sure])
    return f"{by}attention is {phrases.shares(shares, 'time')}"


def _attention(bar: TimeBar) -> tuple[str, float, float]:
    inside = [s for name, s in bar.segments if name not in _OUTSIDE and name != ALL]
    return bar.design, added(inside), bar.total


def finding(frames: Sequence[TimeFrame]) -> str:
    """Return which part takes most of the time of each design, and which operator of attention."""
    designs = [bar.design for bar in frames[-1].bars]
    sure = [name for name in designs if all(f.bar(name).is_sure for f in frames[:-1])]
    if not sure:
        known = [bar for frame in frames for bar in frame.bars if bar.segments]
        return BUSY if known[0].kind == PREDICTED else NO_WORD
    by = _by([frames[0].bar(sure[0])])
    whole = _largest_parts(frames, sure)
    inside = _largest_operators(
        [(name, _summed(frames[:-1], name)) for name in sure], "attention time"
    )
    said = [f"{by}{whole}"] if whole else []
    said.append(f"{'' if whole else by}{inside}")
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in said)


def _summed(stages: Sequence[TimeFrame], design: str) -> Segments:
    """Return the seconds of each operator of a design, of all stages together."""
    found: dict[str, float] = {}
    for frame in stages:
        for name, seconds in frame.bar(design).segments:
            found[name] = found.get(name, 0.0) + seconds
    return list(found.items())


def _largest_parts(frames: Sequence[TimeFrame], designs: Sequence[str]) -> str:
    """Return the largest part of each design: attention of a stage, or what is not attention."""
    largest: dict[str, list[tuple[str, float, float]]] = {}
    for design in designs:
        network = frames[-1].bar(design)
        if not network.is_sure or network.segments[0][0] == ALL:
            continue
        items = [(f"in the attention of {f.name}", f.bar(design).total) for f in frames[:-1]]
        items += [
            ("outside of attention" if name == REST else f"in the {name}", seconds)
            for name, seconds in network.segments
            if name in _OUTSIDE
        ]
        item, value = max(items, key=lambda one: one[1])
        largest.setdefault(item, []).append((design, value, network.total))
    return said_largest(largest, "time")
