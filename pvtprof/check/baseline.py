"""A baseline: the figures that `pvtprof check` compares with, and its JSON file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from msgspec import Struct, structs

from pvtprof.check.judgement import fewest_processes
from pvtprof.decode import loaded
from pvtprof.designs.published import NAMEABLE, model_spec
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.designs.words import DEFAULT_PROPOSALS
from pvtprof.designs.workload import Workload, workload
from pvtprof.errors import SpecError
from pvtprof.observe.machine import Environment
from pvtprof.observe.witness import Observation

SCHEMA = "pvtprof.baseline/1"
_AGAIN = "make a baseline with `pvtprof check FILE --update --model pvt_v2_b2` (or --target ...)"
NAME_IT = "say what the new file is to hold: add --model pvt_v2_b2 or --target file.py:factory"


@dataclass(frozen=True)
class Timed:
    """Times of rows, one a process, in units of a reference, with the conditions of measuring.

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
    """The exact figures of each row, by name, and the environment in which they were observed.

    ``target`` names a user's own module; the workload then gives device, dtype and mode only, and
    ``form`` the text of its closed form by figure (None in a file of an earlier version).
    ``timed`` is None if the baseline holds no times.
    """

    environment: Environment
    workload: Workload
    target: str | None
    rows: Mapping[str, Observation]
    timed: Timed | None = None
    form: Mapping[str, str] | None = None


def dumps(baseline: Baseline) -> str:
    """Return the baseline as JSON text; that of a target says how it ran, and names no model."""
    document = {"schema": SCHEMA, **asdict(baseline)}
    if baseline.target:
        work = document.pop("workload")
        document["ran"] = {name: work[name] for name in _Ran.__struct_fields__}
    else:
        document["workload"] = _written(baseline.workload)
    if baseline.form is None:
        del document["form"]
    return json.dumps(document, indent=1) + "\n"


#: Fields of a workload that a file has where they are not the default: earlier files have none.
LATER = (
    *("given", "changes", "task", "proposals", "chosen"),
    *("optimizer", "amp", "checkpoint"),
)


def _written(workload: Workload) -> dict[str, object]:
    """Return a workload as it is in a file: a published model by its name, another whole."""
    values = asdict(workload)
    model = workload.model
    if NAMEABLE.get(model.name) == model:
        values["model"] = model.name
        values["given"] = "" if workload.given == model.name else workload.given
    later = {f.name: f.default for f in fields(Workload) if f.name in LATER}
    return {name: value for name, value in values.items() if later.get(name, ...) != value}


def load(path: str | os.PathLike[str], way_out: str = _AGAIN) -> Baseline:
    """Return the baseline in a file; for any other file raise StoreError, with ``way_out``."""
    found = loaded(path, {SCHEMA: _Document}, way_out)
    return Baseline(
        found.environment, found.work, found.target, found.rows, found.timed, found.form
    )


class _Work(Struct, frozen=True):
    """A workload; ``model`` is a name, or the whole of a network that has none."""

    model: str | ModelSpec
    height: int
    width: int
    sr_ratios: tuple[int, ...]
    batch: int
    dtype: str
    device: str
    attention: str
    mode: str
    pool_size: int
    given: str = ""
    changes: tuple[str, ...] = ()
    task: str = CLASSIFY
    proposals: int = DEFAULT_PROPOSALS

    def __post_init__(self) -> None:
        self.workload()

    def workload(self) -> Workload:
        """Return the workload itself, as it was when the file was written."""
        model = model_spec(self.model) if isinstance(self.model, str) else self.model
        return Workload(**structs.asdict(self) | {"model": model})


class _Ran(Struct, frozen=True):
    """How a target ran."""

    device: str
    mode: str


class _Document(Struct, frozen=True):
    """The file of a baseline."""

    environment: Environment
    rows: Mapping[str, Observation]
    workload: _Work | None = None
    ran: _Ran | None = None
    target: str | None = None
    timed: Timed | None = None
    form: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if not self.rows:
            raise SpecError("rows is empty; a baseline has at least one row")
        _ = self.work

    @property
    def work(self) -> Workload:
        if self.workload:
            return self.workload.workload()
        if self.target is None or self.ran is None:
            raise SpecError("there is no field workload")
        return replace(workload(), device=self.ran.device, mode=self.ran.mode)
