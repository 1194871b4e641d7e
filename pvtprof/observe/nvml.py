"""What NVML says of a GPU, where it is installed: a part of the seam to a device, see ``device``.

Every reading may fail by itself; what fails is left out.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

#: NVML's reasons for lower clocks that are a disturbance: power cap (4), hardware slowdown (8),
#: thermal (0x20 software, 0x40 hardware) and power brake (0x80). Source: nvml.h.
THROTTLED = 0x4 | 0x8 | 0x20 | 0x40 | 0x80
#: NVML's counters of time below the asked clocks: NVML_PERF_POLICY_POWER and _THERMAL.
POLICIES = (0, 1)


def handle(uuid: Callable[[], object]) -> tuple[Any, Any]:
    """Return (the GPU of this UUID, NVML), or (None, None) if NVML does not know it."""
    try:
        its = importlib.import_module("pynvml")
    except ImportError:
        return None, None
    name = uuid()
    for kind in ("GPU", "MIG"):  # a slice has a name of its own
        with suppress(its.NVMLError):
            its.nvmlInit()
            return its.nvmlDeviceGetHandleByUUID(f"{kind}-{name}"), its
    return None, None


def driver(gpu: Any, its: Any) -> str | None:
    """Return the version of the driver."""
    if gpu is None:
        return None
    with suppress(its.NVMLError):
        found = its.nvmlSystemGetDriverVersion()
        return found.decode() if isinstance(found, bytes) else str(found)
    return None


def state(gpu: Any, its: Any) -> dict[str, float]:
    """Return clock, heat, whether it is throttled, and counters."""
    return dict(_states(gpu, its)) if gpu is not None else {}


def _states(gpu: Any, its: Any) -> Iterator[tuple[str, float]]:
    with suppress(its.NVMLError):
        yield "sm_mhz", float(its.nvmlDeviceGetClockInfo(gpu, its.NVML_CLOCK_SM))
    with suppress(its.NVMLError):
        heat = its.nvmlDeviceGetTemperature(gpu, its.NVML_TEMPERATURE_GPU)
        yield "celsius", float(heat)
    with suppress(its.NVMLError):
        reasons = its.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)
        yield "throttled", float(bool(reasons & THROTTLED))
    with suppress(its.NVMLError):
        found = [its.nvmlDeviceGetViolationStatus(gpu, policy) for policy in POLICIES]
        yield "violated_ns", float(sum(one.violationTime for one in found))
    with suppress(its.NVMLError):
        yield "energy_mj", float(its.nvmlDeviceGetTotalEnergyConsumption(gpu))
