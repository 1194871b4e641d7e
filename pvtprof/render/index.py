"""The runs of a folder, as a table and as a page that links theirs."""

from __future__ import annotations

from pathlib import Path

from pvtprof import store, units
from pvtprof.errors import StoreError
from pvtprof.records import Run
from pvtprof.render.page import page

Record = dict[str, str | int | None]


def runs(folder: str) -> tuple[dict[str, Run], dict[str, str]]:
    """The runs of a folder by file name, and why the other .json files in it are none."""
    found: dict[str, Run] = {}
    others: dict[str, str] = {}
    for path in sorted(Path(folder).glob("*.json")):
        try:
            found[path.name] = store.load(path)
        except StoreError as error:
            others[path.name] = str(error)
    if not found:
        raise StoreError(
            f"{folder} holds no run of pvtprof ({len(others)} other .json files); name another "
            "folder, or make a run: pvtprof compare"
        )
    return found, others


def records(found: dict[str, Run]) -> list[Record]:
    """One record a run: what ran, where, and what the whole model costs with each design."""
    return [_record(name, run) for name, run in found.items()]


def brief(found: dict[str, Run]) -> list[Record]:
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
        "agrees": "yes" if run.agrees else "NO",
        **{f"{v}_macs": row.macs for v, row in models.items()},
        **{f"{v}_latency": units.milliseconds(row.latency_median_s) for v, row in models.items()},
    }


def render(folder: str, found: dict[str, Run], others: dict[str, str]) -> str:
    """The page as text; a run links its page where that lies beside it, else its data."""
    pages = {name: Path(name).with_suffix(".html").name for name in found}
    return page(
        "index.html",
        (),
        charts=False,
        title="Runs of pvtprof",
        records=records(found),
        links={
            name: beside if (Path(folder) / beside).is_file() else name
            for name, beside in pages.items()
        },
        others=others,
    )
