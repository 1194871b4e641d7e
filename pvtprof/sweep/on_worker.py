"""What runs on a worker of a cluster: it greets, and times rows one after the other.

The worker's engine may call it from any of its threads. Rows are timed in one thread of their own,
which lives as long as the process: see ``Worker``.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pvtprof import cores
from pvtprof.errors import UnavailableError
from pvtprof.observe.asking import resolved_device
from pvtprof.observe.environment import commit, without_torch
from pvtprof.observe.machine import Environment
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.processes import machine_mark, this_process
from pvtprof.sweep.worker import Timing, Tried, Worker

#: What a worker must have here before it is asked anything: dask ends a worker that gets a function
#: which it does not have.
SPEAKS = 1
THREAD = ThreadPoolExecutor(1, "pvtprof")
#: What times rows in this process; what it started ends with its thread.
_HANDS: dict[type[Worker], Worker] = {}


@dataclass(frozen=True, slots=True)
class Greeting:
    """Who a worker is: ``name`` of its process, ``host`` of the machine that it shares with others.

    ``versions`` must be those of the driver. ``places`` has, for each device that is there, its
    environment as far as it is known without torch, whose import would disturb a row that is timed
    on that machine. ``missing`` says why other devices are not there. ``note`` is worth knowing.
    """

    name: str
    host: str
    versions: Mapping[str, str | None]
    places: Mapping[str, Environment]
    missing: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One row to be timed by the process ``who``; without ``planned`` the reference."""

    who: str
    timing: Timing
    device: str
    planned: Planned | None = None
    seed: int = 0


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C to the driver: dask calls this in every worker that it starts for a sweep here.

    A terminal sends it to all of them, and each would end with a traceback.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def versions() -> Mapping[str, str | None]:
    """Return what must be the same on the driver and on each worker."""
    its = without_torch("cpu")
    return {"pvtprof": its.pvtprof, "commit of pvtprof": commit(), "torch": its.torch}


def greeted(kind: type[Worker], devices: Sequence[str]) -> Greeting:
    """Return who this worker is, and which of some devices it has."""
    return replace(THREAD.submit(_greeted, kind, devices).result(), note=_note())


def tried(kind: type[Worker], order: Order) -> Tried | None:
    """Return one try of a row; None where the order is to a process that died before this one."""
    return THREAD.submit(_tried, kind, order).result()


def _greeted(kind: type[Worker], devices: Sequence[str]) -> Greeting:
    _hand(kind)  # which raises where nothing can be timed
    places, missing = {}, []
    for device in devices:
        try:
            resolved_device(device)
        except UnavailableError as error:
            missing.append(str(error))
        else:
            places[device] = without_torch(device)
    its = this_process()
    return Greeting(its.name, machine_mark(), versions(), places, tuple(missing))


def _tried(kind: type[Worker], order: Order) -> Tried | None:
    if order.who != this_process().name:
        return None
    hand = _hand(kind)
    hand.timing = order.timing
    if order.planned is None:
        return hand.reference(order.device)
    return hand.tried(order.planned, order.seed)


def _hand(kind: type[Worker]) -> Worker:
    if kind not in _HANDS:
        _HANDS[kind] = kind(Timing()).__enter__()
    return _HANDS[kind]


def _note() -> str:
    """Return a warning where there is one thread only, because dask's nanny sets that unasked."""
    import dask
    from distributed import get_worker

    of_nanny = dask.config.get("distributed.nanny.pre-spawn-environ", {}).get("OMP_NUM_THREADS")
    is_one = of_nanny is not None and os.environ.get("OMP_NUM_THREADS") == "1"
    if not is_one or cores.count() == 1 or get_worker().nanny is None:
        return ""
    return (
        "has OMP_NUM_THREADS=1, which dask's nanny sets by itself; for rows that use every core "
        "start it with --no-nanny"
    )
