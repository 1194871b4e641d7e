"""Measuring the candidates that may be the fastest design, into a store: `choose --measure`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from pvtprof.designs.design_text import digest
from pvtprof.designs.named import path_of
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.words import DEFAULT_POOL_SIZE
from pvtprof.errors import RunInterruptedError, SpecError, UnavailableError
from pvtprof.observe.measurement import Measurement
from pvtprof.predict.calibration import Calibration, load_for
from pvtprof.predict.kept import known_calibration
from pvtprof.predict.wanted import DesignKey, fastest, key_of
from pvtprof.sweep.deciding import Progress, Question, basis
from pvtprof.sweep.halving import FIRST_S, Candidate, Halved, Halving
from pvtprof.sweep.known import paired, planned_of, rows_of
from pvtprof.sweep.machines import machines, this_one
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.processes import this_process
from pvtprof.sweep.store import Store

if TYPE_CHECKING:
    from pvtprof.sweep.worker import Tried

#: So many of the best predicted designs are candidates: more than are ever measured.
MOST_CANDIDATES = 2000
#: Rows that are added here are measured in this order by a sweep that goes on with the store.
SEED = 0


#: Measures a row for about so many seconds, and another one beside it.
Attempt: TypeAlias = Callable[[Planned, float, Planned], "Tried"]


def measured(
    path: str | os.PathLike[str],
    question: Question,
    most: int,
    attempt: Attempt,
    progress: Progress = lambda text: None,
) -> Halved[Planned]:
    """Measure the most telling candidates of a question, ``most`` times at most, into a store.

    The store is made where there is none. Raises SpecError where nothing predicts which those are,
    and RunInterruptedError on Ctrl-C.
    """
    if most < 1:
        raise SpecError(f"--measure is {most}; use 1 measurement or more, such as 40")
    if not question.given:
        raise SpecError("--measure builds the network by its name; give a name or a design file")
    with Store.open(path, create=True) as store:
        worker = f"{this_process().name}-choose"
        try:
            return _halving(store, worker, question, most, attempt, progress).run()
        except KeyboardInterrupt:
            raise RunInterruptedError(
                f"interrupted: what was measured is in {os.fspath(path)}; the same command goes on "
                "from there"
            ) from None
        finally:
            store.give_back(worker)


def _halving(
    store: Store,
    worker: str,
    question: Question,
    most: int,
    attempt: Attempt,
    progress: Progress,
) -> Halving[Planned]:
    """Return the search among the candidates, with what is measured of them."""
    machine, threads, calibration = _predictor(store, question)
    words = _words(question, threads)
    beside = row_beside(question.model, question.setting, words)
    rows = rows_of(store.connection, question.model, question.setting, threads, words.device)
    by_id = {number: key for key, (number, _) in rows.items()}
    known = paired(store.connection, machine, by_id) if machine else {}
    if not known:
        _check_beside(attempt(beside, FIRST_S, beside))
    candidates = []
    for key, predicted_s in _predicted(question, calibration).items():
        row = rows[key][1] if key in rows else planned_of(key, question.setting, words)
        candidates.append(Candidate(row, predicted_s, known.pop(key, [])))

    def measure(row: Planned, budget_s: float) -> Measurement | str:
        return tried(store, worker, row, lambda row: attempt(row, budget_s, beside))

    others = [one for its in known.values() for one in its]
    return Halving(candidates, measure, most, progress, others=others)


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


def _words(question: Question, threads: int) -> Planned:
    """Return what is the same in every row of a question."""
    setting = question.setting
    return Planned(
        question.given,
        "",
        *setting.image,
        (),
        0,
        task=question.model.task,
        device=setting.device if setting.device != "none" else "cpu",
        threads=threads,
        changes=question.changes,
        content=digest(question.model) if path_of(question.given) else "",
    )


def row_beside(model: ModelSpec, setting: Setting, words: Planned) -> Planned:
    """Return what every design is timed beside: pooled throughout, which is quick at every size."""
    return planned_of(((("sra_pool", 1),) * len(model.stages), DEFAULT_POOL_SIZE), setting, words)


def _check_beside(done: Tried) -> None:
    """Raise UnavailableError where the row beside cannot be timed: no candidate is to blame."""
    if done.outcome.failure:
        raise UnavailableError(
            "designs are timed beside the network pooled throughout, which cannot be timed: "
            f"{done.outcome.failure}"
        )


def _predicted(question: Question, calibration: Calibration) -> dict[DesignKey, float]:
    """Return the best predicted designs within the limits, and their predicted seconds."""
    best = fastest(question.wanted(calibration), MOST_CANDIDATES)
    found = {key_of(one.options, one.pool_size): one.latency.seconds for one in best}
    if not found:
        raise SpecError(
            f"no design of {question.said} is within these limits, as far as predictions tell; "
            "raise --within or --memory"
        )
    return found


def tried(
    store: Store, worker: str, planned: Planned, attempt: Callable[[Planned], Tried]
) -> Measurement | str:
    """Measure a row once, record it, and return its measurement or why there is none."""
    store.add([planned], SEED)
    (line,) = store.read('SELECT id, refused FROM "row" WHERE key = ?', (planned.key,))
    if line["refused"] is not None:
        return str(line["refused"])
    if not store.lease_row(line["id"], worker):
        return "it is being measured by another process"
    done = attempt(planned)
    store.record(line["id"], worker, done.environment, done.outcome, done.machine)
    return done.outcome.measurement or str(done.outcome.failure)
