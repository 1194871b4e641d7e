"""Which design to take, from what a sweep measured: gaps are filled by prediction, and it is said.

Times of one machine count, never those of several together.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from pvtprof import units
from pvtprof.designs.published import published_as
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.errors import PvtprofError, SpecError, StoreError
from pvtprof.predict.calibration import Calibration, load_for
from pvtprof.predict.choose import Found, at_latency, chosen, front
from pvtprof.predict.kept import known_calibration
from pvtprof.predict.search import Search
from pvtprof.predict.space import network
from pvtprof.predict.wanted import Design, DesignKey, Wanted, allowed
from pvtprof.sweep.halving import Halved
from pvtprof.sweep.known import Known, corrected, in_words, known, stored_calibration
from pvtprof.sweep.machines import Machine, machines, named
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.reading import connected

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Question:
    """What is asked of a store: the designs of a network in a setting, within limits.

    ``given`` and ``changes`` name the network as a command line does. ``machine`` are the first
    letters of one of the store's machines; None is this one. ``threads`` None are those of the
    store. ``calibration`` is a file that takes the place of the machine's own.
    """

    given: str
    changes: tuple[str, ...]
    model: ModelSpec
    setting: Setting
    search: Search
    within_s: float | None = None
    memory_bytes: int | None = None
    device: str = "auto"
    machine: str | None = None
    threads: int | None = None
    calibration: str | os.PathLike[str] | None = None

    def wanted(self, calibration: Calibration) -> Wanted:
        """Return the search on a machine."""
        return Wanted(
            self.model,
            self.setting,
            calibration,
            self.within_s,
            self.memory_bytes,
            self.search,
        )

    @property
    def said(self) -> str:
        """The network in its setting, in words."""
        setting = self.setting
        return (
            f"{self.model.name} at {units.sides(*setting.image)}, batch {setting.batch}, "
            f"{setting.dtype}, {setting.attention} attention"
        )


@dataclass(frozen=True)
class Basis:
    """What an answer stands on: the machine, what is known of it, and how the rest is predicted.

    ``factor`` is by what the predictions were corrected, ``source`` where they come from in words.
    """

    machine: Machine
    known: Known
    calibration: Calibration | None
    factor: float | None
    source: str


def basis(opened: sqlite3.Connection, question: Question, path: str) -> Basis:
    """Return what an answer stands on; raises SpecError where no machine is meant."""
    found = machines(opened)
    machine = named(found, question.machine, question.device)
    if machine is None and found:
        raise SpecError(
            f"{path} has no times of this machine, and those of another are not taken unasked; "
            f"name one with --machine: {', '.join(map(str, found))}"
        )
    if machine is None:
        raise StoreError(
            f"{path} has no times yet; measure with `pvtprof sweep -o {path}`, or with --measure 40"
        )
    model, setting = question.model, question.setting
    its = known(opened, model, setting, machine.name, question.threads)
    predictor, source = _calibration(opened, question, machine, its.threads)
    if predictor is None:
        return Basis(machine, its, None, None, source)
    right, factor = corrected(its, model, setting, predictor)
    return Basis(machine, its, right, factor, source)


def _calibration(
    opened: sqlite3.Connection, question: Question, machine: Machine, threads: int | None
) -> tuple[Calibration | None, str]:
    """Return what predicts on a machine, and where it comes from; None where nothing does."""
    dtype = question.setting.dtype
    if question.model.task != CLASSIFY:
        return None, f"no calibration has seen the kernels of task {question.model.task}"
    if question.calibration is not None:
        return load_for(question.calibration, dtype), str(question.calibration)
    if (found := stored_calibration(opened, machine.name, dtype, threads)) is not None:
        return found, "the store's calibration"
    try:
        kept = known_calibration(question.device, dtype)
    except PvtprofError as error:
        return None, str(error)
    if machine.is_here(kept.environment):
        return kept, "this machine's calibration"
    return None, f"there is no calibration of machine {machine.name}; `calibrate --from` makes one"


def decide(path: str | os.PathLike[str], question: Question) -> Found:
    """Return the designs that no other beats, from the store's times and, for gaps, predictions.

    Raises SpecError if none is within the limits, or the store knows nothing.
    """
    with connected(path) as opened:
        its = basis(opened, question, os.fspath(path))
    if its.calibration is None:
        found = _measured_alone(question, its, os.fspath(path))
    else:
        wanted = replace(question.wanted(its.calibration), measured=its.known.times)
        found = chosen(wanted)
    return replace(found, notes=tuple(_notes(its, os.fspath(path))))


def _measured_alone(question: Question, its: Basis, path: str) -> Found:
    """Return the best of the measured designs, where nothing can be predicted."""
    model, setting = question.model, question.setting
    designs = [_design(model, setting, its.known, key) for key in its.known.times]
    if not designs:
        raise SpecError(
            f"{path} has no times of {question.said}, on machine {its.machine.name}, and nothing "
            f"predicts them: {its.source}"
        )
    costs = np.array(
        [(d.latency.seconds, d.macs, d.params, d.memory_bytes) for d in designs], float
    )
    kept = allowed(costs, question.within_s, question.memory_bytes)
    if not kept.any():
        raise SpecError(
            f"none of the {len(designs)} measured designs of {question.said} is within these "
            f"limits: the fastest takes {units.milliseconds(float(costs[:, 0].min()))}, the "
            f"smallest needs {units.size(int(costs[:, 3].min()))}; raise --within or --memory"
        )
    within = np.flatnonzero(kept)
    best = sorted(within[front(costs[kept])], key=lambda i: tuple(costs[i]))
    shown = tuple(designs[i] for i in best)
    return Found(model, setting, shown, (), len(designs), int(kept.sum()), question.search)


def _design(model: ModelSpec, setting: Setting, its: Known, key: DesignKey) -> Design:
    options, pool_size = key
    pooled = replace(model, pool_size=pool_size or model.pool_size)
    found = at_latency(pooled, setting, options, its.times[options, pool_size])
    name = published_as(network(pooled, options))
    return replace(found, is_measured=True, published=name)


def _notes(its: Basis, path: str) -> Iterator[str]:
    """Yield what must be known of where the latencies come from."""
    count, threads = len(its.known.times), its.known.threads
    with_threads = f" with {threads} thread{'s' * (threads != 1)}" if threads else ""
    yield (
        f"{path}: {units.integer(count)} design{'s' * (count != 1)} of this network in this "
        f"setting measured on machine {its.machine}{with_threads}."
    )
    if 0 < its.known.paired < count:
        alone = count - its.known.paired
        yield (
            f"{units.integer(alone)} of them {'was' if alone == 1 else 'were'} timed alone, by a "
            "sweep: what slowed the machine down just then is in their times."
        )
    if its.calibration is None:
        yield f"No other design is looked at, for nothing predicts its latency: {its.source}."
        return
    if its.factor is None:
        yield f"The others are predicted by {its.source}."
        return
    yield (
        f"The others are predicted by {its.source}, times {its.factor:.3f}: what was measured over "
        "its prediction, in the middle."
    )


def halved_notes(done: Halved[Planned], seconds: float, path: str) -> Iterator[str]:
    """Yield what successive halving did, and how sure its answer is."""
    count = len(done.measured)
    others = f"no other that was measured can be more than {100 * done.within:.1f} % faster"
    yield (
        f"{done.used} measurement{'s' * (done.used != 1)} of {count} design{'s' * (count != 1)} in "
        f"{seconds:.0f} s, all in {path}: the fastest is {in_words(done.best.what)} with "
        f"{units.milliseconds(done.best.seconds)}, and "
        f"{others if count > 1 else 'no other was measured'}."
    )
    if done.open:
        yield (
            f"{units.integer(done.open)} that were not measured could be faster if their "
            "predictions are as wrong as the worst of the others; more with a larger --measure."
        )
