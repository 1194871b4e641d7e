"""The loop of a measured sweep on one machine: lease a row, time it, record it, until none is left.

It may be killed at any moment, and started again: the rows that were recorded are not timed again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from pvtprof import units
from pvtprof.designs.words import REFERENCE_S
from pvtprof.errors import RunInterruptedError, SpecError, StoreError, UnavailableError
from pvtprof.observe.asking import resolved_device
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.processes import this_process
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import Progress
from pvtprof.sweep.worker import Timing, Tried, Worker

#: How far it is, is told at most so often.
SAY_S = 1.0


@dataclass(frozen=True, slots=True)
class Sweeping:
    """How a sweep is measured.

    The reference is timed every ``reference_s`` seconds (0: never).
    """

    timing: Timing = field(default_factory=Timing)
    reference_s: float = REFERENCE_S

    def __post_init__(self) -> None:
        if not 0 <= self.reference_s < float("inf"):
            raise SpecError(
                f"reference is {self.reference_s / 60!r} minutes; use 0 (never) or more, such as 5"
            )


def sweep(
    store: Store, how: Sweeping, progress: Callable[[str], None] = lambda text: None
) -> Progress:
    """Measure every row of a store that is left, and return how far it is then.

    Raises RunInterruptedError on Ctrl-C; the rows measured by then are in the store.
    """
    name = this_process().name
    devices, missing = _devices_here(store)
    for note in missing:
        progress(note)
    try:
        with Worker(how.timing) as worker:
            Loop(store, how, worker, name, progress).run(devices)
    except KeyboardInterrupt:
        give_back(store, name)
        raise interrupted(store) from None
    except BaseException:
        give_back(store, name)
        raise
    return replace(store.progress(), notes=tuple(missing))


def interrupted(store: Store) -> RunInterruptedError:
    """Return the error of a sweep that Ctrl-C ended."""
    its = store.progress()
    return RunInterruptedError(
        f"interrupted: {its.rows - its.left:,} of {its.rows:,} rows are in {store.path}; the "
        "same command goes on from there"
    )


def _devices_here(store: Store) -> tuple[list[str], list[str]]:
    """Return the devices of rows that are here, and in words which are not.

    Rows of those are left for other machines. Raises UnavailableError where none of them is here.
    """
    here, missing = [], []
    for device in store.devices():
        try:
            resolved_device(device)
            here.append(device)
        except UnavailableError as error:
            missing.append(error)
    if missing and not here:
        raise missing[0]
    return here, [f"{reason}; its rows are left" for reason in missing]


def give_back(store: Store, name: str) -> None:
    """Let others measure what this sweep leaves; if that cannot be, they see that it is gone."""
    with suppress(StoreError):
        store.give_back(name)


class Hand(Protocol):
    """What times rows and the reference: a worker here, or on another machine."""

    def tried(self, planned: Planned, seed: int = 0) -> Tried: ...  # noqa: D102

    def reference(self, device: str) -> Tried: ...  # noqa: D102


class Loop:
    """One run of a sweep: when the reference was timed last, and what it took."""

    def __init__(
        self,
        store: Store,
        how: Sweeping,
        worker: Hand,
        name: str,
        progress: Callable[[str], None],
    ) -> None:
        self.store, self.how, self.worker, self.name = store, how, worker, name
        self.progress = progress
        self.said_at = float("-inf")
        self.referred_at: dict[str, float] = {}  # by device
        self.reference_s: dict[str, list[float]] = {}

    def run(self, devices: Collection[str]) -> None:
        """Time one row after the other of those that ask for one of these devices."""
        number, for_s = 0, self.how.timing.longest_s
        while leased := self.store.lease(self.name, for_s, devices):
            row_id, planned = leased
            self._refer(planned.device, self.how.reference_s)
            self._record(row_id, self.worker.tried(planned, seed=number))
            number += 1
            if time.monotonic() - self.said_at >= SAY_S:
                self._say()
        for device in self.referred_at:  # the last drift is known too
            self._refer(device, self.how.reference_s / 10)
        if number:
            self._say()

    def _record(self, row_id: int | None, tried: Tried) -> None:
        self.store.record(row_id, self.name, tried.environment, tried.outcome, tried.machine)

    def _refer(self, device: str, every_s: float) -> None:
        """Time the reference on a device, if that was not done for so long."""
        last = self.referred_at.get(device, float("-inf"))
        if not self.how.reference_s or time.monotonic() - last < every_s:
            return
        tried = self.worker.reference(device)
        self._record(None, tried)
        if tried.outcome.measurement:
            self.reference_s.setdefault(device, []).append(tried.outcome.measurement.median)
        self.referred_at[device] = time.monotonic()

    def _say(self) -> None:
        its = self.store.progress()
        self.progress(said(replace(its, workers=its.workers + 1)) + self._drift())  # and this one
        self.said_at = time.monotonic()

    def _drift(self) -> str:
        """Return how much longer the reference takes than at the beginning, in words."""
        drifts = [taken[-1] / taken[0] - 1 for taken in self.reference_s.values() if taken[1:]]
        return f", the machine's drift is {max(drifts, key=abs):+.1%}" if drifts else ""


def said(its: Progress) -> str:
    """Return how far a sweep is, in words.

    >>> said(Progress(rows=1200, done=298, failed=2, refused=0, left=900, row_s=2.0))
    '300 of 1,200 rows, 2 failed, about 30 min left'
    """
    text = f"{units.integer(its.rows - its.left)} of {units.integer(its.rows)} rows"
    if its.failed:
        text += f", {units.integer(its.failed)} failed"
    if its.refused:
        text += f", {units.integer(its.refused)} have no closed form"
    if its.left and its.left_s is not None:
        text += f", about {units.about_duration(its.left_s)} left"
    return text
