"""Predictions beside the rows of a run: of each row, and of each of its operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pvtprof.analytic.formulas import Term
from pvtprof.analytic.parts import op_name, row_terms
from pvtprof.designs.setting import Workload
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.kernels import Kernel, kernels
from pvtprof.predict.roofline import bound
from pvtprof.run.row import OpCost, Row


def predicted(workload: Workload, rows: Sequence[Row], calibration: Calibration) -> tuple[Row, ...]:
    """The rows with what the calibration says of each and of its operators.

    A row with kernels that it has not seen stays as it is.
    """
    return tuple(_predicted(workload, row, calibration) for row in rows)


def _predicted(workload: Workload, row: Row, calibration: Calibration) -> Row:
    terms = row_terms(workload, row.scope)
    found = list(kernels(terms, workload.dtype))
    if any(kernel.family not in calibration.families for _, kernel in found):
        return row
    runs = [(kernel, term.times) for term, kernel in found]
    by_name: dict[str, list[tuple[Term, Kernel]]] = {}
    for term, kernel in found:
        by_name.setdefault(op_name(term), []).append((term, kernel))
    ops = tuple(_op(op, by_name.get(op.name, []), calibration) for op in row.ops)
    return replace(row, ops=ops, predicted=calibration.prediction(row.scope.kind, runs))


def _op(op: OpCost, its: Sequence[tuple[Term, Kernel]], calibration: Calibration) -> OpCost:
    if not its:
        return op
    each = sum(calibration.kernel_s(kernel) + calibration.call_s for _, kernel in its)
    main = max((kernel for _, kernel in its), key=lambda kernel: kernel.macs)
    overhead_s = calibration.overhead_s(main.family)
    return replace(op, predicted_s=op.times * each,
                   bound=bound(main, calibration.ceilings, overhead_s))  # fmt: skip
