"""A baseline: what `pvtprof check` holds later versions to, as versioned JSON text, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from msgspec import Struct

from pvtprof.check.judgement import fewest_processes
from pvtprof.decode import loaded
from pvtprof.designs.workload import Workload
from pvtprof.errors import SpecError
from pvtprof.observe.machine import Environment
from pvtprof.observe.witness import Observation
from pvtprof.run.documents_v1 import WorkloadDocument

SCHEMA = "pvtprof.baseline/1"
_AGAIN = "make one with `pvtprof check FILE --update --model pvt_v2_b2` (or --target ...)"


@dataclass(frozen=True)
class Timed:
    """Times of rows in units of a reference's, one a process, and the conditions they hold under.

    See ``pvtprof.check.stored_times``.
    """

    conditions: Mapping[str, str]
    rows: Mapping[str, tuple[float, ...]]

    def __post_init__(self) -> None:
        fewest = fewest_processes(len(self.rows))
        for name, values in self.rows.items():
            if len(values) < fewest or not min(values) > 0:
                raise SpecError(f"timed.rows.{name} is not {fewest} or more times above 0")


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
    found = loaded(path, {SCHEMA: _Document}, _AGAIN)
    workload = found.workload.workload()
    return Baseline(found.environment, workload, found.target, found.rows, found.timed)


class _Document(Struct, frozen=True):
    """A baseline as its file has it."""

    environment: Environment
    workload: WorkloadDocument
    rows: Mapping[str, Observation]
    target: str | None = None
    timed: Timed | None = None

    def __post_init__(self) -> None:
        if not self.rows:
            raise SpecError("rows is empty: it would hold nothing to anything")
