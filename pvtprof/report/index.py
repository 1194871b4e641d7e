"""The runs of a folder, as a table and as a page that links theirs."""

from __future__ import annotations

from collections.abc import Mapping

from pvtprof import units
from pvtprof.report.page import page
from pvtprof.run.run import Run

Record = dict[str, str | int | float | None]


def records(found: Mapping[str, Run]) -> list[Record]:
    """One record a run: what ran, where, and what the whole model costs with each design."""
    return [_record(name, run) for name, run in found.items()]


def brief(found: Mapping[str, Run]) -> list[Record]:
    """What a terminal has room for."""
    return [
        {
            "file": name,
            "model": run.workload.model,
            "image": units.sides(run.workload.height, run.workload.width),
            **{f"{v}, MACs": units.giga(run.row(None, v).macs) for v in run.variants},
        }
        for name, run in found.items()
    ]


def _record(name: str, run: Run) -> Record:
    work = run.workload
    models = {v: run.row(None, v) for v in run.variants}
    counted = any(row.counts or row.params_counted is not None for row in run.rows)
    return {
        "file": name,
        "model": work.model,
        "image": units.sides(work.height, work.width),
        "R": ",".join(map(str, work.sr_ratios)),
        "batch": work.batch,
        "dtype": work.dtype,
        "attention": work.attention,
        "mode": work.mode,
        "device": run.environment.device,
        "date": run.environment.date[:16].replace("T", " "),
        "agrees": ("yes" if run.agrees else "NO") if counted else None,
        **{f"{v}_macs": row.macs for v, row in models.items()},
        **{f"{v}_latency_s": row.latency_median_s for v, row in models.items()},
    }


def render(
    found: Mapping[str, Run], links: Mapping[str, str | None], others: Mapping[str, str]
) -> str:
    """The page as text; ``links`` say where a run leads, ``others`` why a file is none."""
    return page(
        "index.html",
        (),
        charts=False,
        title="Runs of pvtprof",
        records=records(found),
        links=links,
        others=others,
    )
