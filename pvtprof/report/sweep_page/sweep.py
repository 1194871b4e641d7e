"""The page of a store: one offline file with the rows of a sweep, to filter and to compare."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pvtprof import spoken, units
from pvtprof.report.page.page import compressed, page
from pvtprof.report.sheet import Sheet
from pvtprof.report.sweep_page import sweep_data, sweep_findings, sweep_picture, sweep_words
from pvtprof.report.sweep_page.sweep_rows import Stored, Sweep, sweep_of
from pvtprof.report.sweep_page.sweep_words import Race

#: The sections of the page, in their order.
NAMES: Mapping[str, str] = {
    "answer": "The answer",
    "scatter": "Two figures of every row",
    "growth": "As the image or the batch grows",
    "ratio": "One design against another",
    "predicted": "Predicted and measured",
    "failures": "What failed",
    "rows": "The rows, and how to read them",
}
#: So many lines of a static table at most.
MOST_LINES = 400


def render(stored: Stored) -> str:
    """Return the page; it makes no request and says the answer without JavaScript too."""
    sweep = sweep_of(stored)
    found = sweep_words.races(sweep)
    data = sweep_data.data(sweep)
    data["start"]["pair"] = sweep_findings.pair(found, sweep.designs)
    points = sweep_picture.shown(sweep)
    said, lines = sweep_words.stretches(sweep, found)
    return page(
        "sweep.html",
        ("spoken", "sweepdraw", "sweep"),
        styles=("growth", "sweep"),
        title=f"the sweep {stored.name}",
        heading=f"Sweep {stored.name}",
        names=NAMES,
        finding=sweep_words.title(sweep, found),
        sentences=list(sweep_words.sentences(sweep, found)),
        stretches=said,
        more_stretches=lines - len(said),
        sheet=fastest(sweep, found),
        scatter_title=sweep_picture.title(sweep, points),
        view=sweep_picture.view_words(
            sweep, "image" if sweep_findings.grows_with_image(sweep) else "batch"
        ),
        measured=bool(sweep.measured),
        by_image=sweep_findings.grows_with_image(sweep),
        growth_title=sweep_findings.growth_title(sweep),
        ratio_title=sweep_findings.ratio_title(sweep, found),
        rows_title=sweep_words.done(sweep),
        picture=sweep_picture.picture(sweep, data["colors"]),
        predictions=sweep_findings.predictions(sweep),
        failures=sweep_findings.failures(sweep),
        failures_title=sweep_findings.failures_title(sweep),
        environments=[
            (sweep.machines[one], _known(stored.environments.get(one, {})))
            for one in sweep.machines
        ],
        store=stored.name,
        quoted=shlex.quote(stored.name),
        packed=compressed(json.dumps(data, separators=(",", ":"), allow_nan=False)),
    )


def text(stored: Stored) -> str:
    """Return the answer as text, for the terminal."""
    sweep = sweep_of(stored)
    found = sweep_words.races(sweep)
    said, lines = sweep_words.stretches(sweep, found)
    rest = [f"... and {lines - len(said)} more on the page."] if lines > len(said) else []
    first = [f"{sweep_words.title(sweep, found)}.", *sweep_words.sentences(sweep, found)]
    return "\n".join([*first, *said, *rest, sweep_findings.predictions(sweep)]) + "\n"


def fastest(sweep: Sweep, found: Sequence[Race]) -> Sheet | None:
    """Return the table of the fastest design of each comparison; None where there is none."""
    run = [race for race in found if len(race.runners) > 1]
    if not run:
        return None
    head = "The fastest design at each model and size"
    if len(run) > MOST_LINES:
        head += f": the first {MOST_LINES} of {units.integer(len(run))}"
    lines = []
    for race in run[:MOST_LINES]:
        (_, best), *rest = race.runners
        other = next((row.name for row, _ in rest if row.name not in race.level), None)
        seconds = next((on.latency_s for row, on in rest if row.name == other), None)
        lines.append(
            (
                sweep_words.place(sweep, race),
                race.first.name,
                units.bare_milliseconds(best.latency_s),
                _interval(best.latency_low_s, best.latency_high_s),
                ", ".join(race.level[1:]) or ("-" if race.is_sure else "not known"),
                other or "-",
                spoken.people(seconds, race.seconds) if seconds else "-",
            )
        )
    header = (
        *("where", "lowest median", "ms", "95 %, ms", "equal within the noise"),
        *("next", "of the fastest's time"),
    )
    return Sheet(head, header, tuple(lines))


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else units.interval((low, high))


def _known(environment: Mapping[str, Any]) -> dict[str, Any]:
    known = {k.replace("_", " "): v for k, v in environment.items() if v is not None}
    return known or {"known": "nothing but the times"}
