"""Pages of saved runs: of one run, of several, or the index of a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pvtprof import files
from pvtprof.errors import SchemaError, SpecError, StoreError
from pvtprof.report import output
from pvtprof.report.sweep_page import sweep_read
from pvtprof.run import store

if TYPE_CHECKING:
    from pvtprof.run.run import Run

Record = Mapping[str, Any]


def written(
    paths: Sequence[str],
    outputs: Sequence[str],
    wanted: tuple[str, output.Table],
    force: bool,
    anonymous: bool,
) -> tuple[str, Sequence[str]]:
    """Write the page (to ``outputs``, or beside the saved run).

    ``wanted`` is the format of the text to print, and how much a table says. Return that text, and
    the paths of the files that were written.
    """
    form, shown = wanted
    if any(map(sweep_read.is_store, paths)):
        return _store(paths, outputs, form, force, anonymous)
    is_several, is_folder = len(paths) > 1, len(paths) == 1 and os.path.isdir(paths[0])
    if is_several or is_folder:
        _check_no_markdown(form)
    if is_folder:
        return _index(paths[0], outputs, form, force, anonymous)
    if is_several:
        return _several(paths, outputs, form, force, anonymous)
    run = store.load(paths[0])
    run = run.anonymous() if anonymous else run
    outputs = outputs or (str(Path(paths[0]).with_suffix(".html")),)
    files.check_all_writable(outputs, force)
    return output.text(run, form, shown), output.save(run, outputs, force)


def _check_no_markdown(form: str) -> None:
    if form == "markdown":
        raise SpecError("--format markdown works for one run only; use table, csv or json")


def _store(
    paths: Sequence[str], outputs: Sequence[str], form: str, force: bool, anonymous: bool
) -> tuple[str, Sequence[str]]:
    from pvtprof.report import listing
    from pvtprof.report.sweep_page import sweep

    if len(paths) > 1:
        raise SpecError(
            f"the store of a sweep has a page of its own, and {len(paths)} paths were given; "
            "give one store"
        )
    _check_no_markdown(form)
    outputs = outputs or (str(Path(paths[0]).with_suffix(".html")),)
    files.check_all_writable(outputs, force, ".html")
    stored = sweep_read.read(paths[0])
    stored = sweep_read.anonymous(stored) if anonymous else stored
    output.save_pages(outputs, sweep.render(stored), force)
    if form == "table":
        return sweep.text(stored), outputs
    return listing.render(stored.records, form), outputs


def _several(
    paths: Sequence[str], outputs: Sequence[str], form: str, force: bool, anonymous: bool
) -> tuple[str, Sequence[str]]:
    from pvtprof.report import listing
    from pvtprof.report.page import html, several

    if len(paths) > several.MOST:
        raise SpecError(
            f"got {len(paths)} paths; give one saved run, up to {several.MOST} runs to compare, "
            "or a folder of runs"
        )
    loaded = [(path, store.load(path)) for path in paths]
    several.check(loaded)
    runs = [run.anonymous() if anonymous else run for _, run in loaded]
    beside = Path(paths[0]).with_name(f"{'-vs-'.join(Path(path).stem for path in paths)}.html")
    outputs = outputs or (str(beside),)
    output.save_pages(outputs, html.render(*runs), force)
    records = several.brief(runs) if form == "table" else several.records(runs)
    return listing.render(records, form), outputs


def _index(
    folder: str, outputs: Sequence[str], form: str, force: bool, anonymous: bool
) -> tuple[str, Sequence[str]]:
    from pvtprof.report import listing
    from pvtprof.report.page import index

    found, others = runs(folder)
    if "index.json" in found and not outputs:
        raise SpecError(
            f"index.html is the page of the run {Path(folder) / 'index.json'}; "
            "give another name for the page of the folder with -o"
        )
    if anonymous:  # names of files and links tell of machines too
        found = {f"run {i}": run.anonymous() for i, run in enumerate(found.values(), 1)}
        others = {}
    outputs = outputs or (str(Path(folder) / "index.html"),)
    for path in outputs:
        links = {name: None if anonymous else _link(folder, name, path) for name in found}
        output.save_pages((path,), index.render(found, links, others), force)
    records = index.brief(found) if form == "table" else index.records(found)
    return listing.render(records, form), outputs


def runs(folder: str) -> tuple[dict[str, Run], dict[str, str]]:
    """Return the runs of a folder by file name, and why its other .json files are not listed."""
    found: dict[str, Run] = {}
    others: dict[str, str] = {}
    for path in sorted(Path(folder).glob("*.json")):
        try:
            found[path.name] = store.load(path)
        except SchemaError:
            others[path.name] = "another kind of file"
        except StoreError as error:
            others[path.name] = str(error).replace(str(path), path.name)  # no path on a page
    if not found:
        raise StoreError(
            f"the folder {folder} holds no saved run ({len(others)} other .json files); "
            "give another folder, or make a run with `pvtprof compare`"
        )
    return found, others


def _link(folder: str, name: str, page: str) -> str:
    """Return the link from a page to a run: to its own page if there is one, else to its data."""
    data = Path(folder) / name
    beside = data.with_suffix(".html")
    return os.path.relpath(beside if beside.is_file() else data, Path(page).parent)
