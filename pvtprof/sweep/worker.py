"""A worker of a sweep: it times one row after the other, each in a fresh fork of a warm process.

It knows no store. Whatever happens to a row is an outcome, and the next row can be timed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pvtprof import units
from pvtprof.designs.design import TargetDesign
from pvtprof.designs.words import ROW_BUDGET_S, ROW_LIMIT_S
from pvtprof.errors import DeviceMemoryError, ProcessDiedError, SpecError, UnavailableError
from pvtprof.observe.deadline import SLOWEST_S
from pvtprof.observe.environment import environment, free_bytes
from pvtprof.observe.machine import Environment
from pvtprof.observe.measurement import Measurement
from pvtprof.run import recipes
from pvtprof.run.observer import OUT_OF_MEMORY
from pvtprof.run.row import Row
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.stored import Outcome, machine_of
from pvtprof.sweep.timed import NAME, LateError, TimedRow

if TYPE_CHECKING:
    from pvtprof.observe.sides import Setup, Side

#: So many warm processes are kept; the one that was used least lately is ended for another.
MOST_WARM = 4
#: The work that stands for the machine, and the seconds that it is timed.
REFERENCE, REFERENCE_S = "reference", 0.5
KILLED = (
    "the system killed its process (signal 9), as it does where memory runs out; use a smaller "
    "--img or --batch, or close other programs"
)


@dataclass(frozen=True, slots=True)
class Timing:
    """How the rows of a sweep are timed: seconds for each, and seconds until it is given up."""

    budget_s: float = ROW_BUDGET_S
    limit_s: float = ROW_LIMIT_S

    def __post_init__(self) -> None:
        for name, seconds in (("budget", self.budget_s), ("limit", self.limit_s)):
            if not 0 < seconds < float("inf"):
                raise SpecError(f"{name} is {seconds!r} s; use more than 0")

    @property
    def longest_s(self) -> float:
        """No row takes longer, the start of processes that died included."""
        return 2 * (self.limit_s + SLOWEST_S)


@dataclass(frozen=True, slots=True)
class Tried:
    """One try: its outcome, and where it was made."""

    environment: Environment
    machine: str
    outcome: Outcome


class Worker:
    """Times rows and the reference; a context manager that ends what it started.

    It is to be used by one thread, which has to live as long: Linux ends the processes with the
    thread that started them.
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self._warm: dict[Setup, tuple[ExitStack, Side]] = {}
        self._known: dict[tuple[str, int], tuple[Environment, str]] = {}

    def __enter__(self) -> Worker:
        if not hasattr(os, "fork"):
            raise UnavailableError(
                "times are taken in forked processes, which this system does not have; closed "
                "forms alone can be had with -o rows.csv"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for setup in list(self._warm):
            self._end(setup)

    def tried(self, planned: Planned, seed: int = 0, beside: Planned | None = None) -> Tried:
        """Return what one try of a row gave; ``beside`` is timed in the same rounds."""
        return self._tried(
            planned.device, planned.threads, lambda: self._row(planned, seed, beside)
        )

    def reference(self, device: str) -> Tried:
        """Return what the reference takes now, by which the drift of the machine is seen."""

        def timed() -> tuple[Measurement, float]:
            setup = _setup(device=device, threads=self._own_threads())
            return self._timed(setup, [REFERENCE], min(REFERENCE_S, self.timing.budget_s), 0)

        found = self._tried(device, 0, timed)
        return replace(found, outcome=replace(found.outcome, is_reference=True))

    def _tried(
        self, device: str, threads: int, timed: Callable[[], tuple[Measurement, float]]
    ) -> Tried:
        begin = time.perf_counter()
        where, machine = self._where(device, threads)
        found: dict[str, Any]
        try:
            measurement, timing_s = timed()
            found = {"measurement": measurement, "timing_s": timing_s}
        except DeviceMemoryError:
            found = {"failure": OUT_OF_MEMORY}
        except Exception as error:  # of a user's module, or of what nobody thought of: it is said
            found = {"failure": _said(error)}
        return Tried(where, machine, Outcome(**found, spent_s=time.perf_counter() - begin))

    def _where(self, device: str, threads: int) -> tuple[Environment, str]:
        """Return the environment of a row, and the machine; a device is asked once."""
        if (device, threads) not in self._known:
            own = self._own_threads()
            try:
                found = environment(device, timed=True)
            except UnavailableError:  # which every row on it will say
                found = replace(environment(), device=f"{device} (not available)")
            self._known[device, threads] = (
                replace(found, threads=threads or own),
                machine_of(found, own),
            )
        return self._known[device, threads]

    def _own_threads(self) -> int:
        import torch

        return torch.get_num_threads()

    def _row(
        self, planned: Planned, seed: int, beside: Planned | None
    ) -> tuple[Measurement, float]:
        """Return the time of a row, and the seconds of the timing."""
        rows = [one.row() for one in (planned, beside) if one is not None]
        _check_memory(rows, planned.device)
        row = rows[0]
        threads = planned.threads or self._own_threads()
        setup = _setup(
            dtype=row.setting.dtype,
            mode=row.setting.mode,
            optimizer=row.setting.optimizer,
            amp=row.setting.amp,
            device=planned.device,
            threads=threads,
        )
        return self._timed(setup, [_recipe(one) for one in rows], self.timing.budget_s, seed)

    def _timed(
        self, setup: Setup, recipes: Sequence[Any], budget_s: float, seed: int
    ) -> tuple[Measurement, float]:
        """Time what the first recipe builds, beside that of a second one if there is one.

        Once more where the warm process died meanwhile.
        """
        for attempt in (1, 2):
            side = self._side(setup, again=attempt == 1)
            deadline = time.perf_counter() + self.timing.limit_s
            timing = TimedRow(side, deadline)
            try:
                return timing.measured(recipes, budget_s, setup.device, seed)
            except UnavailableError as error:
                died = isinstance(error, ProcessDiedError) and error.status is None
                is_late = side.stuck or isinstance(error, LateError)
                if died or side.stuck:
                    self._end(setup)
                if is_late and (taken := timing.taken):  # until then
                    return replace(taken, stopped="budget"), timing.spent_s
                if is_late:
                    raise UnavailableError(self._late()) from None
                if not died or attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _late(self) -> str:
        return (
            f"it took longer than {self.timing.limit_s:g} s; raise --limit if it is slow, and not "
            "stuck"
        )

    def _side(self, setup: Setup, again: bool) -> Side:
        """Return the warm process of a setup, started where there is none.

        ``again``: once more where it dies meanwhile.
        """
        from pvtprof.observe.sides import sides

        if setup in self._warm:
            self._warm[setup] = self._warm.pop(setup)  # the last in order is the last used
            return self._warm[setup][1]
        while len(self._warm) >= MOST_WARM:
            self._end(next(iter(self._warm)))
        stack = ExitStack()
        try:
            (side,) = stack.enter_context(sides({NAME: setup}))
        except ProcessDiedError:
            if not again:
                raise
            return self._side(setup, again=False)
        self._warm[setup] = stack, side
        return side

    def _end(self, setup: Setup) -> None:
        stack, _ = self._warm.pop(setup)
        stack.close()


def _recipe(row: Row) -> Any:
    if isinstance(row.design, TargetDesign):
        return recipes.of_target(row.design, row.setting)
    return recipes.of_row(row)


def _setup(**words: Any) -> Setup:
    from pvtprof.observe.sides import Setup

    return Setup(str(Path(__file__).parents[2]), **words)


def _check_memory(rows: Sequence[Row], device: str) -> None:
    """Raise UnavailableError for rows that need more memory than is free, before they are built.

    Of two, one runs at a time.
    """
    held = sum(row.params * row.setting.bytes_each + _input_bytes(row) for row in rows)
    needed = held + max(row.peak.bytes for row in rows)
    free = free_bytes(device)
    if needed > free:
        raise UnavailableError(f"needs {units.size(needed)}, {units.size(free)} free")


def _input_bytes(row: Row) -> int:
    """Return the bytes of the input of a row; 0 for a module whose input is not known here."""
    if isinstance(row.design, TargetDesign):
        return 0
    setting = row.setting
    elements = row.design.spec.in_chans * setting.height * setting.width
    if row.tokens is not None and row.dim is not None:
        elements = row.tokens * row.dim
    return setting.batch * elements * setting.bytes_each


def _said(error: Exception) -> str:
    """Return why a row has no time, in one line."""
    if isinstance(error, ProcessDiedError) and error.status == -9:
        return KILLED
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    text = " ".join(str(error).split()).removeprefix(f"{NAME}: ")
    return text if isinstance(error, UnavailableError | SpecError) else _named(error, text)


def _named(error: Exception, text: str) -> str:
    return f"{type(error).__name__}: {text}".rstrip(": ")
