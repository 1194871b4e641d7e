"""Two runs on one page: what changed from A to B, row by row."""

from __future__ import annotations

from typing import Any

from pvtprof import units
from pvtprof.report import changes, sentences
from pvtprof.report.figures.pair import NAMES, draw_pair, pair_infos
from pvtprof.report.html import described, explorable
from pvtprof.report.page import compressed, page
from pvtprof.report.sections import DrawnChart, Section
from pvtprof.report.sheet import Sheet
from pvtprof.run import store
from pvtprof.run.row import Row
from pvtprof.run.run import Run

Record = dict[str, Any]


def render(a: Run, b: Run) -> str:
    """Return the page as text; the explorer starts from A."""
    reasons = tuple(changes.incomparable(a, b))
    return page(
        "pair.html",
        ("engine", "explorer"),
        title="Two runs of pvtprof",
        runs=[
            (name, sentences.title(run), run.environment.device, sentences.agreement(run))
            for name, run in zip(NAMES, (a, b), strict=True)
        ],
        agrees=a.agrees and b.agrees,
        difference=changes.difference(a, b),
        sentences=tuple(changes.changes(a, b)),
        reasons=reasons,
        **explorable((a, b)),
        section=_section(a, b),
        provenance=[(run.command, described(run.environment)) for run in (a, b)],
        originals=[
            (f"{name}.json", compressed(store.dumps(run)))
            for name, run in zip(NAMES, (a, b), strict=True)
        ],
    )


def records(a: Run, b: Run) -> list[Record]:
    """Return one record for each row that both runs have: figures of A and of B, and B over A."""
    comparable = not any(changes.incomparable(a, b))
    others = {(row.part, row.design.name): row for row in b.rows}
    return [
        _record(row, other, comparable)
        for row in a.rows
        if (other := others.get((row.part, row.design.name)))
    ]


def brief(a: Run, b: Run) -> list[Record]:
    """Return the columns that fit into a terminal."""
    return [
        {
            "row": record["row"],
            "macs_b/a": _percent(record["macs_ratio"]),
            "peak_b/a": _percent(record["peak_ratio"]),
            "time_a": units.milliseconds(record["time_a_s"]),
            "time_b": units.milliseconds(record["time_b_s"]),
            "time_b/a": _percent(record["time_ratio"]),
        }
        for record in records(a, b)
    ]


def _percent(ratio: Any) -> str:
    return "-" if ratio is None else units.percent(ratio, 1)


def _record(a: Row, b: Row, comparable: bool) -> Record:
    one, other = a.latency_median_s, b.latency_median_s
    return {
        "row": a.name,
        "macs_a": a.macs,
        "macs_b": b.macs,
        "macs_ratio": b.macs / a.macs,
        "params_a": a.params,
        "params_b": b.params,
        "peak_bytes_a": a.peak.bytes,
        "peak_bytes_b": b.peak.bytes,
        "peak_ratio": b.peak.bytes / a.peak.bytes,
        "time_a_s": one,
        "time_b_s": other,
        "time_ratio": other / one if comparable and one and other else None,
    }


def _section(a: Run, b: Run) -> Section:
    charts = tuple(
        DrawnChart.of(
            info.title.split()[0].lower(), f"Dots: {info.title} of A and B, by row", draw_pair(info)
        )
        for info in pair_infos(a, b)
    )
    return Section("rows", "Row by row", "Ratios are B over A.", charts, (_sheet(a, b),))


def _sheet(a: Run, b: Run) -> Sheet:
    found = records(a, b)
    lines = tuple(tuple(map(units.cell, record.values())) for record in found)
    return Sheet("Rows that both have", tuple(n.replace("_", " ") for n in found[0]), lines)
