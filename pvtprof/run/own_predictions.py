"""A predicted latency beside the row of a user's own module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pvtprof.predict.calibration import Calibration
from pvtprof.predict.own_kernels import kernels
from pvtprof.run.row import Row

if TYPE_CHECKING:
    from pvtprof.observe.operators import Call

#: What every prediction of a user's own module is said to be.
BASIS = (
    "its latency is predicted from the operators that it runs, by a calibration of PVT's kernels; "
    "the interval is that of PVT's networks"
)


def predicted(row: Row, calls: Sequence[Call], calibration: Calibration) -> Row:
    """The row with what the calibration says of its operators.

    Where some are of families that were not calibrated, a remark names them, and there is no
    prediction; neither in training nor in another dtype.
    """
    setting = row.setting
    if setting.mode != "inference" or calibration.dtype != setting.dtype:
        return row
    found = list(kernels(calls, setting.dtype, setting.batch))
    if unknown := dict.fromkeys(
        one.family for one in found if one.family not in calibration.families
    ):
        remark = f"its latency is not predicted: not calibrated are {', '.join(unknown)}"
        return replace(row, remarks=(*row.remarks, remark))
    said = calibration.prediction("model", [(kernel, 1) for kernel in found])
    return replace(row, predicted=said, remarks=(*row.remarks, BASIS))
