"""What the report's live explorer starts from: the closed forms as data, and vectors to hold it to.

The explorer computes in the reader's browser, from the operator lists that Python reads
(``analytic.program``), in whole numbers of any size. A vector is one setting, as the command line
takes it, with every figure of one row as Python has it, or Python's refusal.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pvtprof import units
from pvtprof.analytic import liveness
from pvtprof.analytic.formulas import total
from pvtprof.analytic.geometry import model_sizes
from pvtprof.analytic.parts import part_terms
from pvtprof.analytic.program import program as forms
from pvtprof.designs.checks import MAX_BATCH, image_size, positive
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.part import Part
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec, checked_ratios
from pvtprof.designs.variants import PLAIN, VARIANTS
from pvtprof.designs.words import ATTENTIONS, DEFAULT_MODEL, DEFAULT_POOL_SIZE, DTYPES
from pvtprof.designs.workload import workload
from pvtprof.errors import SpecError
from pvtprof.run.command import command
from pvtprof.run.run import Run

#: So many vectors travel with each page, beside the rows of its run.
EMBEDDED = 240
#: The options that say what runs, and what a vector says of a row.
OPTIONS = ("model", "img", "R", "batch", "dtype", "attention", "pool-size")
FIGURES = ("command", "at", "macs", "params", "read", "written", "peak")
#: Sides of random images: small, odd and usual ones, and the largest.
_SIDES = (1, 7, 31, 33, 64, 100, 111, 224, 225, 255, 320, 384, 512, 800, 1333, 2048, 4096, 16384)


def program(specs: Sequence[ModelSpec] = (), run_command: str = "") -> dict[str, Any]:
    """Return the closed forms as data, and how the command line names each model.

    ``specs`` are the networks of a run that are not published, ``run_command`` made the run.
    """
    made = forms(specs)
    for name, model in made["models"].items():
        model["named"] = "" if name == DEFAULT_MODEL else f"--model {name}"
        model["pool_size"] = DEFAULT_POOL_SIZE
    found = re.match("pvtprof compare (--model .+?) --img ", run_command)
    for spec in specs:
        is_named = len(specs) == 1 and found and "," not in found[1].split(" --set ")[0]
        words = found[1] if found and is_named else f"--model <{spec.name}, of this run>"
        made["models"][spec.name] |= {"named": words, "pool_size": None}
    return made


def own_specs(runs: Iterable[Run]) -> tuple[ModelSpec, ...]:
    """Return the networks of some runs that are not published ones, each once."""
    found: dict[str, ModelSpec] = {}
    for design in (design for run in runs for design in run.designs):
        if isinstance(design, PvtDesign) and not _is_published(design.spec):
            found.setdefault(design.spec.name, design.spec)
    return tuple(found.values())


def _is_published(spec: ModelSpec) -> bool:
    """Return whether a network is a published one, but for its attention."""
    published = MODELS.get(spec.name)
    if published is None or published.last != spec.last:
        return False
    plain = [
        replace(one, pool_size=DEFAULT_POOL_SIZE).with_attention(PLAIN, [1] * one.last)
        for one in (spec, published)
    ]
    return plain[0] == plain[1]


def vectors(
    count: int, seed: int = 0, specs: tuple[ModelSpec, ...] = (), made: Any = None
) -> Iterator[dict[str, Any]]:
    """Yield random settings with Python's figures of one row each; some are refused.

    Half of them are of ``specs``, where there are any. ``made`` is the page's `program`.
    """
    chance = random.Random(seed)
    for _ in range(count):
        spec = chance.choice(specs) if specs and chance.random() < 0.5 else None
        spec = spec or MODELS[chance.choice(list(MODELS))]
        given = _drawn(chance, spec)
        row = chance.choice(_rows(spec))
        yield vector(given, *row, Explored(spec, made and made["models"][spec.name]["named"]))


@cache
def _rows(spec: ModelSpec) -> tuple[tuple[Part, str], ...]:
    return tuple((part, variant) for part in PvtDesign("", spec).parts for variant in VARIANTS)


def of_run(run: Run, made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a run as vectors; rows of other designs than the three are left out."""
    spec = run.designs[0].spec
    explored = Explored(spec, made["models"][spec.name]["named"])
    for row in run.rows:
        name = row.design.name
        if name in VARIANTS and row.design.spec == spec.with_attention(name):
            yield vector(texts(run), row.part, name, explored)


@cache
def embedded(specs: tuple[ModelSpec, ...] = (), named: str = "") -> tuple[dict[str, Any], ...]:
    """Return the random vectors that a page contains."""
    return tuple(vectors(EMBEDDED, specs=specs, made=program(specs, named)))


@dataclass(frozen=True, slots=True)
class Explored:
    """A network that the explorer offers; ``named``: how the command line names one of a run."""

    spec: ModelSpec
    named: str | None = None


def vector(
    given: dict[str, str], part: Part, variant: str, explored: Explored | None = None
) -> dict[str, Any]:
    """Return a setting and a row with Python's figures; whole numbers as text, for JSON.

    ``explored`` None: the published model of that name.
    """
    explored = explored or Explored(MODELS[given["model"]])
    return {
        "texts": given,
        "stage": part.stage,
        "variant": variant,
        "expected": _expected(given, part, variant, explored),
    }


def _expected(
    given: dict[str, str], part: Part, variant: str, explored: Explored
) -> dict[str, str]:
    try:
        specs, setting = _asked(given, explored.spec)
        for spec in specs.values():
            model_sizes(spec, setting.batch, setting.image)
    except SpecError as error:
        return {"error": str(error)}
    terms = part_terms(specs[variant], part, setting)
    cost = total(terms)
    top = liveness.peak(terms, setting.dtype)
    numbers = {
        "macs": cost.macs,
        "params": cost.params,
        "read": setting.bytes_each * cost.reads,
        "written": setting.bytes_each * cost.writes,
        "peak": top.bytes,
    }
    words = _command(given, explored)
    return {"command": words, "at": top.at} | {k: str(n) for k, n in numbers.items()}


def _asked(given: dict[str, str], spec: ModelSpec) -> tuple[dict[str, ModelSpec], Setting]:
    """Return the network with every variant, and the setting, checked in the order of `compare`."""
    height, width = image_size(_sides(given))
    ratios = checked_ratios(_ratios(given), spec.last)
    batch = positive("batch", int(given["batch"]), MAX_BATCH)
    pooled = replace(spec, pool_size=int(given["pool-size"]))
    setting = Setting(
        height, width, batch=batch, dtype=given["dtype"], attention=given["attention"]
    )
    return {variant: pooled.with_attention(variant, ratios) for variant in VARIANTS}, setting


def _sides(given: dict[str, str]) -> tuple[int, int]:
    height, _, width = given["img"].partition("x")
    return int(height), int(width or height)


def _ratios(given: dict[str, str]) -> list[int]:
    return [int(ratio) for ratio in given["R"].split(",")]


def _command(given: dict[str, str], explored: Explored) -> str:
    """Return the command line; a network that is not published is named as its run named it."""
    if _is_published(explored.spec):
        work = workload(
            given["model"],
            _sides(given),
            _ratios(given),
            batch=int(given["batch"]),
            dtype=given["dtype"],
            attention=given["attention"],
            pool_size=int(given["pool-size"]),
        )
        return command([work])
    usual = {"batch": "1", "dtype": "float32", "attention": "eager", "pool-size": ""}
    words = [f"--{name} {given[name]}" for name, text in usual.items() if given[name] != text]
    at = [f"--img {given['img']}", f"--R {given['R']}", *words]
    return " ".join(["pvtprof compare", explored.named or "", *at, "--analytic"])


def _drawn(chance: random.Random, spec: ModelSpec) -> dict[str, str]:
    def side() -> int:
        return chance.choice([chance.choice(_SIDES), chance.randint(32, 1500)])

    height = side()
    width = height if chance.random() < 0.5 else side()
    ratios = [chance.choice((1, 1, 2, 3, 4, 8)) for _ in range(spec.last)]
    if spec.class_token and chance.random() < 0.9:
        ratios[-1] = 1
    limit = chance.choice((8, MAX_BATCH, MAX_BATCH))
    return {
        "model": spec.name,
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
