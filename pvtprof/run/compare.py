"""The join: what the closed forms say, beside what the witnesses saw, row by row."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pvtprof import units
from pvtprof.analytic.parts import CONVENTIONS, allocated_peak, formula_by_module, row_terms
from pvtprof.designs.part import PLACES, Scope
from pvtprof.designs.published import DEFAULT_MODEL
from pvtprof.designs.setting import DEFAULT_BUDGET_S, DTYPES, Workload, workload
from pvtprof.designs.spec import DEFAULT_POOL_SIZE, VARIANTS
from pvtprof.errors import SpecError, UnavailableError
from pvtprof.observe.environment import environment, free_bytes
from pvtprof.observe.measurement import Measurement
from pvtprof.observe.witness import Count
from pvtprof.predict.calibration import Calibration
from pvtprof.run import recipes
from pvtprof.run.command import command
from pvtprof.run.predictions import predicted
from pvtprof.run.row import Agreement, Allocated, Row
from pvtprof.run.rows import analytic_rows, with_profile
from pvtprof.run.run import Run

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pvtprof.observe.sides import Side
    from pvtprof.observe.subject import Subject

Progress = Callable[[str], None]
OUT_OF_MEMORY = "ran out of memory; close other programs or use a smaller --img"
#: Share of the measuring budget for the attention of each stage (1 to 4) and for the whole model.
SHARES = {1: 0.125, 2: 0.125, 3: 0.125, 4: 0.125, None: 0.5}
#: Of what is for a stage, the share for its operators, one by one; and so many seconds in any case.
OPERATORS_SHARE, OPERATORS_S = 0.1, 0.2


def compare(
    model: str = DEFAULT_MODEL,
    img: int | tuple[int, int] = 224,
    sr_ratios: Sequence[int] | None = None,
    *,
    batch: int = 1,
    dtype: str = "float32",
    device: str = "auto",
    attention: str = "eager",
    mode: str = "inference",
    pool_size: int = DEFAULT_POOL_SIZE,
    budget_s: float = DEFAULT_BUDGET_S,
    cuda_graph: bool = False,
    analytic: bool = False,
    calibration: Calibration | None = None,
    progress: Progress = lambda text: None,
) -> Run:
    """Return the cost of ``mha``, ``sra_conv`` and ``sra_pool`` in every stage of a PVT model.

    By closed form, by two independent counters (fvcore; torch's flop counter) and by the clock.
    ``img`` in pixels: side, or (height, width). ``sr_ratios``: four R for ``sra_conv`` (default:
    the model's own). ``budget_s`` bounds the measuring; 0 measures no latency. ``cuda_graph`` times
    a CUDA graph's replay too, which waits for no launch (inference on a GPU). ``analytic`` gives
    the closed forms alone and does not import torch. ``calibration`` predicts the latency of every
    row (inference). ``progress`` is told what is being done.

    PVT v1 is the published network, with position embeddings stored for 224x224 and resized.
    Raises SpecError for what cannot be, UnavailableError where there is no such device. Ctrl-C
    ends the measuring and returns what there is; ``Run.interrupted`` says so.

    >>> run = compare("pvt_v2_b2", img=224, sr_ratios=(8, 4, 2, 1), analytic=True)
    >>> run.row(1, "mha").kv_tokens, run.row(1, "sra_conv").kv_tokens
    (3136, 49)
    """
    if not isinstance(budget_s, int | float) or not 0 <= budget_s < float("inf"):
        raise SpecError(f"budget is {budget_s!r} s; use 0 or more, such as 30")
    work = workload(
        model, img, sr_ratios, batch=batch, dtype=dtype, attention=attention, mode=mode,
        pool_size=pool_size,
    )  # fmt: skip
    rows = analytic_rows(work)
    ceilings = None
    if calibration and mode == "inference" and calibration.dtype == dtype:
        rows, ceilings = predicted(work, rows, calibration), calibration.ceilings
    if analytic:
        return Run(work, environment(), rows, command(work, budget_s), ceilings=ceilings)
    _check_addressable(work, rows)
    from pvtprof.observe.subject import check_settings, resolved_device, with_autograd

    work = replace(work, device=resolved_device(str(device)))
    check_settings(work)
    if cuda_graph and (not work.device.startswith("cuda") or mode != "inference"):
        raise SpecError(
            f"a CUDA graph is of inference on a GPU; this is {mode} on {work.device}: "
            "leave --cuda-graph"
        )
    observer = _Observer(work, rows, budget_s, cuda_graph, progress)
    with with_autograd():
        rows = observer.observed()
    words = command(work, budget_s) + " --cuda-graph" * cuda_graph
    here = environment(work.device, timed=budget_s > 0)
    return Run(work, here, rows, words, observer.interrupted, ceilings)


def _check_addressable(workload: Workload, rows: Sequence[Row]) -> None:
    """Raise where a tensor would have more bytes than 64 bits can address."""
    for row in rows:
        if row.tokens and row.kv_tokens and row.num_heads:
            scores = workload.batch * row.num_heads * row.tokens * row.kv_tokens
            if scores * DTYPES[workload.dtype] >= 2**62:
                raise SpecError(
                    f"{row.scope}: the scores alone have {units.integer(scores)} elements, past "
                    "what torch can address; use a smaller --img, --batch or --pool-size, "
                    "or --analytic"
                )


def subject_of(workload: Workload, row: Row) -> Subject:
    """How to build what a row is about."""
    from pvtprof.observe.subject import attention_subject, model_subject

    network = workload.spec(row.scope.variant)
    if row.scope.stage is None or row.grid is None or row.tokens is None:
        return model_subject(
            network, (workload.height, workload.width), workload.batch,
            workload.dtype, workload.attention,
        )  # fmt: skip
    return attention_subject(
        network.stages[row.scope.stage - 1], row.grid, row.tokens,
        workload.batch, workload.dtype, workload.attention, workload.pool_size,
    )  # fmt: skip


class _Observer:
    """Runs every witness over the rows of one workload, stage by stage."""

    def __init__(
        self,
        workload: Workload,
        rows: Sequence[Row],
        budget_s: float,
        cuda_graph: bool,
        progress: Progress,
    ) -> None:
        self.workload = workload
        self.rows = {row.scope: row for row in rows}
        self.budget_s = budget_s
        self.cuda_graph = cuda_graph
        self.left_s = 0.0
        self.training = workload.mode == "training"
        self.clock: Side | None = None
        self.progress = progress
        self.interrupted = False

    def observed(self) -> tuple[Row, ...]:
        """The rows, with all that the witnesses saw until the end, or until Ctrl-C."""
        from pvtprof.observe.sides import clock_side

        try:
            with ExitStack() as stack:
                if self.budget_s:
                    self.clock = stack.enter_context(clock_side(self.workload, self.cuda_graph))
                for stage in PLACES:
                    self._observe_stage(stage)
        except KeyboardInterrupt:
            self.interrupted = True
            for scope, row in self.rows.items():
                if row.latency is None and row.not_run is None:
                    self.rows[scope] = replace(row, not_run="interrupted")
        return tuple(self.rows.values())

    def _observe_stage(self, stage: int | None) -> None:
        ready: list[Scope] = []
        for variant in VARIANTS:
            scope = Scope(stage, variant)
            self.progress(f"counting {scope}")
            subject = subject_of(self.workload, self.rows[scope])
            self.rows[scope] = row = self._without_memory(self.rows[scope], subject)
            if row.not_run is None:
                with self._out_of_memory_is_said(scope):
                    self._on_real_tensors(scope, subject)
                    ready.append(scope)
        self._time(stage, ready)

    def _on_real_tensors(self, scope: Scope, subject: Subject) -> None:
        from pvtprof.observe import fvcore

        module, inputs = subject.real(self.workload.device)
        self._count(scope, "fvcore", fvcore.count(module, *inputs))
        if self.workload.device.startswith("cuda") and not self.training:
            self._ask_allocator(scope, module, inputs)

    def _ask_allocator(self, scope: Scope, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        from pvtprof.observe import live_bytes, worker

        call = worker.call_of(module, inputs, self.workload.mode)
        observed = live_bytes.allocated(call, self.workload.device)
        both = Allocated(allocated_peak(self.workload, scope), observed)
        self.rows[scope] = replace(self.rows[scope], allocated=both)

    @contextmanager
    def _out_of_memory_is_said(self, scope: Scope) -> Iterator[None]:
        """Others may take the memory that was free: then the row says so and the run goes on."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "memory" not in str(error):
                raise
            self.rows[scope] = replace(self.rows[scope], not_run=OUT_OF_MEMORY)

    def _without_memory(self, row: Row, subject: Subject) -> Row:
        """What needs no memory (torch's count, params, peak), and whether the rest may start."""
        self._count(row.scope, "torch", subject.torch_count())
        step, saved = subject.step()
        peak = step.peak if self.training else subject.forward().peak
        needs, free = peak.bytes + subject.resident_bytes(), free_bytes(self.workload.device)
        refusal = f"needs {units.size(needs)}, {units.size(free)} free" if needs > free else None
        return replace(
            self.rows[row.scope],
            params_counted=subject.params(),
            peak_observed=peak,
            saved_observed_bytes=saved,
            not_run=refusal,
        )

    def _count(self, scope: Scope, witness: str, count: Count) -> None:
        """Put a count beside its formula."""
        row = self.rows[scope]
        formula = formula_by_module(row_terms(self.workload, scope), CONVENTIONS[witness])
        agreement = joined(formula, count)
        self.rows[scope] = replace(row, counts={**row.counts, witness: agreement})

    def _time(self, stage: int | None, ready: Sequence[Scope]) -> None:
        from pvtprof.observe import latency

        if not ready:
            return
        self.left_s += SHARES[stage] * self.budget_s
        name = "whole model" if stage is None else f"attention of stage {stage}"
        begin = time.perf_counter()
        by_operator = stage is not None and not self.training
        whole_s = self.left_s * (1 - OPERATORS_SHARE * by_operator)
        taken: dict[str, Measurement] = {}
        reason = f"no time left to measure; raise --budget ({self.budget_s:g} s)"
        try:
            if self.clock:
                self.progress(f"timing {name} ({self.left_s:.0f} s at most)")
                rows = {str(s): recipes.of_row(self.workload, self.rows[s]) for s in ready}
                with self.clock.forked(rows) as samplers:
                    latency.measure(
                        samplers, whole_s, self.workload.device, keep=taken,
                        progress=lambda said: self.progress(f"timing {name}, {said}"),
                    )  # fmt: skip
                    if by_operator:
                        self._time_operators(self.clock, taken, begin + self.left_s)
        except UnavailableError as error:
            reason = OUT_OF_MEMORY if "memory" in str(error) else str(error)
        finally:
            self.left_s = max(0.0, self.left_s - (time.perf_counter() - begin))
            for scope in ready:
                if str(scope) in taken:
                    self.rows[scope] = replace(self.rows[scope], latency=taken[str(scope)])
        for scope in ready:
            if str(scope) not in taken:
                self.rows[scope] = replace(self.rows[scope], not_run=reason)

    def _time_operators(self, clock: Side, taken: Mapping[str, Measurement], until: float) -> None:
        """Each operator of the modules that were timed, in context, as far as that ends in time."""
        from pvtprof.observe.sides import FEWEST_PROFILED

        until = max(until, time.perf_counter() + OPERATORS_S)
        for scope, row in self.rows.items():
            if (measurement := taken.get(str(scope))) is None:
                continue
            if time.perf_counter() + FEWEST_PROFILED * measurement.median < until:
                profile = clock.profile(str(scope), measurement.median)
                self.rows[scope] = with_profile(self.workload, row, profile)


def joined(formula: Mapping[str, int], count: Count) -> Agreement:
    """A formula beside a count, by module; one that only one of them knows is 0 in the other."""
    modules = dict.fromkeys((*formula, *count.by_module))
    by_module = {name: (formula.get(name, 0), count.by_module.get(name, 0)) for name in modules}
    return Agreement(sum(formula.values()), count.counted, by_module, count.skipped, count.handles)
