"""The runs of a folder, as a table and as a page with links to their pages."""

from __future__ import annotations

from collections.abc import Mapping

from pvtprof import units
from pvtprof.report import own
from pvtprof.report.page.page import page
from pvtprof.run.run import Run

Record = dict[str, str | int | float | None]


def records(found: Mapping[str, Run]) -> list[Record]:
    """Return one record a comparison: what ran, where, and what each whole model costs."""
    return _alike([_record(name, one) for name, run in found.items() for one in run.comparisons])


def _alike(found: list[Record]) -> list[Record]:
    """The records with the same fields; None where one has it not."""
    names = dict.fromkeys(name for record in found for name in record)
    return [{name: record.get(name) for name in names} for record in found]


def brief(found: Mapping[str, Run]) -> list[Record]:
    """Return the columns that fit into a terminal."""
    return _alike(
        [
            {
                "file": name,
                **_place(one),
                **{f"{v}, MACs": units.giga(one.row(None, v).macs) for v in one.variants},
            }
            for name, run in found.items()
            for one in run.comparisons
        ]
    )


def _place(run: Run) -> Record:
    if run.is_own:
        return {"model": own.title(run), "image": own.sizes_of(run.rows[0])}
    return {"model": run.model, "image": units.sides(*run.setting.image)}


def _record(name: str, run: Run) -> Record:
    models = {v: run.row(None, v) for v in run.variants}
    its = run.setting
    return {
        "file": name,
        **_place(run),
        "R": None if run.is_own else units.ratios(run.designs[0].spec.sr_ratios),
        "batch": its.batch,
        "dtype": its.dtype,
        "attention": its.attention,
        "mode": ", ".join((its.mode, *its.training.words)),
        "device": run.environment.device,
        "date": run.environment.date[:16].replace("T", " "),
        "agrees": ("yes" if run.agrees else "NO") if run.counted else None,
        **{f"{v}_macs": row.macs for v, row in models.items()},
        **{f"{v}_latency_s": row.latency_median_s for v, row in models.items()},
    }


def render(
    found: Mapping[str, Run], links: Mapping[str, str | None], others: Mapping[str, str]
) -> str:
    """Return the page; ``links`` are those of the runs, ``others`` the files that hold none."""
    return page(
        "index.html",
        (),
        title="Runs of pvtprof",
        records=records(found),
        links=links,
        others=others,
    )
