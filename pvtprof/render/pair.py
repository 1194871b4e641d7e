"""Two runs on one page: what changed from A to B, row by row."""

from __future__ import annotations

import json

from pvtprof import store, units, verdict
from pvtprof.figures.pair import NAMES, draw_pair, pair_infos
from pvtprof.records import Row, Run
from pvtprof.render.html import Chart, Section, described, explorable
from pvtprof.render.page import compressed, page
from pvtprof.render.sheets import Sheet

Record = dict[str, str | int | None]


def render(a: Run, b: Run) -> str:
    """The page as text; the explorer starts from A."""
    reasons = tuple(verdict.incomparable(a, b))
    return page(
        "pair.html",
        ("engine", "explorer"),
        title="Two runs of pvtprof",
        runs=[(name, verdict.title(run), run.environment.device, verdict.agreement(run))
              for name, run in zip(NAMES, (a, b), strict=True)],
        agrees=a.agrees and b.agrees,
        sentences=tuple(verdict.changes(a, b)),
        reasons=reasons,
        **explorable(a),
        section=_section(a, b),
        provenance=[(run.command, described(run.environment)) for run in (a, b)],
        originals=[(f"{name}.json", compressed(store.dumps(run)))
                   for name, run in zip(NAMES, (a, b), strict=True)],
    )  # fmt: skip


def records(a: Run, b: Run) -> list[Record]:
    """One record a row that both runs have: figures of A and of B, and time B over A in percent."""
    comparable = not any(verdict.incomparable(a, b))
    return [_record(row, b.by_scope[row.scope], comparable) for row in a.rows
            if row.scope in b.by_scope]  # fmt: skip


def brief(a: Run, b: Run) -> list[Record]:
    """What a terminal has room for."""
    names = ("row", "macs_ratio", "peak_ratio", "time_a", "time_b", "time_ratio")
    return [{name: record[name] for name in names} for record in records(a, b)]


def _record(a: Row, b: Row, comparable: bool) -> Record:
    times = (a.latency_median_s, b.latency_median_s)
    known = comparable and times[0] is not None and times[1] is not None
    return {
        "row": str(a.scope),
        "macs_a": a.macs,
        "macs_b": b.macs,
        "macs_ratio": units.percent(b.macs, a.macs),
        "params_a": a.params,
        "params_b": b.params,
        "peak_bytes_a": a.peak.bytes,
        "peak_bytes_b": b.peak.bytes,
        "peak_ratio": units.percent(b.peak.bytes, a.peak.bytes),
        "time_a": units.milliseconds(times[0]),
        "time_b": units.milliseconds(times[1]),
        "time_ratio": units.percent(times[1] or 0, times[0] or 0) if known else "-",
    }


def _section(a: Run, b: Run) -> Section:
    charts = tuple(
        Chart(f"{info.title.split()[0]}-chart".lower(), f"Bars: {info.title} of A and B, by row",
              json.loads(draw_pair(info).to_json()))
        for info in pair_infos(a, b)
    )  # fmt: skip
    return Section("rows", "Row by row", "B over A in percent.", charts, (_sheet(a, b),))


def _sheet(a: Run, b: Run) -> Sheet:
    found = records(a, b)
    lines = tuple(
        tuple(v if isinstance(v, str) else units.integer(v) for v in record.values())
        for record in found
    )
    return Sheet("Rows that both have", tuple(n.replace("_", " ") for n in found[0]), lines)
