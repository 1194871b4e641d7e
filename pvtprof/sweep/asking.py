"""Choosing from a store as a function of plain values, as the command line does it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pvtprof.designs.checks import image_size
from pvtprof.designs.named import Model, given_as, network
from pvtprof.designs.setting import Setting
from pvtprof.designs.words import DEFAULT_MODEL
from pvtprof.predict.entry import search_of
from pvtprof.sweep.deciding import Progress, Question, decide, halved_notes
from pvtprof.sweep.machines import name_here
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
    progress: Progress = lambda text: None,
    **words: Any,
) -> Found:
    """Return the best designs by the times in a store; what it has no time of is predicted.

    ``measure`` is how many measurements are made before, of the designs that may be the fastest.
    ``words`` are those of ``question``.
    """
    asked = question(model, img, words)
    if not measure:
        return decide(path, asked)
    begin = time.perf_counter()
    with attempts(asked) as (attempt, placed):
        done = measured(path, placed, measure, attempt, progress)
    notes = halved_notes(done, time.perf_counter() - begin, os.fspath(path))
    found = decide(path, replace(asked, machine=name_here(asked.device)))
    return replace(found, notes=(*notes, *found.notes))


def question(model: Model, img: int | tuple[int, int], words: Mapping[str, Any]) -> Question:
    """Return what is asked of a store, from words as ``pvtprof.choose`` has them.

    Beside those: ``changes``, as ``--set`` has them; ``machine``, another machine than this one by
    its first letters; and ``threads``, one of several numbers of threads.
    """
    left = dict(words)

    def taken(*names: str) -> dict[str, Any]:
        return {name: left.pop(name) for name in names if name in left}

    changes = tuple(left.pop("changes", ()))
    spec = network(model, changes).used_for(**taken("task", "proposals"))
    return Question(
        given_as(model),
        changes,
        spec,
        Setting(*image_size(img), **taken("batch", "dtype", "attention")),
        search_of(spec, **taken("only", "min_keys", "sr_ratios", "pool_sizes")),
        **left,
    )


@contextmanager
def attempts(question: Question) -> Iterator[tuple[Attempt, Question]]:
    """Yield what measures a row on this machine, and the question on the device that is meant."""
    from pvtprof.observe.asking import resolved_device
    from pvtprof.sweep.worker import Timing, Worker

    setting = replace(question.setting, device=resolved_device(question.device))
    with Worker(Timing()) as worker:

        def attempt(planned: Planned, budget_s: float, beside: Planned) -> Tried:
            worker.timing = replace(worker.timing, budget_s=budget_s)
            return worker.tried(planned, beside=beside)

        yield attempt, replace(question, setting=setting)
