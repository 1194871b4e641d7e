"""Counters, meters and the clock, run over the rows of one comparison, part by part."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from pvtprof import units
from pvtprof.designs.part import Part
from pvtprof.designs.setting import Setting
from pvtprof.errors import DeviceLostError, DeviceMemoryError, SpecError, UnavailableError
from pvtprof.observe.environment import free_bytes
from pvtprof.observe.measurement import Measurement
from pvtprof.observe.witness import Count
from pvtprof.run import on_card, recipes
from pvtprof.run.measuring import Measuring, Progress
from pvtprof.run.row import Row
from pvtprof.run.rows import with_profile
from pvtprof.run.witnesses import witnessed
from pvtprof.run.witnesses.witness import Witness

if TYPE_CHECKING:
    from pvtprof.observe.sides import Side
    from pvtprof.observe.subject import Subject

Key: TypeAlias = tuple[Part, str]  # of a row within its comparison: its part and its design
OUT_OF_MEMORY = "ran out of memory; close other programs or use a smaller --img"
#: Share of the measuring budget for the whole models; the rest is for the attention of the stages.
MODEL_SHARE = 0.5
#: Of what is for a stage, the share for its operators, one by one; and so many seconds in any case.
OPERATORS_SHARE, OPERATORS_S = 0.1, 0.2


def subject_of(row: Row) -> Subject:
    """Return how to build the module of a row."""
    from pvtprof.observe.subject import attention_subject, model_subject

    spec, number = row.design.spec, row.part.stage
    if number is None or row.grid is None or row.tokens is None:
        return model_subject(spec, row.setting)
    stage = spec.stages[number - 1]
    return attention_subject(stage, row.grid, row.tokens, row.setting, spec.pool_size)


def check_addressable(rows: Sequence[Row]) -> None:
    """Raise SpecError if a tensor would have more bytes than 64 bits can address."""
    for row in rows:
        if row.tokens and row.kv_tokens and row.num_heads:
            scores = row.setting.batch * row.num_heads * row.tokens * row.kv_tokens
            if scores * row.setting.bytes_each >= 2**62:
                raise SpecError(
                    f"{row.name}: the scores alone have {units.integer(scores)} elements, past "
                    "what torch can address; use a smaller --img, --batch or --pool-size, "
                    "or --analytic"
                )


class Observer:
    """Runs every witness over the rows of one comparison: one model, one setting.

    ``rows`` holds what was seen so far, also after Ctrl-C. ``share`` is the part of the budget that
    is for this comparison.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        measuring: Measuring,
        share: float,
        progress: Progress,
    ) -> None:
        self.rows = {(row.part, row.design.name): row for row in rows}
        self.setting: Setting = rows[0].setting
        self.asked_s = measuring.budget_s
        self.budget_s = share * measuring.budget_s
        self.clock: Side | None = None
        self.progress = progress
        self.left_s = 0.0
        self.failure: str | None = None  # why a GPU could not be asked to the end

    def observe(self, clock: Side | None) -> None:
        """Let every counter and the clock observe every row; without ``clock`` no latency is taken.

        On a GPU the process of ``clock`` is asked for all that needs real tensors there: this one
        keeps off the GPU.
        """
        self.clock = clock
        for part in dict.fromkeys(row.part for row in list(self.rows.values())):
            self._observe_part(part)

    def interrupt(self) -> None:
        """Say of every row that was not measured that the run was interrupted."""
        for key, row in self.rows.items():
            if row.latency is None and row.not_run is None:
                self.rows[key] = replace(row, not_run="interrupted")

    def _observe_part(self, part: Part) -> None:
        keys = [key for key in self.rows if key[0] == part]
        for key in keys:
            row = self.rows[key]
            self.progress(f"counting {row.name}")
            subject = subject_of(row)
            row = self.rows[key] = self._without_memory(row, subject)
            if row.not_run is None and not self.setting.on_cuda:
                with self._out_of_memory_is_said(key), subject.held(self.setting.device):
                    self.rows[key] = self._watched(row, subject, on_real=True)
        self._time(part, {row.name: key for key in keys if not (row := self.rows[key]).not_run})

    @contextmanager
    def _out_of_memory_is_said(self, key: Key) -> Iterator[None]:
        """Record in the row that memory ran out, and let the run continue."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "memory" not in str(error):
                raise
            self.rows[key] = replace(self.rows[key], not_run=OUT_OF_MEMORY)

    def _without_memory(self, row: Row, subject: Subject) -> Row:
        """Return the row with what needs no memory, and whether there is enough for the rest."""
        row = self._watched(row, subject, on_real=False)
        needed = row.witnesses["peak bytes"].counted + subject.resident_bytes()
        free = free_bytes(self.setting.device)
        if needed <= free:
            return row
        return replace(row, not_run=f"needs {units.size(needed)}, {units.size(free)} free")

    def _watched(self, row: Row, subject: Subject, on_real: bool) -> Row:
        """Return the row with the counts of witnesses that need real tensors, or of the others."""

        def seen(witness: Witness) -> Count | None:
            if witness.watch is None or witness.on_real != on_real:
                return None
            return witness.watch(subject, self.setting)

        return witnessed(row, seen)

    def _share(self, part: Part) -> float:
        """Return the part of the budget for one part of the designs."""
        stages = {row.part for row in self.rows.values() if row.part.stage is not None}
        return MODEL_SHARE if part.stage is None else (1 - MODEL_SHARE) / len(stages)

    def _time(self, part: Part, ready: Mapping[str, Key]) -> None:
        """Time the rows that are ready, by their names, together."""
        if not ready:
            return
        if self.failure:
            return self._not_run(ready.values(), self.failure)
        self.left_s += self._share(part) * self.budget_s
        begin = time.perf_counter()
        measured: dict[str, Measurement] = {}
        reason: str | None = None
        try:
            if self.clock:
                self._measure(self.clock, part, ready, measured)
        except DeviceMemoryError:
            reason = OUT_OF_MEMORY
        except DeviceLostError as error:
            reason = self.failure = f"the GPU failed: {error}"
        except UnavailableError as error:
            reason = str(error)
        finally:
            self.left_s = max(0.0, self.left_s - (time.perf_counter() - begin))
            for name, key in ready.items():
                if name in measured:
                    self.rows[key] = replace(self.rows[key], latency=measured[name])
        self._untaken(part, {name: ready[name] for name in ready if name not in measured}, reason)

    def _untaken(self, part: Part, late: Mapping[str, Key], reason: str | None) -> None:
        """Say why rows were not timed; on a GPU without memory for all, try without the largest."""
        on_cuda = self.setting.on_cuda
        if reason == OUT_OF_MEMORY and on_cuda and len(late) > 1:
            largest = max(late, key=lambda name: self.rows[late[name]].peak.bytes)
            self._not_run([late[largest]], reason)
            self._time(part, {name: key for name, key in late.items() if name != largest})
        elif reason or self.budget_s or not on_cuda:
            out_of_time = f"no time left to measure; raise --budget ({self.asked_s:g} s)"
            self._not_run(late.values(), reason or out_of_time)

    def _not_run(self, keys: Iterable[Key], reason: str) -> None:
        for key in keys:
            if self.rows[key].not_run is None:
                self.rows[key] = replace(self.rows[key], not_run=reason)

    def _ask_the_card(self, clock: Side, built: Container[str], ready: Mapping[str, Key]) -> None:
        """Ask the process on the GPU what it observes of each row, beside times."""
        for name, key in ready.items() if self.setting.on_cuda else ():
            if name in built:
                self.rows[key] = on_card.watched(clock, self.rows[key])
            else:
                self._not_run([key], OUT_OF_MEMORY)

    def _measure(
        self,
        clock: Side,
        part: Part,
        ready: Mapping[str, Key],
        measured: dict[str, Measurement],
    ) -> None:
        from pvtprof.observe import latency

        name = "whole model" if part.stage is None else f"attention of {part}"
        self.progress(f"timing {name} ({self.left_s:.0f} s at most)")
        begin = time.perf_counter()
        by_operator = part.stage is not None and self.setting.mode == "inference"
        whole_s = self.left_s * (1 - OPERATORS_SHARE * by_operator)
        rows = {name: recipes.of_row(self.rows[key]) for name, key in ready.items()}
        with clock.forked(rows, may_lack=self.setting.on_cuda) as samplers:
            self._ask_the_card(clock, samplers, ready)
            if not self.budget_s or not samplers:
                return
            latency.measure(
                samplers,
                latency.Plan(
                    whole_s,
                    self.setting.device,
                    progress=lambda text: self.progress(f"timing {name}, {text}"),
                ),
                keep=measured,
            )
            if by_operator:
                self._time_operators(clock, ready, measured, begin + self.left_s)

    def _time_operators(
        self,
        clock: Side,
        ready: Mapping[str, Key],
        measured: Mapping[str, Measurement],
        until: float,
    ) -> None:
        """Time each operator of the timed modules in context, as far as the time allows."""
        from pvtprof.observe.sides import FEWEST_PROFILED

        until = max(until, time.perf_counter() + OPERATORS_S)
        for name, measurement in measured.items():
            if time.perf_counter() + FEWEST_PROFILED * measurement.median < until:
                profile = clock.profile(name, measurement.median)
                self.rows[ready[name]] = with_profile(self.rows[ready[name]], profile)
