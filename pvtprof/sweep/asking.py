"""Choosing from a store as a function of plain values, as the command line does it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pvtprof.designs.checks import image_size
from pvtprof.designs.named import Model, given_as, network
from pvtprof.designs.setting import Setting
from pvtprof.designs.words import DEFAULT_MODEL
from pvtprof.predict.entry import search_of
from pvtprof.sweep.deciding import Progress, Question, decide, halved_notes
from pvtprof.sweep.telling import Attempt, measured

if TYPE_CHECKING:
    from pvtprof.predict.choose import Found
    from pvtprof.sweep.planned import Planned
    from pvtprof.sweep.worker import Tried


def choose(
    path: str | os.PathLike[str],
    model: Model = DEFAULT_MODEL,
    img: int | tuple[int, int] = 224,
    *,
    measure: int = 0,
    machine: str | None = None,
    threads: int | None = None,
    changes: Sequence[str] = (),
    batch: int = 1,
    dtype: str = "float32",
    device: str = "auto",
    attention: str = "eager",
    within_s: float | None = None,
    memory_bytes: int | None = None,
    only: str | Sequence[str] = (),
    min_keys: int = 1,
    sr_ratios: Sequence[int] | None = None,
    pool_sizes: int | Sequence[int] = (),
    task: str | None = None,
    proposals: int | None = None,
    calibration: str | os.PathLike[str] | None = None,
    progress: Progress = lambda text: None,
) -> Found:
    """Return the best designs by the times in a store; what it has no time of is predicted.

    ``measure`` is how many measurements are made before, of the designs that may be the fastest.
    ``machine`` names another machine than this one by its first letters, ``threads`` one of several
    numbers of threads. The other words are those of ``pvtprof.choose``.
    """
    spec = network(model, changes).used_for(task, proposals)
    height, width = image_size(img)
    question = Question(
        given_as(model),
        tuple(changes),
        spec,
        Setting(height, width, batch=batch, dtype=dtype, attention=attention),
        search_of(spec, only=only, min_keys=min_keys, sr_ratios=sr_ratios, pool_sizes=pool_sizes),
        within_s,
        memory_bytes,
        device,
        machine,
        threads,
        calibration,
    )
    if not measure:
        return decide(path, question)
    begin = time.perf_counter()
    with attempts(question) as (attempt, placed):
        done = measured(path, placed, measure, attempt, progress)
    notes = halved_notes(done, time.perf_counter() - begin, os.fspath(path))
    found = decide(path, question)
    return replace(found, notes=(*notes, *found.notes))


@contextmanager
def attempts(question: Question) -> Iterator[tuple[Attempt, Question]]:
    """Yield what measures a row on this machine, and the question on the device that is meant."""
    from pvtprof.observe.asking import resolved_device
    from pvtprof.sweep.worker import Timing, Worker

    setting = replace(question.setting, device=resolved_device(question.device))
    with Worker(Timing()) as worker:

        def attempt(planned: Planned, budget_s: float) -> Tried:
            worker.timing = replace(worker.timing, budget_s=budget_s)
            return worker.tried(planned)

        yield attempt, replace(question, setting=setting)
