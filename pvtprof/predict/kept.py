"""The calibration that is kept for this machine, found without torch."""

from __future__ import annotations

from pathlib import Path

from pvtprof.errors import PvtprofError
from pvtprof.observe.asking import resolved_device
from pvtprof.observe.environment import without_torch
from pvtprof.predict import calibration
from pvtprof.predict.calibration import Calibration


def kept_path(device: str, dtype: str) -> Path:
    """Return where the calibration of the device that is meant is kept.

    Raises SpecError for a word that names no device, UnavailableError where there is none such.
    """
    return calibration.path_of(resolved_device(device), dtype)


def known_calibration(device: str, dtype: str) -> Calibration:
    """Return the calibration that is kept for a device; raises where there is none for it.

    StoreError where there is none, SpecError where it is of another environment, UnavailableError
    where there is no such device.
    """
    device = resolved_device(device)
    return calibration.load_for(calibration.path_of(device, dtype), dtype, without_torch(device))


def kept_calibration(device: str, dtype: str, mode: str) -> tuple[Calibration | None, str]:
    """Return this machine's calibration if there is one, and what is wrong with it in words.

    Only inference is predicted.
    """
    if mode != "inference" or not calibration.any_kept(dtype):
        return None, ""  # before any GPU is asked for, which takes longer than all formulas
    try:
        is_kept = kept_path(device, dtype).exists()
        return (known_calibration(device, dtype) if is_kept else None), ""
    except PvtprofError as error:
        return None, f"latency is not predicted: {error}"
