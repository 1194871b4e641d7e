"""The sections of a page as they were before each had a file of its own; goes when all have one."""

from __future__ import annotations

from dataclasses import dataclass

from pvtprof import units
from pvtprof.designs.part import MODEL
from pvtprof.report import gpu, own, sentences
from pvtprof.report.sections import Section, sections
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: Which former sections stand in which section of the page.
PARTS = {
    "growth": ("growth",),
}


@dataclass(frozen=True)
class Card:
    """The whole model with one design: its name and its totals, short and (some) exact."""

    variant: str
    totals: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Verdict:
    """The sentences of a run, and its cards."""

    title: str
    agrees: bool
    is_doubtful: bool
    sentences: tuple[str, ...]
    disagreements: tuple[str, ...]
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Former:
    """Some former sections under one title."""

    title: str
    parts: tuple[Section, ...] = ()
    notes: tuple[str, ...] = ()


def answer(run: Run, whole: Run | None = None) -> Verdict:
    """Return the verdict of a comparison."""
    rows = (
        [*own.wholes(whole or run), *own.peers(whole or run)]
        if run.is_own
        else [row for row in run.rows if row.part == MODEL]
    )
    said = own.said(whole or run) if run.is_own else sentences.sentences(run)
    return Verdict(
        "Verdict",
        run.agrees,
        sentences.is_doubtful(run),
        tuple(said),
        tuple(sentences.disagreements(run)),
        tuple(_card(row) for row in rows),
    )


def growth(run: Run) -> Former | None:
    """Return the chart of memory against image size."""
    return _former("growth", "As the image grows", run)


def nothing(run: Run) -> None:
    """Return None: the page has no such section."""
    return


def _former(anchor: str, title: str, run: Run) -> Former | None:
    found = tuple(one for one in sections(run) if one.anchor in PARTS[anchor])
    return Former(title, found) if found else None


def _card(row: Row) -> Card:
    totals = [
        ("MACs", units.giga(row.macs), units.integer(row.macs)),
        ("params", units.millions(row.params), units.integer(row.params)),
        ("peak memory", units.size(row.peak.bytes), f"{units.integer(row.peak.bytes)} bytes"),
        *_times(row),
    ]
    return Card(own.name_of(row) if row.is_own else row.design.name, tuple(totals))


def _times(row: Row) -> list[tuple[str, str, str]]:
    """Latency; on a GPU its time, wall time and, where it was asked for, that of a graph."""
    names = gpu.TIMES if row.setting.on_cuda else ("latency",)
    return [
        (
            name,
            units.marked(units.milliseconds(median), row.is_doubtful),
            f"95 %: {units.interval(interval)} ms",
        )
        for name in names
        for median, interval in (gpu.time_of(row, name),)
        if median is not None
    ]
