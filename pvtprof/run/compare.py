"""The join: what the closed forms say, beside what the witnesses saw, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

from pvtprof import units
from pvtprof.designs.named import Model
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.words import DEFAULT_MODEL
from pvtprof.designs.workload import Workload, workload
from pvtprof.errors import SpecError
from pvtprof.observe.environment import environment
from pvtprof.run.command import command, gpu_words
from pvtprof.run.measuring import Measuring, Progress
from pvtprof.run.row import Row
from pvtprof.run.rows import analytic_rows
from pvtprof.run.run import Run

if TYPE_CHECKING:
    from pvtprof.predict.calibration import Calibration
    from pvtprof.run.observer import Observer

#: A side in pixels, or (height, width).
Size: TypeAlias = int | tuple[int, int]


def workloads(
    model: Model | Sequence[Model] = DEFAULT_MODEL,
    img: Size | Sequence[Size] = 224,
    sr_ratios: Sequence[int] | None = None,
    **others: Any,
) -> list[Workload]:
    """Return a workload for every model at every size; ``others`` are further words of each.

    >>> [(one.name, one.width) for one in workloads(["pvt_v2_b0", "pvt_v2_b1"], [224, 512])]
    [('pvt_v2_b0', 224), ('pvt_v2_b0', 512), ('pvt_v2_b1', 224), ('pvt_v2_b1', 512)]
    """
    models = [model] if isinstance(model, str | PathLike | ModelSpec) else model
    found: dict[tuple[ModelSpec, Size], Workload] = {}
    for one in models:
        for size in sizes(img):
            asked = workload(one, size, sr_ratios, **others)
            found.setdefault((asked.model, size), asked)
    if not found:
        raise SpecError("there is nothing to compare; name at least one model and one size")
    specs = list(dict.fromkeys(spec for spec, _ in found))
    if twice := {spec.name for spec in specs if [s.name for s in specs].count(spec.name) > 1}:
        raise SpecError(
            f"two different models are called {min(twice)}; give one of them another name, with "
            "name = in its file"
        )
    return list(found.values())


def compare(
    asked: Sequence[Workload],
    measuring: Measuring,
    *,
    analytic: bool = False,
    calibration: Calibration | None = None,
    progress: Progress = lambda text: None,
) -> Run:
    """Return the cost of the three designs of every workload, as ``pvtprof.compare`` says it.

    Every workload is a comparison of its own. All run on the device of ``measuring``.
    """
    comparisons = [_analytic(one, is_one_of_several=len(asked) > 1) for one in asked]
    setting = asked[0].setting
    predicting: dict[str, Any] = {}
    if calibration and setting.mode == "inference" and calibration.dtype == setting.dtype:
        from pvtprof.run.predictions import predicted

        predicting = {"ceilings": calibration.ceilings, "calibration": calibration}
        comparisons = [tuple(predicted(row, calibration) for row in rows) for rows in comparisons]
    if analytic:
        rows = tuple(row for rows in comparisons for row in rows)
        return Run(environment(), rows, command(asked, measuring.budget_s), **predicting)
    return replace(_observed(asked, comparisons, measuring, progress), **predicting)


def sizes(img: Size | Sequence[Size]) -> list[Size]:
    """Return the sizes in ``img``, which is one size or a sequence of sizes; each once.

    >>> sizes(224), sizes((800, 1333)), sizes([224, (800, 1333)])
    ([224], [(800, 1333)], [224, (800, 1333)])
    """
    several = isinstance(img, list) or (
        isinstance(img, tuple) and any(isinstance(size, tuple) for size in img)
    )
    return list(dict.fromkeys(img)) if several else [img]  # type: ignore[arg-type, list-item]


def _analytic(asked: Workload, is_one_of_several: bool) -> tuple[Row, ...]:
    """Return the rows of one comparison by formula."""
    try:
        return analytic_rows(asked.designs, asked.setting)
    except SpecError as error:
        if not is_one_of_several:
            raise
        size = units.sides(asked.height, asked.width)
        raise SpecError(f"{asked.name} at {size}: {error}") from None


def _placed(row: Row, device: str) -> Row:
    return replace(row, setting=replace(row.setting, device=device))


def check_gpu_words(setting: Setting, measuring: Measuring) -> None:
    """Raise where something of a GPU is asked that this setting has not."""
    if measuring.cuda_graph and (not setting.on_cuda or setting.mode != "inference"):
        raise SpecError(
            f"a CUDA graph needs inference on a GPU; this is {setting.mode} on {setting.device}; "
            "leave out --cuda-graph"
        )
    if measuring.tf32 and not setting.on_cuda:
        raise SpecError(
            f"TF32 is a format of GPUs, and the device is {setting.device}; leave out --tf32 on"
        )


def _observed(
    asked: Sequence[Workload],
    comparisons: Sequence[tuple[Row, ...]],
    measuring: Measuring,
    progress: Progress,
) -> Run:
    """Return the run of some comparisons, observed one after the other until the end or Ctrl-C."""
    from pvtprof.observe.asking import resolved_device
    from pvtprof.observe.subject import check_settings
    from pvtprof.run.observer import Observer, check_addressable

    for rows in comparisons:
        check_addressable(rows)
    device = resolved_device(measuring.device)
    setting = replace(asked[0].setting, device=device)
    check_settings(setting)
    check_gpu_words(setting, measuring)
    share = 1 / len(comparisons)
    observers = [
        Observer([_placed(row, device) for row in rows], measuring, share, progress)
        for rows in comparisons
    ]
    interrupted = not _all_observed(observers, setting, measuring)
    words = command([replace(one, device=device) for one in asked], measuring.budget_s)
    words += gpu_words(measuring)
    here = environment(device, timed=measuring.budget_s > 0, tf32=measuring.tf32)
    rows = tuple(row for observer in observers for row in observer.rows.values())
    failure = next((observer.failure for observer in observers if observer.failure), None)
    return Run(here, rows, words, interrupted, failure=failure)


def _all_observed(observers: Sequence[Observer], setting: Setting, measuring: Measuring) -> bool:
    """Observe all, one after the other; False where Ctrl-C ended it.

    What makes the clock fail for one comparison is told to the next.
    """
    from pvtprof.observe.sides import clock_side
    from pvtprof.observe.subject import with_autograd

    with with_autograd(), ExitStack() as stack:
        try:
            side = clock_side(setting, measuring.cuda_graph, measuring.tf32)
            has_clock = measuring.budget_s or setting.on_cuda
            clock = stack.enter_context(side) if has_clock else None
            failure = None
            for observer in observers:
                observer.failure = failure
                observer.observe(clock)
                failure = observer.failure
        except KeyboardInterrupt:
            for observer in observers:
                observer.interrupt()
            return False
    return True
