"""The join: what the closed forms say, beside what the witnesses saw, row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeAlias

from pvtprof import units
from pvtprof.designs.setting import Setting
from pvtprof.designs.words import DEFAULT_BUDGET_S, DEFAULT_MODEL, DEFAULT_POOL_SIZE
from pvtprof.designs.workload import Workload, workload
from pvtprof.errors import SpecError
from pvtprof.observe.environment import environment
from pvtprof.predict.calibration import Calibration
from pvtprof.run.command import command
from pvtprof.run.observer import Measuring, Observer, Progress, check_addressable
from pvtprof.run.predictions import predicted
from pvtprof.run.row import Row
from pvtprof.run.rows import analytic_rows
from pvtprof.run.run import Run

#: A side in pixels, or (height, width).
Size: TypeAlias = int | tuple[int, int]


def compare(
    model: str | Sequence[str] = DEFAULT_MODEL,
    img: Size | Sequence[Size] = 224,
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
    tf32: bool = False,
    analytic: bool = False,
    calibration: Calibration | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Run:
    """Return the cost of ``mha``, ``sra_conv`` and ``sra_pool`` in every stage of PVT models.

    By closed form, by independent counters (fvcore; torch's flop counter) and by the clock.
    ``model`` is a name or several. ``img`` in pixels: a side, or (height, width), or a list of
    those. Every model at every size is a comparison of its own: see ``Run.comparisons``.
    ``sr_ratios``: four R for ``sra_conv`` (default: each model's own). ``budget_s`` bounds the
    measuring of all together; 0 measures no latency. ``cuda_graph`` times a CUDA graph's replay
    too, which waits for no launch (inference on a GPU). ``tf32`` lets products and convolutions of
    float32 run in TF32 on a GPU. ``analytic`` gives the closed forms alone and does not
    import torch. ``calibration`` predicts the latency of every row (inference). ``progress``
    is told what is being done.

    PVT v1 is the published network, with position embeddings stored for 224x224 and resized.
    Raises SpecError for what cannot be, UnavailableError where there is no such device. Ctrl-C
    ends the measuring and returns what there is; ``Run.interrupted`` says so.

    >>> run = compare("pvt_v2_b2", img=224, sr_ratios=(8, 4, 2, 1), analytic=True)
    >>> run.row(1, "mha").kv_tokens, run.row(1, "sra_conv").kv_tokens
    (3136, 49)
    >>> len(compare(["pvt_v2_b0", "pvt_v2_b2"], img=[224, 512], analytic=True).comparisons)
    4
    """
    measuring = Measuring(str(device), budget_s, cuda_graph, tf32)
    asked = [
        workload(
            name,
            size,
            sr_ratios,
            batch=batch,
            dtype=dtype,
            attention=attention,
            mode=mode,
            pool_size=pool_size,
        )
        for name in ([model] if isinstance(model, str) else dict.fromkeys(model))
        for size in sizes(img)
    ]
    if not asked:
        raise SpecError("nothing to compare; name at least one model and one size")
    comparisons = [_analytic(one, is_one_of_several=len(asked) > 1) for one in asked]
    ceilings = None
    if calibration and mode == "inference" and calibration.dtype == dtype:
        ceilings = calibration.ceilings
        comparisons = [tuple(predicted(row, calibration) for row in rows) for rows in comparisons]
    if analytic:
        rows = tuple(row for rows in comparisons for row in rows)
        return Run(environment(), rows, command(asked, budget_s), ceilings=ceilings)
    return replace(_observed(asked, comparisons, measuring, progress), ceilings=ceilings)


def sizes(img: Size | Sequence[Size]) -> list[Size]:
    """The sizes that ``img`` names: one, or a sequence of them; each once.

    >>> sizes(224), sizes((800, 1333)), sizes([224, (800, 1333)])
    ([224], [(800, 1333)], [224, (800, 1333)])
    """
    several = isinstance(img, list) or (
        isinstance(img, tuple) and any(isinstance(size, tuple) for size in img)
    )
    return list(dict.fromkeys(img)) if several else [img]  # type: ignore[arg-type, list-item]


def _analytic(asked: Workload, is_one_of_several: bool) -> tuple[Row, ...]:
    """The rows of one comparison by closed form; of several, a refusal says which one it is."""
    try:
        return analytic_rows(asked.designs, asked.setting)
    except SpecError as error:
        if not is_one_of_several:
            raise
        size = units.sides(asked.height, asked.width)
        raise SpecError(f"{asked.model} at {size}: {error}") from None


def _placed(row: Row, device: str) -> Row:
    return replace(row, setting=replace(row.setting, device=device))


def _check_gpu_words(setting: Setting, measuring: Measuring) -> None:
    """Raise where something of a GPU is asked that this setting has not."""
    if measuring.cuda_graph and (not setting.on_cuda or setting.mode != "inference"):
        raise SpecError(
            f"a CUDA graph is of inference on a GPU; this is {setting.mode} on {setting.device}: "
            "leave --cuda-graph"
        )
    if measuring.tf32 and not setting.on_cuda:
        raise SpecError(f"TF32 is a format of GPUs; this is {setting.device}: leave --tf32 on")


def _observed(
    asked: Sequence[Workload],
    comparisons: Sequence[tuple[Row, ...]],
    measuring: Measuring,
    progress: Progress,
) -> Run:
    """The run of some comparisons, each observed in its turn, until the end or until Ctrl-C."""
    from pvtprof.observe.asking import resolved_device
    from pvtprof.observe.sides import clock_side
    from pvtprof.observe.subject import check_settings, with_autograd

    for rows in comparisons:
        check_addressable(rows)
    device = resolved_device(measuring.device)
    setting = replace(asked[0].setting, device=device)
    check_settings(setting)
    _check_gpu_words(setting, measuring)
    share = 1 / len(comparisons)
    observers = [
        Observer([_placed(row, device) for row in rows], measuring, share, progress)
        for rows in comparisons
    ]
    interrupted = False
    with with_autograd(), ExitStack() as stack:
        try:
            side = clock_side(setting, measuring.cuda_graph, measuring.tf32)
            asked_there = measuring.budget_s or setting.on_cuda
            clock = stack.enter_context(side) if asked_there else None
            failure = None
            for observer in observers:
                observer.failure = failure
                observer.observe(clock)
                failure = observer.failure
        except KeyboardInterrupt:
            interrupted = True
            for observer in observers:
                observer.interrupt()
    words = command([replace(one, device=device) for one in asked], measuring.budget_s)
    words += " --cuda-graph" * measuring.cuda_graph + " --tf32 on" * measuring.tf32
    here = environment(device, timed=measuring.budget_s > 0, tf32=measuring.tf32)
    rows = tuple(row for observer in observers for row in observer.rows.values())
    return Run(here, rows, words, interrupted, failure=observers[-1].failure)
