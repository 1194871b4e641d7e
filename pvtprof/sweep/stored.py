"""What goes into a store and comes out of it, as values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from pvtprof.errors import SpecError, StoreError
from pvtprof.observe.machine import CONDITIONS, Environment
from pvtprof.observe.measurement import Measurement
from pvtprof.sweep.planned import Planned

#: Digits of the hash that stands for a machine.
MACHINE_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one try of a row gave: a measurement, or why there is none.

    ``spent_s`` are the seconds of everything, ``timing_s`` of the timing alone. ``is_reference``
    says that the reference was timed in place of a row.
    """

    measurement: Measurement | None = None
    failure: str | None = None
    spent_s: float = 0.0
    timing_s: float | None = None
    is_reference: bool = False

    def __post_init__(self) -> None:
        if (self.measurement is None) == (self.failure is None):
            raise SpecError("an outcome is a measurement or a failure, and not both")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is, in rows: ``done`` have a time, ``failed`` a reason in place of one.

    ``refused`` have no closed form and are not tried; ``left`` are to be tried. ``row_s`` is what a
    row takes, None before the first; ``workers`` are those who measure a row now. ``notes`` say
    which devices are not here, and what became of workers on other machines.
    """

    rows: int
    done: int
    failed: int
    refused: int
    left: int
    row_s: float | None = None
    workers: int = 0
    notes: tuple[str, ...] = ()

    @property
    def left_s(self) -> float | None:
        """About how many seconds the rest takes; None where that is not known yet."""
        return None if self.row_s is None else self.left * self.row_s / max(1, self.workers)


@dataclass(frozen=True, slots=True)
class Stored:
    """One row of a store on one machine, as the view ``rows`` has it.

    ``machine`` is None of a row that was not tried.
    """

    id: int
    planned: Planned
    macs: int | None
    params: int | None
    moved_bytes: int | None
    peak_bytes: int | None
    latency_s: float | None
    latency_low_s: float | None
    latency_high_s: float | None
    predicted_s: float | None
    tries: int
    failures: int
    failure: str | None
    machine: str | None

    @classmethod
    def of(cls, columns: Mapping[str, Any]) -> Stored:
        """Return the value of a row of the view."""
        names = [field.name for field in fields(cls) if field.name != "planned"]
        return cls(
            planned=Planned.from_key(columns["key"]), **{name: columns[name] for name in names}
        )


def machine_of(environment: Environment, own_threads: int | None = None) -> str:
    """Return what is the same for two environments whose times may be compared.

    A row says how many threads it asks for, so that rows of 1 and of 2 threads are of one machine:
    what counts is ``own_threads``, which torch takes by itself.
    """
    if own_threads is not None:
        environment = replace(environment, threads=own_threads)
    facts = {name: getattr(environment, name) for name in CONDITIONS}
    text = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:MACHINE_DIGITS]


def environment_text(environment: Environment) -> str:
    """Return an environment as JSON, without its date and what it does not say."""
    its = {k: v for k, v in asdict(environment).items() if v is not None and k != "date"}
    return json.dumps(its, sort_keys=True)


def environment_of(text: str, date: str) -> Environment:
    """Return the environment of such a text, as it was at ``date``."""
    try:
        return Environment(**json.loads(text), date=date)
    except (ValueError, TypeError):
        raise StoreError("the store has an environment that this pvtprof cannot read") from None


def measurement_text(measurement: Measurement) -> str:
    """Return a measurement as JSON: every sample, and what was seen beside it."""
    return json.dumps(asdict(measurement), separators=(",", ":"))


def measurement_of(text: str) -> Measurement:
    """Return the measurement of such a text."""
    try:
        its = json.loads(text)
        series = {name: tuple(values) for name, values in its.pop("series", {}).items()}
        return Measurement(tuple(its.pop("samples")), series=series, **its)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise StoreError("the store has a measurement that this pvtprof cannot read") from None
