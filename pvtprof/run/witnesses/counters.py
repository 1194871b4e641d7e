"""The counters, and the parameters: what counts operators and learned elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvtprof.analytic.cost import FVCORE, TORCH, Convention
from pvtprof.analytic.formulas import total
from pvtprof.analytic.parts import formula_by_module
from pvtprof.designs.setting import Setting
from pvtprof.observe.witness import Count
from pvtprof.run.witnesses.witness import Formula, Witness

if TYPE_CHECKING:
    from pvtprof.observe.sides import Side
    from pvtprof.observe.subject import Subject


def _counted(convention: Convention) -> Formula:
    return lambda terms, setting: formula_by_module(terms, convention)


def _fvcore(subject: Subject, setting: Setting) -> Count:
    from pvtprof.observe import fvcore

    module, inputs = subject.real(setting.device)
    return fvcore.count(module, *inputs)


def _fvcore_there(side: Side, name: str) -> Count:
    return Count(**side.ask({"name": name, "count": True}))


WITNESSES = (
    Witness(
        name="fvcore",
        place=10,
        title="fvcore",
        label="fvcore",
        formula=_counted(FVCORE),
        watch=_fvcore,
        ask=_fvcore_there,
        columns=("fvcore_formula", "fvcore_counted"),
        on_real=True,
        by_module=True,
    ),
    Witness(
        name="torch",
        place=20,
        title="torch",
        label="torch",
        formula=_counted(TORCH),
        watch=lambda subject, setting: subject.torch_count(),
        columns=("torch_formula", "torch_counted"),
        by_module=True,
    ),
    Witness(
        name="params",
        place=30,
        title="sum(p.numel())",
        label="sum(p.numel())",
        formula=lambda terms, setting: {"": total(terms).params},
        watch=lambda subject, setting: Count(subject.params(), {"": subject.params()}),
        columns=(None, "params_counted"),
    ),
)
