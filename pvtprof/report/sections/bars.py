"""Costs by operator, as bars: of each stage, of the whole network, of a user's own modules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pvtprof.designs.part import ITSELF, MODEL
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: What an operator of a network is drawn as: its own name within attention, else the second text.
GROUPS = (
    (r"(?:^|\.)attn\.(.+)$", ""),
    (r"\.mlp\.", "MLPs"),
    (r"^(?:patch_embed|pos_|interpolate|cls_token)", "embeddings"),
    (r"^neck", "neck"),
    (r"(?:^|_)head", "head"),
    (r"", "norms, sums, copies"),
)
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


def name_of(row: Row) -> str:
    """Return what a submodule is called: "own operators" is what no submodule runs."""
    return "own operators" if row.part.name == ITSELF else row.part.name


def own_frames(run: Run) -> tuple[Frame, ...]:
    """Return one frame: every module of the user's own by submodule."""
    bars = []
    for design in run.variants:
        rows = [row for row in run.rows if row.design.name == design]
        parts = [row for row in rows if row.part.module is not None] or rows
        found = [Segment(name_of(r), r.macs, sum(r.moved_bytes), r.params) for r in parts]
        largest = sorted(found, key=lambda s: (-s.macs, -s.moved))[:MOST]
        rest = [s for s in found if s not in largest]
        if rest:
            name = f"{len(rest)} smaller ones"
            found = [s for s in found if s in largest]
            found.append(sum(rest[1:], start=rest[0]))
            found[-1] = Segment(name, found[-1].macs, found[-1].moved, found[-1].params)
        bars.append(Bar(design, tuple(found)))
    return (Frame("whole module", tuple(bars)),)
