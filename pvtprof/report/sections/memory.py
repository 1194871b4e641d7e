"""What holds the memory: live bytes over the operators of a forward pass, or of a training step.

``assets/memory.js`` follows the explorer by the same rules: for the same moments it gives the same
sentences and the same picture as ``picture`` here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pvtprof import units
from pvtprof.analytic.alive import at_peak
from pvtprof.designs.part import MODEL
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.designs.words import MODES
from pvtprof.moment import Moment, highest
from pvtprof.report import gpu
from pvtprof.report.figures.memory import live_info, live_sheet
from pvtprof.report.figures.style import palette
from pvtprof.report.sections import where
from pvtprof.report.sections.bars import name_of
from pvtprof.report.sections.live import (
    NAMED,
    PART,
    PLACES,
    SECTIONS,
    TENSORS,
    Picture,
    finding,
    held_by,
    picture,
)
from pvtprof.report.sheet import Sheet
from pvtprof.run.rows import terms_of
from pvtprof.run.run import Run

#: Submodules of a user's own module that are drawn.
MOST = 12


@dataclass(frozen=True)
class Submodules:
    """One module of the user's own: the peak while each of its submodules runs, as bars."""

    design: str
    title: str
    bars: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Memory:
    """The section: its finding, the picture of the chosen design, and the data of the others.

    ``held`` names the largest tensors at each design's peak; it is empty where they are not known
    one by one, as in training. Of modules of the user's own there is no picture, but ``own``: bars
    by submodule.
    """

    title: str
    text: str
    held: tuple[str, ...]
    chosen: str
    picture: Picture | None
    own: tuple[Submodules, ...]
    peaks: tuple[tuple[str, str], ...]
    colors: Mapping[str, str]
    data: Mapping[str, Any]
    follows: bool
    sheets: tuple[Sheet, ...]


def memory(run: Run) -> Memory | None:
    """Return what holds the memory of one comparison; None where no form gives its peaks."""
    card = [gpu.memory(run)] if gpu.has_memory(run) else []
    colors = palette(run.variants)
    if run.is_own:
        return _of_own(run, colors, card)
    info = live_info(run)
    if not info.moments:
        return None
    timelines = dict(info.moments)
    chosen = _chosen(run, timelines)
    blocks = _blocks(run)
    follows = run.setting.training.is_plain and where.follows(run)
    return Memory(
        finding(timelines),
        _text(run.setting),
        _held(run, timelines),
        chosen,
        picture(timelines, chosen, blocks),
        (),
        tuple((name, units.size(highest(moments).bytes)) for name, moments in timelines.items()),
        colors,
        {"sections": SECTIONS, "places": PLACES, "blocks": blocks}
        | {"tensors": TENSORS, "named": NAMED, "part": PART}
        | (_followed(run, timelines) if follows else stored(timelines)),
        follows,
        (*card, live_sheet(info)),
    )


def _held(run: Run, designs: Collection[str]) -> tuple[str, ...]:
    """Return what holds the peak of each design; nothing in training, whose step is not a list."""
    if run.setting.mode != "inference":
        return ()
    rows = [row for row in run.rows if row.part == MODEL and row.design.name in designs]
    return held_by({row.design.name: at_peak(terms_of(row), row.setting.dtype) for row in rows})


def _chosen(run: Run, timelines: Mapping[str, Sequence[Moment]]) -> str:
    """Return the design with which the network is published; else the last that is here."""
    spec = MODELS.get(run.model, run.designs[-1].spec)
    published = {stage.variant for stage in spec.stages}
    return next((name for name in timelines if name in published), [*timelines][-1])


def _blocks(run: Run) -> list[int]:
    """Return how many blocks of each stage are drawn as one; in training every block is drawn."""
    stages = run.designs[0].spec.stages
    return [stage.depth if run.setting.mode == "inference" else 1 for stage in stages]


def _text(setting: Setting) -> str:
    words = "".join(f", {word}" for word in setting.training.words)
    if setting.mode == "training":
        return (
            f"Bytes of live tensors at every operator of one training step{words}, from left to "
            "right as they run; input and parameters are not in them."
        )
    return (
        "Bytes of live tensors at every operator of one forward pass, from left to right as they "
        "run; input and parameters are not in them. Blocks of a stage are alike: one is drawn "
        "(x3: it runs three times)."
    )


def _followed(run: Run, timelines: Mapping[str, Sequence[Moment]]) -> dict[str, Any]:
    """Return what a page needs whose explorer computes the moments, and says of which mode."""
    texts = {mode: _text(run.setting.in_mode(mode)) for mode in MODES}
    return {"designs": list(timelines), "texts": texts}


def stored(timelines: Mapping[str, Sequence[Moment]]) -> dict[str, Any]:
    """Return the moments for JSON, each name of an operator once.

    A page does not need them where its explorer computes them.
    """
    names = {m.at: None for moments in timelines.values() for m in moments}
    index = {name: i for i, name in enumerate(names)}
    return {
        "names": list(names),
        "designs": {
            design: [[index[m.at], m.bytes] for m in moments]
            for design, moments in timelines.items()
        },
    }


def _of_own(run: Run, colors: Mapping[str, str], card: Sequence[Sheet]) -> Memory | None:
    peaks = {row.design.name: row.peak for row in run.rows if row.part == MODEL}
    own = tuple(_submodules(run, name, peak) for name, peak in peaks.items())
    text = "The most that is alive while each submodule runs, of all tensors; the rest is smaller."
    shown = tuple((name, units.size(peak.bytes)) for name, peak in peaks.items())
    title = finding({name: (peak,) for name, peak in peaks.items()})
    has_bars = any(one.bars for one in own)
    return Memory(
        title, text if has_bars else "", (), "", None, own, shown, colors, {}, False, tuple(card)
    )


def _submodules(run: Run, design: str, peak: Moment) -> Submodules:
    rows = [r for r in run.rows if r.design.name == design and r.part.module is not None]
    largest = sorted(rows, key=lambda row: -row.peak.bytes)[:MOST]
    bars = tuple(
        (
            name_of(row),
            units.size(row.peak.bytes),
            f"{100 * row.peak.bytes / peak.bytes if peak.bytes else 0:.2f}",
        )
        for row in rows
        if row in largest
    )
    return Submodules(design, f"{design}: {units.size(peak.bytes)} at {peak.at}", bars)
