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
from pvtprof.analytic.formulas import total
from pvtprof.analytic.geometry import model_sizes
from pvtprof.analytic.parts import part_terms, saved_bytes, timeline
from pvtprof.analytic.program import program as forms
from pvtprof.designs.checks import MAX_BATCH, image_size, positive
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.named import network
from pvtprof.designs.part import Part
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec, checked_ratios
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.designs.variants import PLAIN, VARIANTS
from pvtprof.designs.words import DEFAULT_MODEL, DEFAULT_POOL_SIZE
from pvtprof.designs.workload import workload
from pvtprof.errors import SpecError
from pvtprof.moment import highest
from pvtprof.report.page.drawing import drawn
from pvtprof.run.command import command
from pvtprof.run.run import Run

#: So many vectors travel with each page, beside the rows of its run.
EMBEDDED = 240
#: The options that say what runs, and what a vector says of a row.
OPTIONS = ("model", "img", "R", "batch", "dtype", "attention", "pool-size", "mode", "set")
FIGURES = ("command", "at", "macs", "params", "read", "written", "peak", "saved")


@dataclass(frozen=True, slots=True)
class Explored:
    """A network that the explorer offers; ``named``: how the command line names it."""

    spec: ModelSpec
    named: str


def program(own: Sequence[Explored] = ()) -> dict[str, Any]:
    """Return the closed forms as data, with the networks ``own`` before the published models.

    A network of the user's own has no ``pool_size`` by default: its command always names one.
    """
    made = forms([one.spec for one in own])
    for name, model in made["models"].items():
        model["named"] = "" if name == DEFAULT_MODEL else f"--model {name}"
        model["pool_size"] = DEFAULT_POOL_SIZE
    for one in own:
        made["models"][one.spec.name] |= {"named": one.named, "pool_size": None}
    return made


def own_networks(runs: Iterable[Run]) -> tuple[Explored, ...]:
    """Return the networks of some runs that are not published ones, each once."""
    found: dict[str, Explored] = {}
    for run in filter(is_explorable, runs):
        words = re.match("pvtprof compare (--model .+?) --img ", run.command)
        is_single = len({design.model for design in run.designs}) == 1
        for design in run.designs:
            if not isinstance(design, PvtDesign) or design.spec.task != CLASSIFY:
                continue
            if not _is_published(design.spec):
                named = (
                    words[1] if words and is_single else f"--model <{design.model}, of this run>"
                )
                found.setdefault(design.model, Explored(design.spec, named))
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


def vectors(count: int, seed: int = 0, own: Sequence[Explored] = ()) -> Iterator[dict[str, Any]]:
    """Yield random settings with Python's figures of one row each; some are refused.

    Half of them are of the networks ``own``, where there are any.
    """
    chance = random.Random(seed)
    for _ in range(count):
        mine = chance.choice(own) if own and chance.random() < 0.5 else None
        explored = mine or published(chance.choice(list(MODELS)))
        given = drawn(chance, explored.spec)
        yield vector(given, *chance.choice(_rows(explored.spec)), explored)


def published(name: str) -> Explored:
    """Return a published model as the explorer offers it."""
    return Explored(MODELS[name], f"--model {name}")


@cache
def _rows(spec: ModelSpec) -> tuple[tuple[Part, str], ...]:
    return tuple((part, variant) for part in PvtDesign("", spec).parts for variant in VARIANTS)


def of_run(run: Run, own: Sequence[Explored] = ()) -> Iterator[dict[str, Any]]:
    """Yield the rows of a run as vectors; rows of other designs than the three are left out."""
    spec = run.designs[0].spec
    explored = next((one for one in own if one.spec.name == spec.name), None)
    for row in run.rows:
        name = row.design.name
        if name in VARIANTS and row.design.spec == spec.with_attention(name):
            yield vector(texts(run), row.part, name, explored or published(spec.name))


@cache
def embedded(own: tuple[Explored, ...] = ()) -> tuple[dict[str, Any], ...]:
    """Return the random vectors that a page contains."""
    return tuple(vectors(EMBEDDED, own=own))


def vector(given: dict[str, str], part: Part, variant: str, explored: Explored) -> dict[str, Any]:
    """Return a setting and a row with Python's figures; whole numbers as text, for JSON."""
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
        specs, setting = asked(given, explored.spec)
        for spec in specs.values():
            model_sizes(spec, setting.batch, setting.image)
    except SpecError as error:
        return {"error": str(error)}
    terms = part_terms(specs[variant], part, setting)
    cost = total(terms)
    top = highest(timeline(terms, setting))
    numbers = {
        "macs": cost.macs,
        "params": cost.params,
        "read": setting.bytes_each * cost.reads,
        "written": setting.bytes_each * cost.writes,
        "peak": top.bytes,
        "saved": saved_bytes(terms, setting),
    }
    words = _command(given, explored)
    return {"command": words, "at": top.at} | {k: str(n) for k, n in numbers.items()}


def asked(given: dict[str, str], spec: ModelSpec) -> tuple[dict[str, ModelSpec], Setting]:
    """Return the network with every variant, and the setting, checked in the order of `compare`."""
    height, width = image_size(_sides(given))
    if changes := _changes(given):
        spec = network(spec, changes)
    ratios = checked_ratios(_ratios(given), spec.last)
    batch = positive("batch", int(given["batch"]), MAX_BATCH)
    pooled = replace(spec, pool_size=int(given["pool-size"]))
    setting = Setting(
        height,
        width,
        batch=batch,
        dtype=given["dtype"],
        attention=given["attention"],
        mode=given["mode"],
    )
    return {variant: pooled.with_attention(variant, ratios) for variant in VARIANTS}, setting


def _changes(given: dict[str, str]) -> list[str]:
    """Return the changes of the network itself, as ``--set`` takes them."""
    return [change for change in given["set"].split("&") if change]


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
            mode=given["mode"],
            changes=_changes(given),
        )
        return command([work])
    usual = {"batch": "1", "dtype": "float32", "attention": "eager", "mode": "inference"}
    usual["pool-size"] = ""
    changed = [f"--set {change}" for change in _changes(given)]
    words = [f"--{name} {given[name]}" for name, text in usual.items() if given[name] != text]
    at = [f"--img {given['img']}", f"--R {given['R']}", *words]
    return " ".join(["pvtprof compare", explored.named, *changed, *at, "--analytic"])


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


def block_texts(run: Run) -> dict[str, str]:
    """Return the same, and "trained": what the explorer's training step is without."""
    its = run.setting.training
    return texts(run) | ({} if its.is_plain else {"trained": ", ".join(its.words)})


def _texts(spec: ModelSpec, setting: Setting) -> dict[str, str]:
    return {
        "model": spec.name,
        "img": units.sides(*setting.image),
        "R": units.ratios(spec.sr_ratios),
        "batch": str(setting.batch),
        "dtype": setting.dtype,
        "attention": setting.attention,
        "pool-size": str(spec.pool_size),
        "mode": setting.mode,
        "set": "",
    }


#: What the explorer starts from where a run is of no published model.
DEFAULT = _texts(MODELS[DEFAULT_MODEL], Setting(224, 224))
