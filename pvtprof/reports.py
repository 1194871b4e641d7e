"""What `pvtprof report` makes of saved runs: a page of one, of two, or the index of a folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pvtprof import files, output, store
from pvtprof.errors import SpecError

Record = Mapping[str, str | int | None]


def written(
    paths: Sequence[str], outputs: Sequence[str], form: str, force: bool, anonymous: bool
) -> str:
    """Write the page (to ``outputs``, or beside what it is of) and return what to print."""
    many = len(paths) == 2 or Path(paths[0]).is_dir()
    if many and form == "markdown":
        raise SpecError("--format markdown is of one run; use table, csv or json")
    if len(paths) == 1 and Path(paths[0]).is_dir():
        return _index(paths[0], outputs, form, force, anonymous)
    if len(paths) == 2:
        return _pair(paths[0], paths[1], outputs, form, force, anonymous)
    if len(paths) > 2:
        raise SpecError(
            f"got {len(paths)} paths; name one saved run, two to compare, or a folder of runs"
        )
    run = store.load(paths[0])
    run = run.anonymous() if anonymous else run
    outputs = outputs or (str(Path(paths[0]).with_suffix(".html")),)
    files.check_all_writable(outputs, force)
    output.save(run, outputs, force)
    return output.text(run, form)


def _pair(
    first: str, second: str, outputs: Sequence[str], form: str, force: bool, anonymous: bool
) -> str:
    from pvtprof.render import pair

    a, b = (store.load(path) for path in (first, second))
    if anonymous:
        a, b = a.anonymous(), b.anonymous()
    beside = Path(first).with_name(f"{Path(first).stem}-vs-{Path(second).stem}.html")
    _save_pages(outputs or (str(beside),), pair.render(a, b), force)
    return _listed(pair.records(a, b), pair.brief(a, b), form)


def _index(folder: str, outputs: Sequence[str], form: str, force: bool, anonymous: bool) -> str:
    from pvtprof.render import index

    found, others = index.runs(folder)
    if anonymous:
        found = {name: run.anonymous() for name, run in found.items()}
    pages = outputs or (str(Path(folder) / "index.html"),)
    _save_pages(pages, index.render(folder, found, others), force)
    return _listed(index.records(found), index.brief(found), form)


def _save_pages(outputs: Sequence[str], page: str, force: bool) -> None:
    files.check_all_writable(outputs, force, ".html")
    for path in outputs:
        files.write(path, page, force)
        print(f"Wrote {path}", file=sys.stderr)


def _listed(records: Sequence[Record], brief: Sequence[Record], form: str) -> str:
    """Records as "csv" or "json"; as "table" the brief ones."""
    from pvtprof.render import listing

    return listing.render(brief if form == "table" else records, form)
