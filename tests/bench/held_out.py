"""How well latency is predicted: attention modules and networks that no calibration saw.

    OMP_NUM_THREADS=1 python -m tests.bench.held_out --seed 1 --output FILE    measure and keep
    python -m tests.bench.held_out --table FILE                                show again

Frozen before looking: what is timed depends on ``--seed`` alone. PVT's own widths and networks are
held out; the probes of the calibration have others. A shared machine is faster and slower by the
minute, so that both are timed in rounds of everything; noise is one round against the others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import fmean, median
from typing import Any

from pvtprof.observe.asking import resolved_device
from pvtprof.predict.calibrate import (
    TOGETHER,
    Timed,
    fitted,
    measured_ceilings,
    noise,
    timing_side,
    timings,
)
from pvtprof.predict.probes import Probe, held_out, random_probes
from pvtprof.predict.roofline import RUNGS, ladder

Record = dict[str, Any]


def measured(args: argparse.Namespace) -> list[Record]:
    device = resolved_device(args.device)
    probes = list(islice(random_probes(args.seed, args.dtype), args.probes))
    held = held_out(args.seed, args.attentions, args.models, args.dtype)
    rounds: list[list[Timed]] = []
    with timing_side(device, args.dtype) as side:
        ceilings = measured_ceilings(side)
        for number in range(args.rounds):
            taken = [one for part in _parts(probes) for one in timings(side, part, 1)]
            taken += [one for part in _parts(held, 6) for one in timings(side, part, 1, False)]
            rounds.append(taken)
            print(f"round {number + 1} of {args.rounds}", file=sys.stderr)
    timed = [_merged(its) for its in zip(*rounds, strict=True)]
    found = fitted(timed[: len(probes)], ceilings, device, args.dtype)
    print(f"held out within the calibration: {dict(found.quality)}", file=sys.stderr)
    return [
        {
            "name": one.probe.name,
            "kind": one.probe.kind,
            "group": one.probe.group,
            "rounds_s": one.rounds_s,
            "predicted_s": ladder(one.probe.runs, ceilings)
            | {"calibrated": found.seconds(one.probe.runs)},
        }
        for one in timed[len(probes) :]
    ]


def _parts(probes: Sequence[Probe], size: int = TOGETHER) -> Iterator[Sequence[Probe]]:
    """What is timed in one process; the three variants of a block are together in sixes."""
    for i in range(0, len(probes), size):
        yield probes[i : i + size]


def _merged(rounds: Sequence[Timed]) -> Timed:
    """One probe over all rounds: the median of each kernel, and every time of the whole."""
    kernel_s = tuple(median(column) for column in zip(*(r.kernel_s for r in rounds), strict=True))
    return Timed(rounds[0].probe, kernel_s, tuple(s for r in rounds for s in r.rounds_s))


def table(records: Sequence[Record]) -> str:
    lines = []
    for kind in ("attention", "model"):
        if not (its := [record for record in records if record["kind"] == kind]):
            continue
        repeat = fmean(noise(record["rounds_s"]) for record in its)
        lines.append(f"{kind}: {len(its)} held out; repeat noise {repeat:.1%}")
        for rung in (*RUNGS, "calibrated"):
            errors = [abs(r["predicted_s"][rung] / median(r["rounds_s"]) - 1) for r in its]
            within = [sum(e <= most for e in errors) / len(errors) for most in (0.1, 0.2)]
            lines.append(
                f"  {rung:13} MAPE {fmean(errors):6.1%}, median {median(errors):6.1%}, "
                f"within 10 %: {within[0]:.0%}, 20 %: {within[1]:.0%}"
            )
        lines += _pairs(its)
    return "\n".join(lines)


def _pairs(records: Sequence[Record]) -> list[str]:
    """Of variants of one block: the error of their ratios, and how often the faster is named.

    Ratios are those within each round, in which both were timed side by side.
    """
    errors, noises, seen, said = [], [], [], []
    for i, a in enumerate(records):
        for b in records[:i]:
            if not a["group"] or a["group"] != b["group"]:
                continue
            rounds = [x / y for x, y in zip(a["rounds_s"], b["rounds_s"], strict=True)]
            seen.append(median(rounds))
            said.append(a["predicted_s"]["calibrated"] / b["predicted_s"]["calibrated"])
            errors.append(abs(said[-1] / seen[-1] - 1))
            noises.append(noise(rounds))
    if not errors:
        return []
    repeat = fmean(noises)
    named = [(p > 1) == (s > 1) for p, s in zip(said, seen, strict=True) if abs(s - 1) > repeat]
    return [
        f"  ratios of variants: MAPE {fmean(errors):.1%}, median {median(errors):.1%} of "
        f"{len(errors)}; repeat noise {repeat:.1%}; the faster named rightly in "
        f"{sum(named)} of {len(named)} pairs that differ by more "
        f"({sum(named) / len(named):.1%})"
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--attentions", type=int, default=150)
    parser.add_argument("--models", type=int, default=16)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--probes", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output")
    parser.add_argument("--table")
    given = parser.parse_args()
    kept = json.loads(Path(given.table).read_text()) if given.table else measured(given)
    if given.output:
        Path(given.output).write_text(json.dumps(kept, indent=1) + "\n")
    print(table(kept))
