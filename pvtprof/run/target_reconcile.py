"""What explains a printed figure of a module of the user's own.

Its MACs come from torch's counter by operator, at one size: convolutions, linear layers, and
products of two activations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pvtprof.analytic.printed import figures
from pvtprof.analytic.reconcile import Reading, Reconciled, explained
from pvtprof.errors import SpecError
from pvtprof.run.targets import Wanted

if TYPE_CHECKING:
    from pvtprof.observe.target_subject import TargetSubject


def reconcile_target(wanted: Wanted, figure: str | None, params: str | None) -> list[Reconciled]:
    """Return what explains printed numbers of operations and parameters of one module."""
    macs, parameters = figures(figure, params)
    subject = _subject(wanted)
    found = []
    if macs:
        found.append(explained(macs, _operations(subject.macs_by_operator())))
    if parameters:
        found.append(explained(parameters, _params(subject)))
    return found


def _subject(wanted: Wanted) -> TargetSubject:
    from pvtprof.observe import inputs
    from pvtprof.observe.target import load
    from pvtprof.observe.target_subject import TargetSubject

    module, given = load(str(wanted.given[0].target))
    example = inputs.example(given, wanted.free)
    if unknown := wanted.at.keys() - example.sizes.keys():
        names = ", ".join(example.sizes)
        raise SpecError(f"the module has no size {sorted(unknown)[0]!r}; it has {names}")
    return TargetSubject(module, example, {**example.sizes, **wanted.at})


def _operations(macs: Mapping[str, int]) -> Iterator[tuple[Reading, int, int]]:
    """Yield the counts with and without products of activations, in MACs and in FLOPs."""
    whole = sum(macs.values())
    for tool, times in (("macs", 1), ("torch", 2)):
        yield Reading("", (), tool, True), times * whole, 0
        if macs["products"]:
            yield Reading("", (), tool, False), times * (whole - macs["products"]), 2


def _params(subject: TargetSubject) -> Iterator[tuple[Reading, int, int]]:
    parameters = dict(subject.module.named_parameters())
    whole = sum(p.numel() for p in parameters.values())
    biases = sum(p.numel() for name, p in parameters.items() if name.endswith("bias"))
    yield Reading("", (), "all", True), whole, 0
    if buffers := sum(b.numel() for b in subject.module.buffers()):
        yield Reading("", (), "with buffers", True), whole + buffers, 2
    if biases:
        yield Reading("", (), "no biases", True), whole - biases, 3
