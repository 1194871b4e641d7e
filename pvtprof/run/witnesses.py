"""The witnesses of a run: what each one says of a module, and the formula it is held against.

A witness is registered here and nowhere else: the join, the sentences, the tables, the files and
the frame iterate over ``WITNESSES``. The formula and the observation meet in this room alone;
neither can see the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pvtprof.analytic import liveness
from pvtprof.analytic.cost import FVCORE, TORCH, Convention
from pvtprof.analytic.formulas import Term, total
from pvtprof.analytic.parts import formula_by_module, timeline
from pvtprof.designs.setting import Setting
from pvtprof.moment import Moment, highest
from pvtprof.observe.witness import Count
from pvtprof.run.run import Run

if TYPE_CHECKING:
    from pvtprof.observe.subject import Subject

Formula: TypeAlias = Callable[[Sequence[Term], Setting], Mapping[str, int]]
Watch: TypeAlias = Callable[["Subject", Setting], Count]


@dataclass(frozen=True, slots=True)
class Witness:
    """One witness: its formula by submodule, and how it watches a module.

    ``title`` is what sentences call it, ``label`` what tables do. ``columns`` are the names of its
    formula (None: a column of its own holds that) and of its figure in a frame. ``on_real`` says
    that it needs real tensors, and so memory. Where ``is_exact`` is False, it also sees what no
    formula describes. ``by_module`` says that it reports submodule by submodule. ``applies`` says
    in which settings it can watch.
    """

    title: str
    label: str
    formula: Formula
    watch: Watch
    columns: tuple[str | None, str]
    on_real: bool = False
    is_exact: bool = True
    by_module: bool = False
    applies: Callable[[Setting], bool] = lambda setting: True


def _counted(convention: Convention) -> Formula:
    return lambda terms, setting: formula_by_module(terms, convention)


def _moment(moment: Moment) -> dict[str, int]:
    return {moment.at: moment.bytes}


def _fvcore(subject: Subject, setting: Setting) -> Count:
    from pvtprof.observe import fvcore

    module, inputs = subject.real(setting.device)
    return fvcore.count(module, *inputs)


def _peak(subject: Subject, setting: Setting) -> Count:
    watch = subject.step[0] if setting.mode == "training" else subject.forward
    return Count(watch.peak.bytes, _moment(watch.peak))


def _allocated(subject: Subject, setting: Setting) -> Count:
    from pvtprof.observe import live_bytes, worker

    module, inputs = subject.real(setting.device)
    call = worker.call_of(module, inputs, setting.mode)
    return Count(live_bytes.allocated(call, setting.device))


#: Every witness by its name, in the order in which it is asked and shown.
WITNESSES: Mapping[str, Witness] = {
    "fvcore": Witness(
        title="fvcore",
        label="fvcore",
        formula=_counted(FVCORE),
        watch=_fvcore,
        columns=("fvcore_formula", "fvcore_counted"),
        on_real=True,
        by_module=True,
    ),
    "torch": Witness(
        title="torch",
        label="torch",
        formula=_counted(TORCH),
        watch=lambda subject, setting: subject.torch_count(),
        columns=("torch_formula", "torch_counted"),
        by_module=True,
    ),
    "params": Witness(
        title="sum(p.numel())",
        label="sum(p.numel())",
        formula=lambda terms, setting: {"": total(terms).params},
        watch=lambda subject, setting: Count(subject.params(), {"": subject.params()}),
        columns=(None, "params_counted"),
    ),
    "peak bytes": Witness(
        title="live bytes",
        label="live storages, peak (bytes)",
        formula=lambda terms, setting: _moment(highest(timeline(terms, setting))),
        watch=_peak,
        columns=(None, "peak_observed_bytes"),
    ),
    "saved bytes": Witness(
        title="live bytes",
        label="live storages, saved for backward (bytes)",
        formula=lambda terms, setting: {"": liveness.saved(terms, setting.dtype)},
        watch=lambda subject, setting: Count(subject.step[1], {"": subject.step[1]}),
        columns=(None, "saved_observed_bytes"),
    ),
    "allocator": Witness(
        title="CUDA's allocator",
        label="peak in CUDA's blocks of 512 (bytes)",
        formula=lambda terms, setting: {"": liveness.allocated_peak(terms, setting.dtype)},
        watch=_allocated,
        columns=("allocated_formula_bytes", "allocated_observed_bytes"),
        on_real=True,
        is_exact=False,
        applies=lambda setting: setting.on_cuda and setting.mode == "inference",
    ),
}
#: The names of the counters of operators, which report submodule by submodule.
COUNTERS = tuple(name for name, witness in WITNESSES.items() if witness.by_module)


def witnesses_of(run: Run) -> tuple[str, ...]:
    """The names of the witnesses of a run: those registered in their order, then those of a file
    that a later version wrote."""
    present = dict.fromkeys(name for row in run.rows for name in row.witnesses)
    return (*(name for name in WITNESSES if name in present), *(present.keys() - WITNESSES.keys()))


def label_of(name: str) -> str:
    """What tables call a witness; its own name where it is not registered."""
    return WITNESSES[name].label if name in WITNESSES else name
