"""The witnesses and the clock, run over modules of the user's own."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pvtprof import units
from pvtprof.errors import DeviceMemoryError, UnavailableError
from pvtprof.observe.environment import free_bytes
from pvtprof.observe.measurement import Measurement
from pvtprof.observe.witness import Count
from pvtprof.run import target_rows
from pvtprof.run.measuring import Measuring, Progress
from pvtprof.run.observer import OUT_OF_MEMORY
from pvtprof.run.recipes import from_here, of_target
from pvtprof.run.row import Row
from pvtprof.run.targets import Target

if TYPE_CHECKING:
    from pvtprof.observe.sides import Side

#: Why a module that was given in Python is not timed, and the way out.
NOT_IMPORTABLE = (
    "the timed process cannot import its class from where it was written; put it into a file, and "
    'give "file.py:factory"'
)


class TargetObserver:
    """Runs every witness over some modules, and times them together.

    ``rows`` holds what was seen so far, also after Ctrl-C: of each module the whole first, then
    its submodules.
    """

    def __init__(
        self, targets: Sequence[Target], depth: int, measuring: Measuring, progress: Progress
    ) -> None:
        self.targets = {target.design.name: target for target in targets}
        self.rows: dict[str, list[Row]] = {
            name: list(target_rows.rows(target, depth)) for name, target in self.targets.items()
        }
        self.measuring, self.progress = measuring, progress

    def observe(self, clock: Side | None) -> None:
        """Let every witness see every module, and ``clock`` time them."""
        for name, target in self.targets.items():
            self.progress(f"counting {name}")
            self._watched(name, target_rows.WATCHES)
            needed = target.subject.resident_bytes() + (self.rows[name][0].peak.bytes)
            free = free_bytes("cpu")  # where fvcore runs, and the clock of a processor
            if needed > free:
                self._not_run(name, f"needs {units.size(needed)}, {units.size(free)} free")
            else:
                self._watched(name, target_rows.ON_REAL)
        if clock and self.measuring.budget_s:
            self._time(clock)
        else:
            for name in self.rows:
                self._not_run(name, "no time left to measure; raise --budget (0 s)")

    def interrupt(self) -> None:
        """Say of every module that was not measured that the run was interrupted."""
        for name, (whole, *_) in self.rows.items():
            if whole.latency is None:
                self._not_run(name, "interrupted")

    def _watched(self, name: str, watches: Mapping[str, Callable[[Target], Count]]) -> None:
        target = self.targets[name]
        for witness, watch in watches.items():
            if witness == "saved bytes" and target.setting.mode != "training":
                continue
            try:
                count = watch(target)
            except Exception as error:  # a user's module may raise anything
                self._remark(name, f"{witness} could not watch it: {_said(error)}")
            else:
                its = self.rows[name]
                self.rows[name] = target_rows.witnessed(target, its, witness, count)

    def _remark(self, name: str, text: str) -> None:
        whole, *parts = self.rows[name]
        self.rows[name] = [replace(whole, remarks=(*whole.remarks, text)), *parts]

    def _not_run(self, name: str, reason: str) -> None:
        whole, *parts = self.rows[name]
        if whole.not_run is None and whole.latency is None:
            self.rows[name] = [replace(whole, not_run=reason), *parts]

    def _time(self, clock: Side) -> None:
        with TemporaryDirectory(prefix="pvtprof-") as folder:
            recipes: dict[str, Any] = {}
            for name, (whole, *_) in self.rows.items():
                try:
                    if whole.not_run is None:
                        recipes[name] = recipe(self.targets[name], Path(folder, f"{len(recipes)}"))
                except UnavailableError as error:
                    self._not_run(name, str(error))
            self._time_together(clock, self._buildable(clock, recipes))

    def _buildable(self, clock: Side, recipes: Mapping[str, Any]) -> dict[str, Any]:
        """The recipes that the timed process can build; the others' rows say why not."""
        found = {}
        for name, its in recipes.items():
            with self._failure_is_said([name]), clock.forked({name: its}):
                found[name] = its
        return found

    @contextmanager
    def _failure_is_said(self, names: Sequence[str]) -> Iterator[None]:
        try:
            yield
        except DeviceMemoryError:
            for name in names:
                self._not_run(name, OUT_OF_MEMORY)
        except UnavailableError as error:
            for name in names:
                self._not_run(name, str(error))

    def _time_together(self, clock: Side, recipes: Mapping[str, Any]) -> None:
        from pvtprof.observe import latency

        if not recipes:
            return
        budget_s, taken = self.measuring.budget_s, dict[str, Measurement]()
        device = next(iter(self.targets.values())).setting.device
        self.progress(f"timing {', '.join(recipes)} ({budget_s:.0f} s at most)")
        try:
            with self._failure_is_said(list(recipes)), clock.forked(recipes) as samplers:
                plan = latency.Plan(
                    budget_s, device, progress=lambda text: self.progress(f"timing, {text}")
                )
                latency.measure(samplers, plan, keep=taken)
        finally:
            for name, measurement in taken.items():
                whole, *parts = self.rows[name]
                self.rows[name] = [replace(whole, latency=measurement), *parts]
        for name in recipes:
            self._not_run(name, f"no time left to measure; raise --budget ({budget_s:g} s)")


def recipe(target: Target, path: Path) -> dict[str, Any]:
    """How a worker builds a module: by its target, or from what is pickled into ``path``.

    Raises UnavailableError where it could do neither.
    """
    if target.design.target:
        return of_target(target.design, target.setting)
    subject = target.subject
    if any(type(inner).__module__ == "__main__" for inner in subject.module.modules()):
        raise UnavailableError(NOT_IMPORTABLE)
    import torch

    try:
        torch.save(subject.real("cpu"), path)
    except (pickle.PicklingError, AttributeError, TypeError):  # a class within a function
        raise UnavailableError(NOT_IMPORTABLE) from None
    return {**from_here(), "pickled": str(path)}


def _said(error: Exception) -> str:
    from pvtprof.observe.target import said

    return str(error) if isinstance(error, UnavailableError) else said(error)
