"""The calibration that is kept for this machine, found without torch."""

from __future__ import annotations

from pvtprof.designs.device import device_word
from pvtprof.errors import PvtprofError
from pvtprof.observe.environment import has_gpu
from pvtprof.predict import calibration
from pvtprof.predict.calibration import Calibration


def device_kind(device: str) -> str:
    """Return "cpu" or "cuda": what ``device`` names, or a GPU where nvidia-smi shows one."""
    device_word(device)
    return device.partition(":")[0] if device != "auto" else "cuda" if has_gpu() else "cpu"


def kept_calibration(device: str, dtype: str, mode: str) -> tuple[Calibration | None, str]:
    """Return this machine's calibration if there is one, and what is wrong with it in words.

    Only inference is predicted.
    """
    paths = [calibration.default_path(kind, dtype) for kind in ("cpu", "cuda")]
    if mode != "inference" or not any(path.exists() for path in paths):
        return None, ""  # before any GPU is asked for, which takes longer than all formulas
    path = calibration.default_path(device_kind(device), dtype)
    if not path.exists():
        return None, ""
    try:
        return calibration.load_for(path, dtype), ""
    except PvtprofError as error:
        return None, f"latency is not predicted: {error}"
