"""The witnesses of memory: live storages, and CUDA's allocator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pvtprof.analytic import liveness
from pvtprof.analytic.formulas import Term
from pvtprof.analytic.parts import timeline
from pvtprof.designs.setting import Setting
from pvtprof.moment import Moment, highest
from pvtprof.observe.witness import Count
from pvtprof.run.witnesses.witness import Ask, Witness

if TYPE_CHECKING:
    from pvtprof.observe.sides import Side
    from pvtprof.observe.subject import Subject


def _moment(moment: Moment) -> dict[str, int]:
    return {moment.at: moment.bytes}


def _peak(subject: Subject, setting: Setting) -> Count:
    watch = subject.step[0] if setting.mode == "training" else subject.forward
    return Count(watch.peak.bytes, _moment(watch.peak))


def _asked(which: str) -> Ask:
    """How the process that times on a GPU is asked for one of its allocator's figures."""

    def ask(side: Side, name: str) -> Count:
        seen = side.ask({"name": name, "memory": True})[which]
        return Count(seen, {"": seen})

    return ask


def _allocated(terms: Sequence[Term], setting: Setting) -> dict[str, int]:
    return {"": liveness.allocated_peak(terms, setting.dtype)}


def _on_cuda(setting: Setting) -> bool:
    return setting.on_cuda and setting.mode == "inference"


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
        name="requested bytes",
        place=49,
        title="CUDA's allocator",
        label="peak that tensors ask for (bytes)",
        formula=lambda terms, setting: {"": liveness.requested_peak(terms, setting.dtype)},
        watch=None,
        ask=_asked("requested"),
        columns=("requested_formula_bytes", "requested_bytes"),
        on_real=True,
        applies=lambda setting: _on_cuda(setting) and setting.attention == "eager",
        shown_elsewhere=False,
    ),
    Witness(
        name="allocator",
        place=50,
        title="CUDA's allocator",
        label="peak in CUDA's blocks of 512 (bytes)",
        formula=_allocated,
        watch=None,
        ask=_asked("allocated"),
        columns=("allocated_formula_bytes", "allocated_observed_bytes"),
        on_real=True,
        is_exact=False,
        applies=_on_cuda,
    ),
    Witness(
        name="reserved bytes",
        place=51,
        title="CUDA's allocator",
        label="all that CUDA's allocator holds (bytes)",
        formula=_allocated,
        watch=None,
        ask=_asked("reserved"),
        columns=(None, "reserved_bytes"),
        on_real=True,
        is_exact=False,
        applies=_on_cuda,
        shown_elsewhere=False,
    ),
    Witness(
        name="taken bytes",
        place=52,
        title="CUDA's driver",
        label="CUDA's context and other programs (bytes)",
        formula=lambda terms, setting: {},
        watch=None,
        ask=_asked("taken"),
        columns=(None, "taken_bytes"),
        on_real=True,
        is_exact=False,
        applies=_on_cuda,
        shown_elsewhere=False,
    ),
)
