"""Measuring the candidates that may be the fastest design, into a store: `choose --measure`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from pvtprof.designs.design_text import digest
from pvtprof.designs.named import path_of
from pvtprof.errors import SpecError
from pvtprof.observe.measurement import Measurement
from pvtprof.predict.calibration import Calibration, load_for
from pvtprof.predict.kept import known_calibration
from pvtprof.predict.wanted import DesignKey, fastest, key_of
from pvtprof.sweep.deciding import Progress, Question, basis
from pvtprof.sweep.halving import Candidate, Halved, Halving
from pvtprof.sweep.known import planned_of, rows_of
from pvtprof.sweep.machines import machines, this_one
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.processes import this_process
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import measurement_of

if TYPE_CHECKING:
    from pvtprof.sweep.worker import Tried

#: So many of the best predicted designs are candidates: more than are ever measured.
MOST_CANDIDATES = 2000
#: Rows that are added here are measured in this order by a sweep that goes on with the store.
SEED = 0


#: Measures a row for about so many seconds.
Attempt: TypeAlias = Callable[[Planned, float], "Tried"]


def measured(
    path: str | os.PathLike[str],
    question: Question,
    most: int,
    attempt: Attempt,
    progress: Progress = lambda text: None,
) -> Halved[Planned]:
    """Measure the most telling candidates of a question, ``most`` times at most, into a store.

    The store is made where there is none. Raises SpecError where nothing predicts which those are.
    """
    if most < 1:
        raise SpecError(f"--measure is {most}; use 1 measurement or more, such as 40")
    if not question.given:
        raise SpecError("--measure builds the network by its name; give a name or a design file")
    with Store.open(path, create=True) as store:
        machine, threads, calibration = _predictor(store, question)
        candidates = _candidates(store, question, calibration, machine, threads)
        worker = f"{this_process().name}-choose"
        halving = Halving(
            candidates,
            lambda planned, budget_s: _tried(store, worker, planned, budget_s, attempt),
            most,
            progress,
        )
        try:
            return halving.run()
        finally:
            store.give_back(worker)


def _predictor(store: Store, question: Question) -> tuple[str | None, int, Calibration]:
    """Return this machine's name in the store, the threads of its rows, and what predicts."""
    here = this_one(machines(store.connection), question.device)
    if question.machine is not None and (
        here is None or not here.name.startswith(question.machine)
    ):
        raise SpecError(
            f"--measure measures on this machine, and --machine names {question.machine!r}, which "
            "is another; leave one of them out"
        )
    dtype = question.setting.dtype
    if here is not None:
        placed = replace(question, machine=here.name)
        its = basis(store.connection, placed, os.fspath(store.path))
        if its.calibration is None:
            raise SpecError(f"nothing predicts which designs to measure: {its.source}")
        return here.name, its.known.threads or 0, its.calibration
    if question.calibration is not None:
        return None, question.threads or 0, load_for(question.calibration, dtype)
    return None, question.threads or 0, known_calibration(question.device, dtype)


def _candidates(
    store: Store, question: Question, calibration: Calibration, machine: str | None, threads: int
) -> list[Candidate[Planned]]:
    """Return the best predicted designs within the limits, with what is measured of them."""
    setting = question.setting
    device = setting.device if setting.device != "none" else "cpu"
    rows = rows_of(store.connection, question.model, setting, threads, device)
    known = _measurements(store, rows, machine) if machine else {}
    words = Planned(
        question.given,
        "",
        *setting.image,
        (),
        0,
        task=question.model.task,
        device=device,
        threads=threads,
        changes=question.changes,
        content=digest(question.model) if path_of(question.given) else "",
    )
    found = []
    for design in fastest(question.wanted(calibration), MOST_CANDIDATES):
        key = key_of(design.options, design.pool_size)
        row = rows[key][1] if key in rows else planned_of(key, setting, words)
        found.append(Candidate(row, design.latency.seconds, known.get(key, [])))
    if not found:
        raise SpecError(
            f"no design of {question.said} is within these limits, as far as predictions tell; "
            "raise --within or --memory"
        )
    return found


def _measurements(
    store: Store, rows: Mapping[DesignKey, tuple[int, Planned]], machine: str
) -> dict[DesignKey, list[Measurement]]:
    """Return what was measured of these rows on a machine."""
    by_id = {number: key for key, (number, _) in rows.items()}
    found: dict[DesignKey, list[Measurement]] = {}
    sql = (
        'SELECT m."row", m.measurement FROM measured AS m JOIN environment AS e '
        "ON e.id = m.environment WHERE e.machine = ? AND m.measurement IS NOT NULL "
        "AND NOT m.is_reference ORDER BY m.id"
    )
    for line in store.read(sql, (machine,)):
        if line["row"] in by_id:
            found.setdefault(by_id[line["row"]], []).append(measurement_of(line["measurement"]))
    return found


def _tried(
    store: Store, worker: str, planned: Planned, budget_s: float, attempt: Attempt
) -> Measurement | str:
    """Measure a row once, record it, and return its measurement or why there is none."""
    store.add([planned], SEED)
    (line,) = store.read('SELECT id, refused FROM "row" WHERE key = ?', (planned.key,))
    if line["refused"] is not None:
        return str(line["refused"])
    if not store.lease_row(line["id"], worker):
        return "it is being measured by another process"
    tried = attempt(planned, budget_s)
    store.record(line["id"], worker, tried.environment, tried.outcome, tried.machine)
    return tried.outcome.measurement or str(tried.outcome.failure)
