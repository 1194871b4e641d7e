"""Predictions of each row of a run, and of each operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pvtprof.analytic.formulas import Term
from pvtprof.analytic.parts import op_name
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.kernels import Kernel, kernels
from pvtprof.predict.roofline import bound
from pvtprof.run.row import OpCost, Row
from pvtprof.run.rows import terms_of


def predicted(row: Row, calibration: Calibration) -> Row:
    """Return the row with the predictions of the calibration.

    As it was where it has kernels that the calibration has not seen.
    """
    found = list(kernels(terms_of(row), row.setting.dtype))
    if any(kernel.family not in calibration.families for _, kernel in found):
        return row
    runs = [(kernel, term.times) for term, kernel in found]
    by_name: dict[str, list[tuple[Term, Kernel]]] = {}
    for term, kernel in found:
        by_name.setdefault(op_name(term), []).append((term, kernel))
    ops = tuple(_op(op, by_name.get(op.name, []), calibration) for op in row.ops)
    return replace(row, ops=ops, predicted=calibration.prediction(row.part.kind, runs))


def _op(op: OpCost, runs: Sequence[tuple[Term, Kernel]], calibration: Calibration) -> OpCost:
    if not runs:
        return op
    each = sum(calibration.kernel_s(kernel) + calibration.call_s for _, kernel in runs)
    main = max((kernel for _, kernel in runs), key=lambda kernel: kernel.macs)
    limit = bound(main, calibration.ceilings, calibration.overhead_s(main.family))
    return replace(op, predicted_s=op.times * each, bound=limit)
