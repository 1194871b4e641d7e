"""The command line that repeats a run."""

from __future__ import annotations

from pvtprof import units
from pvtprof.designs.published import DEFAULT_MODEL
from pvtprof.designs.setting import DEFAULT_BUDGET_S, Workload


def command(workload: Workload, budget_s: float = DEFAULT_BUDGET_S) -> str:
    """`pvtprof compare` with every option that is not the default.

    >>> command(Workload("pvt_v2_b2", 224, 224, (8, 4, 2, 1), attention="sdpa"))
    'pvtprof compare --img 224 --R 8,4,2,1 --attention sdpa --analytic'
    """
    words = ["pvtprof compare"]
    if workload.model != DEFAULT_MODEL:
        words.append(f"--model {workload.model}")
    words.append(f"--img {units.sides(workload.height, workload.width)}")
    words.append(f"--R {','.join(map(str, workload.sr_ratios))}")
    plain = Workload(workload.model, workload.height, workload.width, workload.sr_ratios)
    for name in ("batch", "dtype", "attention", "mode", "pool_size"):
        if getattr(workload, name) != getattr(plain, name):
            words.append(f"--{name.replace('_', '-')} {getattr(workload, name)}")
    if workload.device == plain.device:
        return " ".join([*words, "--analytic"])
    words.append(f"--device {workload.device}")
    if budget_s != DEFAULT_BUDGET_S:
        words.append(f"--budget {budget_s:g}")
    return " ".join(words)
