"""The operators of each part of a design, and their formulas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pvtprof.analytic import liveness
from pvtprof.analytic.cost import FVCORE, Convention, Cost
from pvtprof.analytic.dense import PARTS, part_of
from pvtprof.analytic.formulas import (
    Term,
    attention_ops,
    model_terms,
    model_total,
    running,
    total,
)
from pvtprof.analytic.geometry import model_sizes, token_grids
from pvtprof.analytic.ops import params
from pvtprof.designs.checks import image_size
from pvtprof.designs.part import MODEL, Part, attention_of
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import TASKS
from pvtprof.errors import SpecError
from pvtprof.moment import Moment, highest


def part_terms(spec: ModelSpec, part: Part, setting: Setting) -> tuple[Term, ...]:
    """Return the operators of one part of a network."""
    if part.stage is None:
        check_maps(spec, setting)
        return model_terms(spec, setting.image, setting.batch, setting.attention)
    sizes = model_sizes(spec, setting.batch, setting.image)[part.stage - 1]
    stage = spec.stages[part.stage - 1]
    ops = attention_ops(stage.runs_as, setting.attention, stage.qkv_bias)
    return running(Term(op.inside("attn"), sizes) for op in ops)


def check_maps(spec: ModelSpec, setting: Setting) -> None:
    """Raise SpecError where a neck would train on a map of one pixel.

    torch takes one pixel for either layout, and copies follow from that; a batch norm refuses it.
    """
    if setting.mode != "training" or TASKS[spec.task].neck is None:
        return
    if token_grids(spec, *setting.image)[-1] == (1, 1):
        raise SpecError(
            f"at {setting.height}x{setting.width} the last map of {spec.name} is one pixel, and a "
            f"training step of task {spec.task} is known for larger maps alone; "
            "use a larger --img, or --task pyramid"
        )


def formula_by_module(terms: Iterable[Term], convention: Convention) -> dict[str, int]:
    """Return the count of each submodule in a convention, without zeros."""
    counts: Counter[str] = Counter()
    for term in terms:
        counts[term.op.module] += term.count(convention)
    return {where: count for where, count in counts.items() if count}


def timeline(terms: Sequence[Term], setting: Setting) -> Iterator[Moment]:
    """Return the live bytes at every operator that allocates; in inference repeated blocks once."""
    if setting.mode == "training":
        from pvtprof.analytic import training  # five modules that inference does not need

        return training.timeline(terms, setting.dtype, setting.training)
    return liveness.timeline(terms, setting.dtype)


def saved_bytes(terms: Sequence[Term], setting: Setting) -> int:
    """Return the bytes kept for backward, without input, parameters and output."""
    if setting.mode == "training":
        from pvtprof.analytic import training

        return training.saved(terms, setting.dtype, setting.training)
    return liveness.saved(terms, setting.dtype)


def params_bytes(terms: Iterable[Term], setting: Setting) -> int:
    """Return the bytes of the parameters of all operators together."""
    return setting.bytes_each * sum(term.times * params(term.op, term.sizes) for term in terms)


def needs(spec: ModelSpec, setting: Setting) -> tuple[int, str]:
    """Return the bytes of parameters, images and peak of a network, and the peak's operator."""
    terms = part_terms(spec, MODEL, setting)
    return needs_of(terms, setting, image_bytes(spec, setting))


def needs_of(terms: Sequence[Term], setting: Setting, input_bytes: int) -> tuple[int, str]:
    """Return the same for the operators of any network on an input of so many bytes."""
    peak = highest(timeline(terms, setting))
    return peak.bytes + params_bytes(terms, setting) + input_bytes, peak.at


def image_bytes(spec: ModelSpec, setting: Setting) -> int:
    """Return the bytes of the images of one call."""
    return setting.bytes_each * spec.in_chans * setting.batch * setting.height * setting.width


def op_name(term: Term) -> str:
    """Return the name of an operator in its row."""
    return term.op.name.removeprefix("attn.")


def summaries(specs: Sequence[ModelSpec], image: tuple[int, int]) -> list[dict[str, str | int]]:
    """Return params, MACs and fvcore's count of some networks."""
    size = image_size(image)
    return [_summary(spec, size) for spec in specs]


def _summary(spec: ModelSpec, image: tuple[int, int]) -> dict[str, str | int]:
    terms = model_terms(spec, image)
    cost = total(terms)
    variants = list(dict.fromkeys(stage.variant for stage in spec.stages))
    return {
        "model": spec.name,
        "attention": "+".join(variants),
        "params": cost.params,
        "macs": cost.macs,
        "fvcore": model_total(spec, image, FVCORE),
        **_by_part(spec, terms),
    }


def costs_by_part(terms: Sequence[Term], spec: ModelSpec) -> dict[str, Cost]:
    """Return the cost of backbone, neck and head; nothing for a task that has no neck."""
    if TASKS[spec.task].neck is None:
        return {}
    return {part: total(term for term in terms if part_of(term.op, spec) == part) for part in PARTS}


def _by_part(spec: ModelSpec, terms: Sequence[Term]) -> dict[str, str | int]:
    costs = costs_by_part(terms, spec)
    return {
        f"{part}_{what}": getattr(cost, what)
        for what in ("params", "macs")
        for part, cost in costs.items()
    }


def stage_summaries(spec: ModelSpec, image: tuple[int, int]) -> list[dict[str, str | int]]:
    """Return what each stage is made of, with the params and MACs of one attention module."""
    setting = Setting(*image_size(image))
    grids = token_grids(spec, *setting.image)
    found: list[dict[str, str | int]] = []
    for number, (stage, grid) in enumerate(zip(spec.stages, grids, strict=True), 1):
        cost = total(part_terms(spec, attention_of(number), setting))
        found.append(
            {
                "stage": str(number),
                "grid": f"{grid[0]}x{grid[1]}",
                "dim": stage.dim,
                "depth": stage.depth,
                "heads": stage.num_heads,
                "mlp_ratio": stage.mlp_ratio,
                "R": stage.sr_ratio,
                "attention": stage.variant,
                "params": cost.params,
                "macs": cost.macs,
            }
        )
    return found
