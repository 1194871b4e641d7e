"""A sweep over the workers of a dask cluster; the store stays with the driver, which is here.

Each machine times one row at a time, however many workers it has. A worker that is lost gives its
row back. dask (the extra ``dask``) is imported when it is used.
"""

from __future__ import annotations

import asyncio
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from pvtprof.errors import SpecError, UnavailableError
from pvtprof.sweep import measuring, on_worker
from pvtprof.sweep.measuring import Sweeping, interrupted
from pvtprof.sweep.remote import Engine, in_a_line
from pvtprof.sweep.store import Store
from pvtprof.sweep.stored import Progress
from pvtprof.sweep.team import Team
from pvtprof.sweep.worker import Worker

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

#: A scheduler that does not answer in so many seconds is given up.
ANSWER_S = 5
ADDRESS = re.compile(r"(?:(?:tcp|tls|wss?|ucxx?)://)?(?:[^\s/:@]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})")
MOST_LOCAL = 64
Say: TypeAlias = Callable[[str], None]
Measure: TypeAlias = Callable[[Store, Sweeping, Say], Progress]


@contextmanager
def measurer(workers: int | None, scheduler: str | None) -> Iterator[Measure]:
    """Yield what measures the rows of a store: this process, new workers here, or a cluster."""
    if workers is None and scheduler is None:
        yield measuring.sweep
        return
    with connected(workers, scheduler) as client:
        yield partial(sweep, client)


@contextmanager
def connected(workers: int | None, scheduler: str | None) -> Iterator[Client]:
    """Yield a client of so many new worker processes here, or of the scheduler at an address."""
    _check(workers, scheduler)
    try:
        import dask
        from distributed import Client
    except ImportError:
        raise UnavailableError(
            'workers need dask: pip install "pvtprof[dask]", or sweep without --workers and '
            "--scheduler"
        ) from None
    # Workers here have the environment of this process, and so as many threads as it would.
    with dask.config.set({"distributed.nanny.pre-spawn-environ": {}}), ExitStack() as stack:
        stack.enter_context(_quiet())
        where: Any = scheduler
        if workers is not None:
            where = stack.enter_context(_local(workers))
        else:
            _check_answers(str(scheduler))
        yield stack.enter_context(Client(where, timeout=ANSWER_S, set_as_default=False))


def _check(workers: int | None, scheduler: str | None) -> None:
    """Raise SpecError for words that can mean no workers."""
    if workers is not None and scheduler is not None:
        raise SpecError("--workers starts workers here, and --scheduler has its own; use one")
    if workers is not None and not 1 <= workers <= MOST_LOCAL:
        raise SpecError(
            f"workers is {workers}; use 1 to {MOST_LOCAL}: one machine times one row at a time, so "
            "that more than a few do not help"
        )
    if scheduler is not None:
        found = ADDRESS.fullmatch(scheduler)
        if found is None or not 0 < int(found[1]) < 65536:
            raise SpecError(
                f"scheduler is {scheduler!r}; use an address such as tcp://10.0.0.1:8786"
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep dask's loggers silent: what they say of workers is said here, in one line each."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _local(workers: int) -> LocalCluster:
    """Return worker processes here, with a scheduler that starts each anew if it dies."""
    from distributed import LocalCluster

    try:
        with warnings.catch_warnings():  # of a port of its pages that another cluster has
            warnings.simplefilter("ignore", UserWarning)
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                memory_limit=0,
                silence_logs=logging.CRITICAL,
                preload=[on_worker.__name__],
            )
    except (OSError, RuntimeError) as error:
        raise UnavailableError(
            f"no workers could be started here: {in_a_line(error)} In a script of your own, call "
            'this below `if __name__ == "__main__":`'
        ) from None


def _check_answers(address: str) -> None:
    """Raise UnavailableError where no scheduler answers: a client itself may wait far longer."""
    from distributed import Security
    from distributed.comm.core import connect

    async def answered() -> None:
        words = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect(address, timeout=ANSWER_S, **words), ANSWER_S)
        await comm.close()

    try:
        with ThreadPoolExecutor(1) as thread:  # where this one may have a loop that runs
            thread.submit(asyncio.run, answered()).result()
    except Exception:  # whatever the engine makes of what answers there
        raise UnavailableError(
            f"no dask scheduler answers at {address} in {ANSWER_S} s; check the address, and that "
            "`dask scheduler` runs there"
        ) from None


def sweep(
    client: Client,
    store: Store,
    how: Sweeping,
    progress: Say = lambda text: None,
    kind: type[Worker] = Worker,
) -> Progress:
    """Measure every row of a store that is left, on the workers of a cluster.

    Returns how far it is then. Raises RunInterruptedError on Ctrl-C; the rows measured by then are
    in the store.
    """
    team = Team(Engine(client, how.timing, kind), store, how, progress)
    try:
        team.run()
    except KeyboardInterrupt:
        team.stop()
        raise interrupted(store) from None  # which counts what was recorded until now
    finally:
        team.stop()
    return replace(store.progress(), notes=tuple(team.notes))
