"""The witnesses of memory: live storages, and CUDA's allocator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pvtprof.analytic import liveness
from pvtprof.analytic.formulas import Term
from pvtprof.analytic.parts import saved_bytes, timeline
from pvtprof.designs.setting import Setting
from pvtprof.moment import Moment, highest
from pvtprof.observe.witness import Count
from pvtprof.run.witnesses.witness import Witness

if TYPE_CHECKING:
    from pvtprof.observe.sides import Side
    from pvtprof.observe.subject import Subject


def _moment(moment: Moment) -> dict[str, int]:
    return {moment.at: moment.bytes}


def _peak(subject: Subject, setting: Setting) -> Count:
    peak = subject.watched(setting.mode).peak
    return Count(peak.bytes, _moment(peak))


def _allocated(terms: Sequence[Term], setting: Setting) -> dict[str, int]:
    return {"": liveness.allocated_peak(terms, setting.dtype)}


def _on_cuda(setting: Setting) -> bool:
    return setting.on_cuda and setting.mode == "inference"


def _of_gpu(which: str, label: str, **others: Any) -> Witness:
    """Return a witness that the process on the GPU runs, by its word for the figure."""

    def ask(side: Side, name: str) -> Count:
        seen = side.memory(name)[which]
        return Count(seen, {"": seen})

    usual: dict[str, Any] = {
        "title": "CUDA's allocator",
        "is_exact": False,
        "applies": _on_cuda,
        "shown_elsewhere": False,
    }
    return Witness(label=label, ask=ask, **(usual | others))


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
        formula=lambda terms, setting: {"": saved_bytes(terms, setting)},
        watch=lambda subject, setting: Count(subject.step[1], {"": subject.step[1]}),
        columns=(None, "saved_observed_bytes"),
    ),
    _of_gpu(
        "requested",
        "peak that tensors ask for (bytes)",
        name="requested bytes",
        place=49,
        formula=lambda terms, setting: {"": liveness.requested_peak(terms, setting.dtype)},
        columns=("requested_formula_bytes", "requested_bytes"),
        is_exact=True,
        applies=lambda setting: _on_cuda(setting) and setting.attention == "eager",
    ),
    _of_gpu(
        "allocated",
        "peak in CUDA's blocks of 512 (bytes)",
        name="allocator",
        place=50,
        formula=_allocated,
        columns=("allocated_formula_bytes", "allocated_observed_bytes"),
        shown_elsewhere=True,
    ),
    _of_gpu(
        "reserved",
        "all that CUDA's allocator holds (bytes)",
        name="reserved bytes",
        place=51,
        formula=_allocated,
        columns=(None, "reserved_bytes"),
    ),
    _of_gpu(
        "taken",
        "CUDA's context and other programs (bytes)",
        name="taken bytes",
        place=52,
        formula=lambda terms, setting: {},
        columns=(None, "taken_bytes"),
        title="CUDA's driver",
    ),
)
