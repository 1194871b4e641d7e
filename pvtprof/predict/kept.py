"""The calibration that is kept for this machine, found without torch."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pvtprof.errors import PvtprofError
from pvtprof.observe.asking import resolved_device

if TYPE_CHECKING:
    from pvtprof.predict.calibration import Calibration

#: What is said of a calibration whose machine was busy.
BUSY = (
    "the calibration was made on a busy machine, so predicted latencies are marked ?; run "
    "`pvtprof calibrate` when no other program is running"
)


def keep(found: Calibration, path: str | os.PathLike[str], force: bool = False) -> str:
    """Write a calibration, unless it would replace a better one; return what is to be said.

    One of a busy machine is no better than one of the same machine when it was calm.
    """
    if found.is_doubtful and not force and (date := _calm(path, found)):
        return (
            f"this machine was busy while it was measured: the calibration of {date} in {path} is "
            "better and stays; run `pvtprof calibrate` when no other program is running, or use "
            "--force"
        )
    from pvtprof.predict import calibration

    calibration.save(found, path, force)
    return f"Wrote {path}" + f": {BUSY}" * found.is_doubtful


def _calm(path: str | os.PathLike[str], found: Calibration) -> str:
    """The date of the calibration at ``path`` where it is of this very machine when calm, or ""."""
    from pvtprof.predict import calibration

    try:
        there = calibration.load_for(path, found.dtype, found.environment)
    except PvtprofError:
        return ""
    return "" if there.is_doubtful else there.environment.date


def kept_path(device: str, dtype: str) -> Path:
    """Return where the calibration of the device that is meant is kept.

    Raises SpecError for a word that names no device, UnavailableError where there is none such.
    """
    return path_of(resolved_device(device), dtype)


def known_calibration(device: str, dtype: str) -> Calibration:
    """Return the calibration that is kept for a device; raises where there is none for it.

    StoreError where there is none, SpecError where it is of another environment, UnavailableError
    where there is no such device.
    """
    from pvtprof.observe.environment import without_torch
    from pvtprof.predict.calibration import load_for

    device = resolved_device(device)
    return load_for(path_of(device, dtype), dtype, without_torch(device))


def kept_calibration(device: str, dtype: str, mode: str) -> tuple[Calibration | None, str]:
    """Return this machine's calibration if there is one, and what is wrong with it in words.

    Only inference is predicted.
    """
    if mode != "inference" or not any_kept(dtype):
        return None, ""  # before any GPU is asked for, which takes longer than all formulas
    try:
        is_kept = kept_path(device, dtype).exists()
        found = known_calibration(device, dtype) if is_kept else None
        return found, BUSY if found and found.is_doubtful else ""
    except PvtprofError as error:
        return None, f"latency is not predicted: {error}"


def path_of(device: str, dtype: str) -> Path:
    """Return the path of the calibration of a resolved device; each kind of GPU has its own."""
    if not device.startswith("cuda"):
        return default_path(device, dtype)
    from pvtprof.observe import asking

    name = re.sub("[^a-z0-9]+", "-", str(asking.gpu(device)["name"]).lower()).strip("-")
    return default_path(f"cuda-{name}", dtype)


def any_kept(dtype: str) -> bool:
    """Return whether this user has any calibration of ``dtype``, without asking a device."""
    one = default_path("*", dtype)
    return any(True for _ in one.parent.glob(one.name))


def default_path(device: str, dtype: str) -> Path:
    """Return the path of the calibration of a device ("cpu" or "cuda") for this user."""
    from platformdirs import user_data_dir

    return Path(user_data_dir("pvtprof", appauthor=False)) / f"calibration-{device}-{dtype}.json"
