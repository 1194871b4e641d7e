"""A run of modules of the user's own, alone or beside PVT's designs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pvtprof.designs.design import TargetDesign
from pvtprof.designs.part import MODEL
from pvtprof.designs.setting import Setting
from pvtprof.designs.workload import Workload
from pvtprof.observe.environment import environment
from pvtprof.predict.calibration import Calibration
from pvtprof.run import compare as comparing
from pvtprof.run.command import own_command
from pvtprof.run.measuring import Measuring, Progress
from pvtprof.run.own_predictions import predicted
from pvtprof.run.row import Row
from pvtprof.run.run import Run
from pvtprof.run.target_observer import TargetObserver
from pvtprof.run.target_rows import rows
from pvtprof.run.targets import Target, Wanted, targets


def compare(
    wanted: Wanted,
    asked: Sequence[Workload],
    measuring: Measuring,
    *,
    analytic: bool = False,
    calibration: Calibration | None = None,
    progress: Progress = lambda text: None,
) -> Run:
    """Return the cost of the user's own modules, beside that of PVT's designs where asked.

    The modules are one comparison, every workload is another. The budget is shared evenly.
    """
    share = measuring.budget_s / (1 + len(asked))
    own = _own(wanted, replace(measuring, budget_s=share), analytic, calibration, progress)
    own = replace(own, command=own_command(wanted, asked, own.setting.device, measuring, analytic))
    if not asked or own.interrupted:
        return own
    rest = replace(measuring, budget_s=share * len(asked))
    beside = comparing.compare(
        asked, rest, analytic=analytic, calibration=calibration, progress=progress
    )
    return replace(beside, rows=(*own.rows, *beside.rows), command=own.command, forms=own.forms)


def _own(
    wanted: Wanted,
    measuring: Measuring,
    analytic: bool,
    calibration: Calibration | None,
    progress: Progress,
) -> Run:
    from pvtprof.observe.asking import resolved_device

    device = "none" if analytic else resolved_device(measuring.device)
    if not analytic:
        comparing.check_gpu_words(Setting(1, 1, device=device, mode=wanted.mode), measuring)
    found = targets(wanted, device, progress)
    forms = _forms(found)
    if analytic:
        its = [row for target in found for row in rows(target, wanted.depth)]
        return Run(environment(), _predicted(its, found, calibration), forms=forms)
    observer = TargetObserver(found, wanted.depth, measuring, progress)
    interrupted = not _observed(observer, found[0], measuring)
    here = environment(device, timed=measuring.budget_s > 0, tf32=measuring.tf32)
    its = [row for rows_of in observer.rows.values() for row in rows_of]
    its_predicted = _predicted(its, found, calibration)
    return Run(here, its_predicted, interrupted=interrupted, forms=forms)


def _predicted(
    its: Sequence[Row], found: Sequence[Target], calibration: Calibration | None
) -> tuple[Row, ...]:
    """The rows with a prediction of each whole module; its remark names what is not calibrated."""
    targets = {target.design: target for target in found}
    if calibration is None:
        return tuple(its)
    return tuple(
        predicted(row, targets[row.design].subject.calls(), calibration)
        if row.part == MODEL and isinstance(row.design, TargetDesign)
        else row
        for row in its
    )


def _forms(found: Sequence[Target]) -> dict[str, dict[str, str]]:
    from pvtprof.derive import stored

    return {
        target.design.name: {mode: stored.dumps(form) for mode, form in target.forms.items()}
        for target in found
    }


def _observed(observer: TargetObserver, first: Target, measuring: Measuring) -> bool:
    """Observe all; False where Ctrl-C ended it."""
    from contextlib import nullcontext

    from pvtprof.observe.sides import clock_side
    from pvtprof.observe.subject import check_settings, with_autograd

    setting = replace(first.setting, dtype="float32")  # a factory decides itself what it builds
    check_settings(setting)
    side = (
        clock_side(setting, measuring.cuda_graph, measuring.tf32)
        if measuring.budget_s
        else nullcontext()
    )
    try:
        with with_autograd(), side as clock:
            observer.observe(clock)
    except KeyboardInterrupt:
        observer.interrupt()
        return False
    return True
