"""A baseline: what `pvtprof check` holds later versions to, as versioned JSON text, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pvtprof.check.judgement import fewest_processes
from pvtprof.designs.workload import Workload
from pvtprof.errors import StoreError
from pvtprof.fields import Fields, parsed, text_of
from pvtprof.moment import Moment
from pvtprof.observe.machine import Environment, read_environment
from pvtprof.observe.witness import Count, Observation
from pvtprof.run import store_v1

SCHEMA = "pvtprof.baseline/1"
_AGAIN = "make one with `pvtprof check FILE --update --model pvt_v2_b2` (or --target ...)"


@dataclass(frozen=True)
class Timed:
    """Times of rows in units of a reference's, one a process, and the conditions they hold under.

    See ``pvtprof.check.stored_times``.
    """

    conditions: Mapping[str, str]
    rows: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Baseline:
    """What was observed of each row, by name, and where; ``target`` for a user's own module.

    With a target, the workload says how it was run: device, dtype and mode alone. ``timed`` is
    there if times are held to something too.
    """

    environment: Environment
    workload: Workload
    target: str | None
    rows: Mapping[str, Observation]
    timed: Timed | None = None


def dumps(baseline: Baseline) -> str:
    """The baseline as JSON text."""
    return json.dumps({"schema": SCHEMA, **asdict(baseline)}, indent=1) + "\n"


def load(path: str | os.PathLike[str]) -> Baseline:
    """Return a baseline from a file; raises StoreError for any other file."""
    return parsed(text_of(path, _AGAIN), str(path), {SCHEMA: _baseline}, _AGAIN)


def _baseline(document: Fields) -> Baseline:
    rows = document.object("rows")
    names = list(rows.names())
    if not names:
        raise StoreError("rows is empty: it would hold nothing to anything")
    return Baseline(
        read_environment(document.object("environment")),
        store_v1.workload(document.object("workload")),
        document.text("target") if document.has("target") else None,
        {name: _observation(rows.object(name)) for name in names},
        _timed(document.object("timed")) if document.has("timed") else None,
    )


def _timed(document: Fields) -> Timed:
    said, rows = document.object("conditions"), document.object("rows").numbers()
    fewest = fewest_processes(len(rows))
    for name, values in rows.items():
        if len(values) < fewest or not min(values) > 0:
            raise StoreError(f"timed.rows.{name} is not {fewest} or more times above 0")
    return Timed({name: said.text(name) for name in said.names()}, rows)


def _observation(document: Fields) -> Observation:
    counts, peak = document.object("counts"), document.object("peak")
    return Observation(
        params=document.whole("params"),
        counts={name: _count(counts.object(name)) for name in counts.names()},
        executed=document.object("executed").wholes(),
        peak=Moment(peak.whole("bytes"), peak.text("at")),
        saved_bytes=document.whole("saved_bytes"),
    )


def _count(document: Fields) -> Count:
    return Count(
        document.whole("counted"),
        document.object("by_module").wholes(),
        document.object("skipped").wholes(),
    )
