"""A pretended pynvml: readings of the card, any of which may fail."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any


class NVMLError(Exception):
    """What every call may raise."""


def module(card: Any) -> Any:
    """The module, as ``import pynvml`` finds it."""
    its: Any = types.ModuleType("pynvml")
    its.NVMLError, its.NVML_CLOCK_SM, its.NVML_TEMPERATURE_GPU = NVMLError, 1, 0
    for name, value in _readings(card).items():
        setattr(its, name, _reading(card, name, value))
    return its


def _readings(card: Any) -> dict[str, Callable[..., Any]]:
    def handle(uuid: str) -> str:
        if not uuid.startswith("MIG" if card.ways["mig"] else "GPU"):
            raise NVMLError("Not Found")
        return uuid

    def violations(gpu: str, policy: int) -> Any:
        lost_ns = 1000 if card.ways["throttled"] else 0
        return types.SimpleNamespace(violationTime=card.operators * lost_ns)

    return {
        "nvmlInit": lambda: None,
        "nvmlDeviceGetHandleByUUID": handle,
        "nvmlDeviceGetClockInfo": lambda gpu, which: 1980,
        "nvmlDeviceGetTemperature": lambda gpu, which: 61,
        "nvmlDeviceGetCurrentClocksThrottleReasons": lambda gpu: card.ways["throttled"],
        "nvmlDeviceGetViolationStatus": violations,
        "nvmlDeviceGetTotalEnergyConsumption": lambda gpu: int(card.energy),
        "nvmlSystemGetDriverVersion": lambda: "580.65.06",
    }


def _reading(card: Any, name: str, value: Callable[..., Any]) -> Callable[..., Any]:
    def read(*asked: Any) -> Any:
        card.readings += 1
        fails = card.ways["nvml_fails_at"]
        unknown = any(name.startswith(one) for one in card.ways["nvml_unsupported"])
        if unknown or (fails and card.readings >= fails):
            raise NVMLError(f"{name} is not supported")
        return value(*asked)

    return read
