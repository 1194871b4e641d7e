"""Where it goes: MACs, bytes moved and parameters of each stage and of the whole, by operator.

``assets/where.js`` follows the explorer by the same rules: for the same figures it gives the same
sentences, labels and widths as ``drawn`` here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pvtprof import units
from pvtprof.designs.part import MODEL
from pvtprof.designs.variants import VARIANTS
from pvtprof.report import explorer, sheets, wording
from pvtprof.report.figures.style import color_of
from pvtprof.report.sheet import Sheet
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: What can be shown, by its name in the data of a page, in words.
QUANTITIES = {"macs": "MACs", "moved": "bytes moved", "params": "params"}
#: How bars are drawn: by their figures, against the first design's, or each over the whole width.
SCALES = {
    "absolute": "as they are",
    "share": "as shares of {}",
    "own": "each bar by itself",
}
#: What an operator of a network is drawn as: its own name within attention, else the second text.
GROUPS = (
    (r"(?:^|\.)attn\.(.+)$", ""),
    (r"\.mlp\.", "MLPs"),
    (r"^(?:patch_embed|pos_|interpolate|cls_token)", "embeddings"),
    (r"^neck", "neck"),
    (r"(?:^|_)head", "head"),
    (r"", "norms, sums, copies"),
)
#: How strong the hue of a design is in an operator's segment; of one that is not here: 0.5.
SHADES = {
    "q": 0.4,
    "pool": 0.55,
    "sr": 0.7,
    "norm": 0.3,
    "act": 0.4,
    "kv": 0.55,
    "scores": 0.7,
    "scale": 0.3,
    "softmax": 0.4,
    "mix": 0.55,
    "merge": 0.3,
    "proj": 0.4,
    "MLPs": 0.2,
    "embeddings": 0.1,
    "neck": 0.16,
    "head": 0.22,
    "norms, sums, copies": 0.06,
}
#: Of a user's own module, one after the other.
OWN_SHADES = (0.6, 0.3, 0.45, 0.2)
#: Submodules that are drawn by themselves; the smaller ones are one segment.
MOST = 12


@dataclass(frozen=True, slots=True)
class Segment:
    """The costs of one operator, or of one group of operators that are not attention."""

    name: str
    macs: int
    moved: int
    params: int

    def __add__(self, other: Segment) -> Segment:
        return Segment(
            self.name,
            self.macs + other.macs,
            self.moved + other.moved,
            self.params + other.params,
        )


@dataclass(frozen=True, slots=True)
class Bar:
    """One design in one frame."""

    design: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """All blocks of the attention of a stage, or the whole network: a bar a design."""

    name: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """A bar as it is drawn: widths in percent of the frame; ``spoken`` says the same in words."""

    design: str
    label: str
    spoken: str
    pieces: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class DrawnFrame:
    """A frame as it is drawn; ``mark`` is where the first design's total ends, in percent."""

    title: str
    mark: str
    bars: tuple[DrawnBar, ...]


@dataclass(frozen=True)
class Where:
    """The section: its finding, its frames as drawn for MACs, and the data of all switches."""

    title: str
    text: str
    names: tuple[str, ...]
    reference: str
    drawn: tuple[DrawnFrame, ...]
    colors: dict[str, str]
    shades: dict[str, float]
    data: dict[str, Any]
    follows: bool
    sheets: tuple[Sheet, ...]

    @property
    def quantities(self) -> Mapping[str, str]:
        """What can be shown, in words."""
        return QUANTITIES

    @property
    def scales(self) -> Mapping[str, str]:
        """How bars can be drawn, in words."""
        return {name: text.format(self.reference) for name, text in SCALES.items()}


def where(run: Run) -> Where | None:
    """Return where the costs of a comparison go; None where no part of it has any."""
    frames = own_frames(run) if run.is_own else frames_of(run)
    if not any(segment.macs for bar in frames[-1].bars for segment in bar.segments):
        return None
    title, shown = drawn(frames, "macs")
    names = list(dict.fromkeys(s.name for f in frames for bar in f.bars for s in bar.segments))
    own_shades = {name: OWN_SHADES[i % len(OWN_SHADES)] for i, name in enumerate(names)}
    shades = own_shades if run.is_own else {name: SHADES.get(name, 0.5) for name in names}
    return Where(
        title,
        _text(run),
        tuple(frame.name for frame in frames),
        run.reference,
        shown,
        {name: color_of(name) for name in run.variants},
        shades,
        {
            "frames": _packed(frames),
            "groups": [] if run.is_own else GROUPS,
            "shades": {**SHADES, **shades},
            "words": {} if run.is_own else wording.OPERATORS,
        },
        follows(run),
        tuple(_sheets(run)),
    )


def _text(run: Run) -> str:
    if run.is_own:
        return "The submodules of each module add up to the whole."
    training = " MACs are those of the forward pass." if run.setting.mode == "training" else ""
    return (
        "A bar is the attention of all blocks of a stage, operator by operator, from left to "
        f"right as they run. Each frame has its own scale.{training}"
    )


def _sheets(run: Run) -> Iterator[Sheet]:
    if run.is_own:
        from pvtprof.report import own

        yield from [its] if (its := own.submodules(run)).lines else []
    else:
        yield sheets.costs(run)
        yield sheets.operators(run)


def follows(run: Run) -> bool:
    """Whether a page's explorer has every design of the run, so that the frames can follow it."""
    return explorer.is_explorable(run) and all(
        design.name in VARIANTS and design.spec == run.designs[0].spec.with_attention(design.name)
        for design in run.designs
    )


def frames_of(run: Run) -> tuple[Frame, ...]:
    """Return a frame a stage, and one for the whole network."""
    return tuple(
        Frame(
            "whole network" if part == MODEL else part.name,
            tuple(Bar(row.design.name, _segments(row)) for row in run.rows if row.part == part),
        )
        for part in run.parts
    )


def _segments(row: Row) -> tuple[Segment, ...]:
    """Return the operators of all blocks of a stage, or the groups of those of a network."""
    is_whole, size = row.part == MODEL, row.setting.bytes_each
    times = 1 if is_whole else row.blocks
    found: dict[str, Segment] = {}
    for op in row.ops:
        moved = size * (op.read + op.written)
        name = group_of(op.name) if is_whole else op.name
        segment = Segment(name, times * op.macs, times * moved, times * op.params)
        found[name] = found[name] + segment if name in found else segment
    outside = [name for _, name in GROUPS]
    return tuple(sorted(found.values(), key=lambda segment: _place(segment.name, outside)))


def _place(name: str, outside: Sequence[str]) -> int:
    return outside.index(name) if name in outside else 0


def group_of(name: str) -> str:
    """Return what an operator of a network is drawn as.

    >>> group_of("block1.attn.q"), group_of("block1.mlp.fc1"), group_of("rpn_head.(0).relu")
    ('q', 'MLPs', 'head')
    >>> group_of("block1.norm2"), group_of("patch_embed1.norm")
    ('norms, sums, copies', 'embeddings')
    """
    for pattern, group in GROUPS:
        if found := re.search(pattern, name):
            return group or found[1]
    raise AssertionError("the last pattern is in every name")


def own_frames(run: Run) -> tuple[Frame, ...]:
    """Return one frame: every module of the user's own by submodule."""
    bars = []
    for design in run.variants:
        rows = [row for row in run.rows if row.design.name == design]
        parts = [row for row in rows if row.part.module is not None] or rows
        found = [Segment(r.part.name, r.macs, sum(r.moved_bytes), r.params) for r in parts]
        largest = sorted(found, key=lambda s: (-s.macs, -s.moved))[:MOST]
        rest = [s for s in found if s not in largest]
        if rest:
            name = f"{len(rest)} smaller ones"
            found = [s for s in found if s in largest]
            found.append(sum(rest[1:], start=rest[0]))
            found[-1] = Segment(name, found[-1].macs, found[-1].moved, found[-1].params)
        bars.append(Bar(design, tuple(found)))
    return (Frame("whole module", tuple(bars)),)


def _packed(frames: Sequence[Frame]) -> list[Any]:
    """Return the frames for JSON; whole numbers as text, since JavaScript rounds large ones."""
    return [
        [
            frame.name,
            [
                [
                    bar.design,
                    [[s.name, str(s.macs), str(s.moved), str(s.params)] for s in bar.segments],
                ]
                for bar in frame.bars
            ],
        ]
        for frame in frames
    ]


# What is drawn: the same rules are in assets/where.js.


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
    parts = ", ".join(f"{name} {units.share(value, total)}" for name, value in values)
    return DrawnBar(
        bar.design,
        units.share(total, first) if scale == "share" else amount,
        f"{bar.design}: {amount} {QUANTITIES[quantity]}, {units.share(total, first)} of the "
        f"first design's: {parts}",
        tuple((name, units.integer(value), _width(value, most)) for name, value in values),
    )


def _amount(value: int, quantity: str) -> str:
    return units.size(value) if quantity == "moved" else units.compact(value)


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
    return f"{name} {wording.shares(shares, QUANTITIES[quantity])}"


def _finding(frames: Sequence[Frame], quantity: str) -> str:
    """Return which part is the largest of each design, in one sentence."""
    largest: dict[str, list[tuple[str, str]]] = {}
    for bar in frames[-1].bars:
        item, value = _largest(bar.design, frames, quantity)
        share = units.share(value, _total(bar, quantity))
        largest.setdefault(item, []).append((bar.design, share))
    said: list[str] = []
    for item, found in largest.items():
        names = wording.several([f"{design}'s" for design, _ in found])
        shares = wording.each([share for _, share in found])
        head = (
            f"of {names} it is"
            if said
            else f"The largest part of {names} {QUANTITIES[quantity]} is"
        )
        said.append(f"{head} {item} ({shares})")
    return f"{'; '.join(said)}."


def _largest(design: str, frames: Sequence[Frame], quantity: str) -> tuple[str, int]:
    """Return the largest part of a design: attention of a stage, or what is not attention."""
    outside = {name for _, name in GROUPS} if len(frames) > 1 else None
    items: list[tuple[str, int]] = [
        (f"attention in {frame.name}", _total(_bar(frame, design), quantity))
        for frame in frames[:-1]
    ]
    items += [
        (f"the {segment.name}" if outside else segment.name, getattr(segment, quantity))
        for segment in _bar(frames[-1], design).segments
        if outside is None or segment.name in outside
    ]
    return max(items, key=lambda item: item[1])


def _bar(frame: Frame, design: str) -> Bar:
    return next(bar for bar in frame.bars if bar.design == design)
