"""Bars as a page draws them: widths, labels, titles and the finding.

The same rules are in ``assets/where.js``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pvtprof import spoken, units
from pvtprof.report import phrases
from pvtprof.report.sections.bars import GROUPS, Bar, Frame

#: What can be shown, by its name in the data of a page, in words.
QUANTITIES = {"macs": "MACs", "moved": "bytes moved", "params": "params"}
#: How bars are drawn: by their figures, against the first design's, or each over the whole width.
SCALES = {
    "absolute": "as they are",
    "share": "as shares of {}",
    "own": "each bar by itself",
}


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """A bar as it is drawn: widths in percent of the frame; ``spoken`` says the same in words.

    ``kind`` of a time is "measured" or "predicted".
    """

    design: str
    label: str
    spoken: str
    pieces: tuple[tuple[str, str, str], ...]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class DrawnFrame:
    """A frame as it is drawn; ``mark`` is where the first design's total ends, in percent."""

    title: str
    mark: str
    bars: tuple[DrawnBar, ...]


def drawn(
    frames: Sequence[Frame], quantity: str, scale: str = "absolute"
) -> tuple[str, tuple[DrawnFrame, ...]]:
    """Return the finding and the frames, for one of ``QUANTITIES`` and one of ``SCALES``."""
    whole = {bar.design: _total(bar, quantity) for bar in frames[-1].bars}
    shown = tuple(
        _drawn_frame(frame, _frame_title(frame, frames, quantity, whole), quantity, scale)
        for frame in frames
    )
    return _finding(frames, quantity), shown


def _total(bar: Bar, quantity: str) -> int:
    return sum(getattr(segment, quantity) for segment in bar.segments)


def _drawn_frame(frame: Frame, title: str, quantity: str, scale: str) -> DrawnFrame:
    totals = [_total(bar, quantity) for bar in frame.bars]
    most = max(1, *totals)
    bars = tuple(
        _drawn_bar(bar, quantity, (totals[0], max(1, total) if scale == "own" else most), scale)
        for bar, total in zip(frame.bars, totals, strict=True)
    )
    return DrawnFrame(title, _width(totals[0], most), bars)


def _drawn_bar(bar: Bar, quantity: str, held: tuple[int, int], scale: str) -> DrawnBar:
    """Return a bar; ``held`` are the first design's total, and what is as wide as the frame."""
    total, (first, most) = _total(bar, quantity), held
    values = [(s.name, getattr(s, quantity)) for s in bar.segments if getattr(s, quantity)]
    amount = _amount(total, quantity)
    parts = ", ".join(f"{name} {spoken.people(value, total)}" for name, value in values)
    return DrawnBar(
        bar.design,
        spoken.people(total, first) if scale == "share" else amount,
        f"{bar.design}: {amount} {QUANTITIES[quantity]}, {spoken.people(total, first)} of the "
        f"first design's: {parts}",
        tuple((name, units.integer(value), _width(value, most)) for name, value in values),
    )


def _amount(value: int, quantity: str) -> str:
    return units.size(value) if quantity == "moved" else spoken.short(value)


def _width(value: int, most: int) -> str:
    return f"{(20000 * value + most) // (2 * most) / 100:.2f}"


def _frame_title(
    frame: Frame, frames: Sequence[Frame], quantity: str, whole: dict[str, int]
) -> str:
    """Return a frame's name and its share of the network, design by design."""
    parts = {bar.design: _total(bar, quantity) for bar in frame.bars}
    name = f"{frame.name[0].upper()}{frame.name[1:]}"
    if frame is frames[-1]:
        parts = dict.fromkeys(whole, 0)
        for one in frames[:-1]:
            for bar in one.bars:
                parts[bar.design] += _total(bar, quantity)
        if len(frames) == 1:
            return name
        name += ": attention is"
    else:
        name += ":"
    shares = [(design, parts[design], whole[design]) for design in parts]
    return f"{name} {phrases.shares(shares, QUANTITIES[quantity])}"


def _finding(frames: Sequence[Frame], quantity: str) -> str:
    """Return which part is the largest of each design, in one sentence."""
    largest: dict[str, list[tuple[str, int, int]]] = {}
    for bar in frames[-1].bars:
        item, value = _largest(bar.design, frames, quantity)
        largest.setdefault(item, []).append((bar.design, value, _total(bar, quantity)))
    text = said_largest(largest, QUANTITIES[quantity])
    return f"{text[0].upper()}{text[1:]}."


def said_largest(largest: Mapping[str, Sequence[tuple[str, float, float]]], what: str) -> str:
    """Return the largest parts, each with (design, part, whole), in one sentence.

    >>> said_largest({"in the neck": [("mha", 1, 2)], "in the head": [("sra_conv", 3, 4)]}, "MACs")
    "the largest part of mha's MACs is in the neck (50 %); of sra_conv's it is in the head (75 %)"
    """
    said: list[str] = []
    for item, found in largest.items():
        names = phrases.owners([design for design, *_ in found])
        texts = [spoken.people(part, whole) for _, part, whole in found]
        shares = phrases.each(texts, [part / whole for _, part, whole in found])
        head = f"the largest part of {names} {what} is"
        if said:
            head = f"of {names.removesuffix(chr(39))} it is"
        said.append(f"{head} {item} ({shares})")
    return "; ".join(said)


def _largest(design: str, frames: Sequence[Frame], quantity: str) -> tuple[str, int]:
    """Return the largest part of a design: attention of a stage, or what is not attention."""
    outside = {name for _, name in GROUPS} if len(frames) > 1 else None
    items: list[tuple[str, int]] = [
        (f"in the attention of {frame.name}", _total(_bar(frame, design), quantity))
        for frame in frames[:-1]
    ]
    items += [
        (f"in the {segment.name}" if outside else f"in {segment.name}", getattr(segment, quantity))
        for segment in _bar(frames[-1], design).segments
        if outside is None or segment.name in outside
    ]
    return max(items, key=lambda item: item[1])


def _bar(frame: Frame, design: str) -> Bar:
    return next(bar for bar in frame.bars if bar.design == design)
