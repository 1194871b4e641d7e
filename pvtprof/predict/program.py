"""A calibration as data, for an interpreter in another language.

The report's page predicts with it what Python predicts: by the same families, features and limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zlib import crc32

from pvtprof.predict import kernels
from pvtprof.predict.calibration import Calibration, dumps
from pvtprof.predict.prediction import VECTORS


def program(calibration: Calibration) -> dict[str, Any]:
    """Return all that a prediction needs, as values for JSON; numbers with every digit."""
    return {
        "dtype": calibration.dtype,
        "scale": calibration.scale,
        "call_s": calibration.call_s,
        "overlaps": calibration.overlaps,
        "families": {name: one.coefficients for name, one in calibration.families.items()},
        "quality": {what: (one.low, one.high) for what, one in calibration.quality.items()},
        "doubtful": calibration.is_doubtful,
        "limits": {
            "pad": kernels.PAD,
            "caches": kernels.CACHES,
            "channels": kernels.CHANNELS,
            "small": (kernels.SMALL_KERNEL, kernels.SMALL_INPUT),
            "vectors": VECTORS,
            "patches": kernels.V2_PATCHES,
        },
    }


def key(calibration: Calibration) -> str:
    """Return what tells a calibration from others of a page."""
    return f"{crc32(dumps(calibration).encode()):08x}"


def calibrations(many: Iterable[Calibration | None]) -> dict[str, Any]:
    """Return each calibration once, by its key."""
    return {key(one): program(one) for one in many if one}
