"""The command line that repeats a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from shlex import quote
from typing import TYPE_CHECKING

from pvtprof import units
from pvtprof.designs.published import NAMEABLE
from pvtprof.designs.words import DEFAULT_BUDGET_S, DEFAULT_MODEL
from pvtprof.designs.workload import Workload

if TYPE_CHECKING:
    from pvtprof.run.measuring import Measuring
    from pvtprof.run.targets import Wanted

#: Options that are left out where they are the default.
_OPTIONS = ("batch", "dtype", "attention", "mode", "pool_size", "task", "proposals")
_DEFAULTS = {field.name: field.default for field in fields(Workload)}


def command(workloads: Sequence[Workload], budget_s: float = DEFAULT_BUDGET_S) -> str:
    """Return `pvtprof compare` with every option that is not the default.

    >>> from pvtprof.designs.workload import workload
    >>> command([workload("pvt_v2_b2", 224, (8, 4, 2, 1), attention="sdpa")])
    'pvtprof compare --img 224 --R 8,4,2,1 --attention sdpa --analytic'
    """
    first = workloads[0]
    words = ["pvtprof compare"]
    models = list(dict.fromkeys(map(_named, workloads)))
    if models != [DEFAULT_MODEL]:
        words.append(f"--model {','.join(models)}")
    words += [f"--set {quote(change)}" for change in first.changes]
    sizes = dict.fromkeys(units.sides(workload.height, workload.width) for workload in workloads)
    words.append(f"--img {','.join(sizes)}")
    if all(one.sr_ratios == first.sr_ratios for one in workloads):  # else each has its own
        words.append(f"--R {units.ratios(first.sr_ratios)}")
    words += [f"--design {quote(word)}" for word in first.chosen]
    defaults = _DEFAULTS | {"pool_size": first.model.pool_size}
    for name in _OPTIONS:
        if getattr(first, name) != defaults[name]:
            words.append(f"--{name.replace('_', '-')} {getattr(first, name)}")
    if first.device == _DEFAULTS["device"]:
        return " ".join([*words, "--analytic"])
    words.append(f"--device {first.device}")
    if budget_s != DEFAULT_BUDGET_S:
        words.append(f"--budget {budget_s:g}")
    return " ".join(words)


def gpu_words(measuring: Measuring) -> str:
    """Return the options of a GPU that a run was asked with."""
    return " --cuda-graph" * measuring.cuda_graph + " --tf32 on" * measuring.tf32


def _named(workload: Workload) -> str:
    """Return how the command line names the model of a workload, without what is on top of it."""
    if workload.given or workload.name in NAMEABLE:
        return quote(workload.given or workload.name)
    return f"<{workload.name}, given in Python>"


def own_command(
    wanted: Wanted, asked: Sequence[Workload], device: str, measuring: Measuring, analytic: bool
) -> str:
    """The command that repeats a run of the user's own modules, beside PVT's designs if asked.

    Of a module that was given in Python it has the name alone.
    """
    words = []
    on_gpu = "" if analytic else gpu_words(measuring)
    for given in wanted.given:
        words.append(f"--target {given.target or f'<{given.name}, given in Python>'}")
    if wanted.free:
        words.append(f"--free {wanted.free}")
    if wanted.at:
        words.append(f"--at {','.join(f'{name}={size}' for name, size in wanted.at.items())}")
    if wanted.depth != 1:
        words.append(f"--depth {wanted.depth}")
    if not asked:
        mode = f" --mode {wanted.mode}" * (wanted.mode != "inference")
        rest = f"{mode} --device {device}" if not analytic else f"{mode} --analytic"
        budget = f" --budget {measuring.budget_s:g}"
        shown = not analytic and measuring.budget_s != DEFAULT_BUDGET_S
        return f"pvtprof compare {' '.join(words)}{rest}{budget * shown}{on_gpu}"
    beside = command([replace(one, device=device) for one in asked], measuring.budget_s)
    if "--model " not in beside:
        words.append(f"--model {_named(asked[0])}")
    return f"pvtprof compare {' '.join(words)}{beside.removeprefix('pvtprof compare')}{on_gpu}"
