"""What changed from run A to run B, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from pvtprof import units
from pvtprof.observe.machine import WITHHELD, differing
from pvtprof.run.run import Run


def facts(run: Run) -> dict[str, object]:
    """Return what distinguishes one comparison from another: model, setting, R and pooled grid."""
    spec = run.designs[0].spec
    return {
        "model": run.model,
        **asdict(run.setting),
        "sr_ratios": spec.sr_ratios,
        "pool_size": spec.pool_size,
        "task": spec.task,
        "proposals": spec.proposals,
    }


def difference(a: Run, b: Run) -> str:
    """Return one sentence about how two comparisons differ."""
    now = facts(b)
    differences = [
        f"{name.replace('_', ' ')} {one} and {now[name]}"
        for name, one in facts(a).items()
        if one != now[name]
    ]
    return (
        f"A and B differ in: {'; '.join(differences)}." if differences else "A and B ran the same."
    )


def incomparable(a: Run, b: Run) -> Iterator[str]:
    """Yield the reasons why the times of two runs cannot be compared."""
    if untimed := [name for name, run in (("A", a), ("B", b)) if not run.measured]:
        yield f"{' and '.join(untimed)} {'has' if len(untimed) == 1 else 'have'} none"
        return
    if WITHHELD in (a.environment.device, b.environment.device):
        yield "devices are withheld"
        return
    for name, one, other in differing(a.environment, b.environment):
        yield f"{name.replace('_', ' ')} is {one} in A, {other} in B"


def changes(a: Run, b: Run) -> Iterator[str]:
    """Yield one sentence a design: the cost of the whole model in B relative to A."""
    comparable = not any(incomparable(a, b))
    for variant in (v for v in a.variants if v in b.variants):
        one, other = a.row(None, variant), b.row(None, variant)
        sentence = (
            f"{variant}, whole model: B needs {units.percent(other.macs, one.macs)} of A's MACs, "
            f"{units.percent(other.params, one.params)} of its params and "
            f"{units.percent(other.peak.bytes, one.peak.bytes)} of its peak memory"
        )
        if comparable and one.latency and other.latency:
            ours, theirs = other.latency.median, one.latency.median
            sentence += f", and runs in {units.percent(ours, theirs)} of its time"
        yield f"{sentence}."
