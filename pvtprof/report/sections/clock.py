"""Theory against the clock: MACs and time of each stage and of the network.

They are shares of the first design's; with one design, shares of the network's. Times are measured.
Where nothing was measured they are predicted; where neither, the section says how to get one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pvtprof import units
from pvtprof.report import gpu, phrases, sentences, sheets
from pvtprof.report.answer.facts import too_large
from pvtprof.report.figures.style import palette
from pvtprof.report.sections import where
from pvtprof.report.sections.clock_reasons import NAMES
from pvtprof.report.sections.clock_shares import (
    MEASURED,
    PREDICTED,
    Place,
    held,
    places_of,
    scaled,
    worst_noise,
)
from pvtprof.report.sections.clock_words import finding, place_title
from pvtprof.report.sheet import Sheet
from pvtprof.run.run import Run


@dataclass(frozen=True)
class Clock:
    """The section: its finding, its frames, what is too noisy, and how to get what is missing."""

    title: str
    text: str
    places: tuple[Place, ...]
    has_all: bool
    remarks: tuple[str, ...]
    colors: dict[str, str]
    setting: str
    kind: str
    first: str
    data: Mapping[str, Any]
    sheets: tuple[Sheet, ...]


def clock(whole: Run) -> Clock:
    """Return times against MACs of one comparison."""
    run, unfit = _fitting(whole), _unfit(whole)
    places = list(places_of(run))
    kinds = {share.kind for place in places for share in place.shares} - {""}
    return Clock(
        finding(run, places) if kinds or not unfit else unfit.strip(),
        f"{_text(run, kinds)}{unfit}",
        tuple(
            replace(place, title=place_title(run, place))
            for place in scaled(places, not held(run)[1])
        ),
        not held(run)[1],
        tuple(_remarks(run, places)),
        palette(whole.variants),
        _setting(whole),
        "Timed" if MEASURED in kinds else "Predicted",
        held(run)[0],
        _data(whole),
        tuple(_sheets(run, places)),
    )


def _fitting(run: Run) -> Run:
    """Return the run without the designs that do not fit; where none fits, without predictions."""
    lost = too_large(run)
    kept = [row for row in run.rows if row.design.name not in lost]
    return replace(run, rows=tuple(kept or (replace(row, predicted=None) for row in run.rows)))


def _unfit(run: Run) -> str:
    """Return what is said of designs that do not fit."""
    names = too_large(run)
    if not names or run.memory_bytes is None:
        return ""
    do = "does" if len(names) == 1 else "do"
    into = units.size(run.memory_bytes)
    return f" {phrases.several(names)} {do} not fit into {into}: no time is predicted."


def _data(run: Run) -> dict[str, Any]:
    """Return what a page's script needs to draw predicted times; nothing where it cannot."""
    if not where.follows(run) or len(run.variants) < 2:
        return {}
    return {"designs": run.variants, "colors": palette(run.variants), "names": NAMES}


def _setting(run: Run) -> str:
    its, device = run.setting, run.environment.device
    if run.is_own:
        at = ", ".join(f"{n}={size}" for n, size in its.sizes)
    else:
        at = f"{units.grid(*its.image)}, {sentences.reductions(run)}"
    return f"{at}, batch {its.batch}, {its.dtype}, {its.attention}, on {device}"


def _text(run: Run, kinds: set[str]) -> str:
    if not kinds:
        return ""
    first, is_alone = held(run)
    of = "those of the whole network" if is_alone else f"{first}'s; the dashed line is 100 %"
    where = ", on the GPU, launches not counted" if run.setting.on_cuda else ""
    step = " of a training step" if run.setting.mode == "training" else ""
    how = f"median{step} with its 95 % interval{where}" if MEASURED in kinds else "predicted"
    return f"MACs and time ({how}) as shares of {of}."


def _remarks(run: Run, places: Sequence[Place]) -> Iterator[str]:
    """Yield what cannot be said and what to do about it, and how to get times."""
    noisy = [row for row in run.rows if row.latency and worst_noise([row])]
    if noisy:
        names = [row.name for row in noisy]
        shown = names if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"]
        yield (
            f"Noisy: {phrases.several(shown)}. Close other programs, or raise --budget, and run "
            "it again."
        )
    if any(share.noise and share.kind == PREDICTED for place in places for share in place.shares):
        yield "The calibration was disturbed: run `pvtprof calibrate` when the machine is calm."
    failed = {row.not_run: None for row in run.rows if row.not_run}
    for why in failed:
        names = [row.name for row in run.rows if row.not_run == why]
        yield f"Not timed: {phrases.several(names)}: {why}."
    if not places and not any(row.latency or row.predicted for row in run.rows):
        yield from _ways(run)


def _ways(run: Run) -> Iterator[str]:
    again = "without --analytic" if "--analytic" in run.command else "with --budget above 0"
    yield f"To measure: run the same command {again}."
    if run.setting.mode == "inference":
        yield (
            "To predict: `pvtprof calibrate` once on the machine, then the same command; every "
            "later run has predicted times at once."
        )


def _sheets(run: Run, places: Sequence[Place]) -> Iterator[Sheet]:
    if places:
        yield _share_sheet(run, places)
    if run.measured and run.setting.on_cuda:
        yield gpu.latencies(run)
        yield gpu.states(run)
    elif run.measured:
        yield sheets.latencies(run)


def _share_sheet(run: Run, places: Sequence[Place]) -> Sheet:
    first, is_alone = held(run)
    of = f"(% of {'the network' if is_alone else first})"
    header = (
        "place",
        "design",
        f"MACs {of}",
        f"time {of}",
        "low (%)",
        "high (%)",
        "time",
        "why",
    )
    lines = tuple(
        (
            place.name,
            share.design,
            _percent(share.macs),
            _percent(share.time),
            _percent(share.low),
            _percent(share.high),
            share.milliseconds or "-",
            "; ".join(filter(None, (share.noise, share.why))) or "-",
        )
        for place in places
        for share in place.shares
    )
    return Sheet("MACs and time as shares", header, lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.4g}"
