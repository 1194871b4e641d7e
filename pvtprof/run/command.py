"""The command line that repeats a run."""

from __future__ import annotations

from collections.abc import Sequence

from pvtprof import units
from pvtprof.designs.words import DEFAULT_BUDGET_S, DEFAULT_MODEL
from pvtprof.designs.workload import Workload

#: Options that are left out where they are the default.
_OPTIONS = ("batch", "dtype", "attention", "mode", "pool_size")


def command(workloads: Sequence[Workload], budget_s: float = DEFAULT_BUDGET_S) -> str:
    """Return `pvtprof compare` with every option that is not the default.

    >>> command([Workload("pvt_v2_b2", 224, 224, (8, 4, 2, 1), attention="sdpa")])
    'pvtprof compare --img 224 --R 8,4,2,1 --attention sdpa --analytic'
    """
    first = workloads[0]
    words = ["pvtprof compare"]
    models = list(dict.fromkeys(workload.model for workload in workloads))
    if models != [DEFAULT_MODEL]:
        words.append(f"--model {','.join(models)}")
    sizes = dict.fromkeys(units.sides(workload.height, workload.width) for workload in workloads)
    words.append(f"--img {','.join(sizes)}")
    words.append(f"--R {units.ratios(first.sr_ratios)}")
    plain = Workload(first.model, first.height, first.width, first.sr_ratios)
    for name in _OPTIONS:
        if getattr(first, name) != getattr(plain, name):
            words.append(f"--{name.replace('_', '-')} {getattr(first, name)}")
    if first.device == plain.device:
        return " ".join([*words, "--analytic"])
    words.append(f"--device {first.device}")
    if budget_s != DEFAULT_BUDGET_S:
        words.append(f"--budget {budget_s:g}")
    return " ".join(words)
