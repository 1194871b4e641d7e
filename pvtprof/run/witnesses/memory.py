"""The witnesses of memory: live storages, and CUDA's allocator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvtprof.analytic import liveness
from pvtprof.analytic.parts import timeline
from pvtprof.designs.setting import Setting
from pvtprof.moment import Moment, highest
from pvtprof.observe.witness import Count
from pvtprof.run.witnesses.witness import Witness

if TYPE_CHECKING:
    from pvtprof.observe.subject import Subject


def _moment(moment: Moment) -> dict[str, int]:
    return {moment.at: moment.bytes}


def _peak(subject: Subject, setting: Setting) -> Count:
    watch = subject.step[0] if setting.mode == "training" else subject.forward
    return Count(watch.peak.bytes, _moment(watch.peak))


def _allocated(subject: Subject, setting: Setting) -> Count:
    from pvtprof.observe import live_bytes, worker

    module, inputs = subject.real(setting.device)
    call = worker.call_of(module, inputs, setting.mode)
    return Count(live_bytes.allocated(call, setting.device))


WITNESSES = (
    Witness(
        name="peak bytes",
        place=40,
        title="live bytes",
        label="live storages, peak (bytes)",
        formula=lambda terms, setting: _moment(highest(timeline(terms, setting))),
        watch=_peak,
        columns=(None, "peak_observed_bytes"),
    ),
    Witness(
        name="saved bytes",
        place=41,
        title="live bytes",
        label="live storages, saved for backward (bytes)",
        formula=lambda terms, setting: {"": liveness.saved(terms, setting.dtype)},
        watch=lambda subject, setting: Count(subject.step[1], {"": subject.step[1]}),
        columns=(None, "saved_observed_bytes"),
    ),
    Witness(
        name="allocator",
        place=50,
        title="CUDA's allocator",
        label="peak in CUDA's blocks of 512 (bytes)",
        formula=lambda terms, setting: {"": liveness.allocated_peak(terms, setting.dtype)},
        watch=_allocated,
        columns=("allocated_formula_bytes", "allocated_observed_bytes"),
        on_real=True,
        is_exact=False,
        applies=lambda setting: setting.on_cuda and setting.mode == "inference",
    ),
)
