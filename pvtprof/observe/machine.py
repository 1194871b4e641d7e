"""The environment in which a run was made, as a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: What an anonymous run says in place of a device or a date.
WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a run was made. No host name, no user, no path.

    ``timed_with`` are the environment variables that pin the memory of the process that was timed.
    Of a GPU: ``tf32`` ("on" or "off") of products and convolutions of float32, and
    ``gpu_settings``, what else decides which kernels run. ``thread_settings`` are the environment
    variables of OpenMP and MKL, ``cpu_quota`` the cores' worth of time that a container may use.
    """

    pvtprof: str
    date: str
    python: str
    system: str
    device: str
    threads: int | None = None
    memory_bytes: int | None = None
    torch: str | None = None
    fvcore: str | None = None
    cuda: str | None = None
    driver: str | None = None
    commit: str | None = None
    timed_with: str | None = None
    cudnn: str | None = None
    tf32: str | None = None
    gpu_settings: str | None = None
    thread_settings: str | None = None
    cpu_quota: float | None = None

    @property
    def is_throttled(self) -> bool:
        """Whether threads are stopped for a part of each period, which every time then contains."""
        return self.cpu_quota is not None and self.cpu_quota < (self.threads or 1)


#: What of the environment must be the same for two times to mean something.
CONDITIONS = (
    *("device", "driver", "cuda", "torch", "threads", "timed_with"),
    *("cudnn", "tf32", "gpu_settings", "thread_settings"),
)


def differing(
    one: Environment, other: Environment
) -> Iterator[tuple[str, str | int | None, str | int | None]]:
    """Yield (name, in one, in the other) of the conditions of timing that differ."""
    for name in CONDITIONS:
        a, b = getattr(one, name), getattr(other, name)
        if a != b:
            yield name, a, b
