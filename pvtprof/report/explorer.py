"""What the report's live explorer starts from: the closed forms as data, and vectors to hold it to.

The explorer computes in the reader's browser, from the operator lists that Python reads
(``analytic.program``), in whole numbers of any size. A vector is one setting, as the command line
takes it, with every figure of one row as Python has it, or Python's refusal.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pvtprof import units
from pvtprof.analytic import liveness
from pvtprof.analytic.formulas import total
from pvtprof.analytic.geometry import model_sizes
from pvtprof.analytic.parts import part_terms
from pvtprof.analytic.program import program
from pvtprof.designs.checks import MAX_BATCH
from pvtprof.designs.part import Part
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import ATTENTIONS, DEFAULT_MODEL, DTYPES
from pvtprof.designs.workload import workload
from pvtprof.errors import SpecError
from pvtprof.run.command import command
from pvtprof.run.run import Run

__all__ = ["EMBEDDED", "embedded", "of_run", "packed", "program", "texts", "vector", "vectors"]

#: So many vectors travel with each page, beside the rows of its run.
EMBEDDED = 240
#: The options that say what runs, and what a vector says of a row.
OPTIONS = ("model", "img", "R", "batch", "dtype", "attention", "pool-size")
FIGURES = ("command", "at", "macs", "params", "read", "written", "peak")
#: The rows of a comparison, of which vectors are drawn.
_ROWS = tuple((part, variant) for part in workload().designs[0].parts for variant in VARIANTS)
#: Sides of random images: small, odd and usual ones, and the largest.
_SIDES = (1, 7, 31, 33, 64, 100, 111, 224, 225, 255, 320, 384, 512, 800, 1333, 2048, 4096, 16384)


def vectors(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yield random settings with Python's figures of one row each; some are refused."""
    chance = random.Random(seed)
    for _ in range(count):
        given = _drawn(chance)
        yield vector(given, *chance.choice(_ROWS))


def of_run(run: Run) -> Iterator[dict[str, Any]]:
    """Yield the rows of a run as vectors; nothing for a run in training."""
    for row in run.rows:
        yield vector(texts(run), row.part, row.design.name)


@cache
def embedded() -> tuple[dict[str, Any], ...]:
    """Return the random vectors that every page contains."""
    return tuple(vectors(EMBEDDED))


def vector(given: dict[str, str], part: Part, variant: str) -> dict[str, Any]:
    """Return a setting and a row with Python's figures; whole numbers as text, for JSON."""
    return {
        "texts": given,
        "stage": part.stage,
        "variant": variant,
        "expected": _expected(given, part, variant),
    }


def _expected(given: dict[str, str], part: Part, variant: str) -> dict[str, str]:
    height, _, width = given["img"].partition("x")
    try:
        work = workload(
            given["model"],
            (int(height), int(width or height)),
            [int(ratio) for ratio in given["R"].split(",")],
            batch=int(given["batch"]),
            dtype=given["dtype"],
            attention=given["attention"],
            pool_size=int(given["pool-size"]),
        )
        for design in work.designs:
            model_sizes(design.spec, work.batch, work.setting.image)
    except SpecError as error:
        return {"error": str(error)}
    terms = part_terms(work.spec(variant), part, work.setting)
    cost = total(terms)
    top = liveness.peak(terms, work.dtype)
    bytes_each = DTYPES[work.dtype]
    numbers = {
        "macs": cost.macs,
        "params": cost.params,
        "read": bytes_each * cost.reads,
        "written": bytes_each * cost.writes,
        "peak": top.bytes,
    }
    return {"command": command([work]), "at": top.at} | {k: str(n) for k, n in numbers.items()}


def _drawn(chance: random.Random) -> dict[str, str]:
    def side() -> int:
        return chance.choice([chance.choice(_SIDES), chance.randint(32, 1500)])

    height = side()
    width = height if chance.random() < 0.5 else side()
    ratios = [chance.choice((1, 1, 2, 3, 4, 8)) for _ in range(4)]
    model = chance.choice(list(MODELS))
    if MODELS[model].class_token and chance.random() < 0.9:
        ratios[3] = 1
    limit = chance.choice((8, MAX_BATCH, MAX_BATCH))
    return {
        "model": model,
        "img": units.sides(height, width),
        "R": units.ratios(ratios),
        "batch": str(chance.randint(0 if chance.random() < 0.1 else 1, limit)),
        "dtype": chance.choice(list(DTYPES)),
        "attention": chance.choice(ATTENTIONS),
        "pool-size": str(chance.choice((7, 7, 7, 1, 2, 3, 14, 32, 64, 0))),
    }


def packed(many: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return vectors as a table with each name once, for a page."""
    lines = []
    for one in many:
        expected = one["expected"]
        figures = expected["error"] if "error" in expected else [expected[name] for name in FIGURES]
        lines.append([*one["texts"].values(), one["stage"], one["variant"], figures])
    return {"options": OPTIONS, "figures": FIGURES, "lines": lines}


def is_explorable(run: Run) -> bool:
    """Return whether the explorer has the operators of a comparison: of a model that classifies."""
    return not run.is_own and all(design.spec.task == CLASSIFY for design in run.designs)


def texts(run: Run) -> dict[str, str]:
    """Return the model and the setting of a comparison as options of the command line."""
    return _texts(run.designs[0].spec, run.setting)


def _texts(spec: ModelSpec, setting: Setting) -> dict[str, str]:
    return {
        "model": spec.name,
        "img": units.sides(*setting.image),
        "R": units.ratios(spec.sr_ratios),
        "batch": str(setting.batch),
        "dtype": setting.dtype,
        "attention": setting.attention,
        "pool-size": str(spec.pool_size),
    }


#: What the explorer starts from where a run is of no published model.
DEFAULT = _texts(MODELS[DEFAULT_MODEL], Setting(224, 224))
