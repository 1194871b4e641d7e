"""The clock: latency of several designs, in rounds of all of them in random order."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from pvtprof.observe import clocks
from pvtprof.observe.clocks import Block, Call, Sampler
from pvtprof.observe.measurement import FEWEST_FOR_INTERVAL, Measurement, median_interval

BLOCK_S = 0.01  # a sample lasts at least this long, so that the clock's own cost does not show
#: Until caches and pools are warm and clocks are up: of processors, of GPUs.
WARM_UP_S = {"cpu": 0.2, "cuda": 1.0}
MOST_ROUNDS = 200
#: Measuring stops when the 95 % interval of each ratio is narrower than this.
TARGET_WIDTH = 0.02
LOOK_EVERY = 4  # rounds


def sampler(call: Call, device: str = "cpu") -> Sampler:
    """Return how to time a call of this very process."""
    return partial(clocks.timed, call, device=device)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long the measuring may take, warm-up and all, on which device, and by which clock.

    ``seed`` decides the order of the designs in each round; ``progress`` is told how far it is.
    """

    budget_s: float
    device: str = "cpu"
    clock: Callable[[], float] = time.perf_counter
    progress: Callable[[str], None] = lambda text: None
    seed: int = 0

    def warm_up_s(self, designs: int) -> float:
        """Return seconds of warming up each of so many designs."""
        return min(WARM_UP_S[self.device.split(":")[0]], self.budget_s / (4 * designs))


def measure(
    samplers: Mapping[str, Sampler], plan: Plan, keep: dict[str, Measurement] | None = None
) -> dict[str, Measurement]:
    """Return latency of each design, in rounds of all of them, each round in a random order.

    Stops when the 95 % interval of each one's ratio to the first, round by round, is narrower than
    TARGET_WIDTH (of a single one: its own interval), or when the budget would be exceeded; each
    Measurement says which. A design for which the budget left no round is absent. ``keep`` is
    filled after every round, so that whoever catches Ctrl-C has what was taken by then.
    """
    begin = plan.clock()
    kept: dict[str, Measurement] = {} if keep is None else keep
    per_sample, round_s = _calls_a_sample(samplers, plan, begin)
    if len(per_sample) < len(samplers):
        return kept
    blocks: dict[str, list[Block]] = {name: [] for name in samplers}
    order, rng = list(samplers), random.Random(plan.seed)
    stopped = "rounds"
    for rounds in range(1, MOST_ROUNDS + 1):
        before = plan.clock()
        if before - begin + round_s > plan.budget_s:
            stopped = "budget"
            break
        rng.shuffle(order)
        new = {name: samplers[name](per_sample[name]) for name in order}
        round_s = plan.clock() - before
        for name in samplers:
            blocks[name].append(new[name])
            kept[name] = _measurement(blocks[name], per_sample[name])
        if rounds >= FEWEST_FOR_INTERVAL and rounds % LOOK_EVERY == 0:
            widths = _widths(kept)
            plan.progress(f"round {rounds}: {_said(widths)}")
            if max(widths.values()) < TARGET_WIDTH:
                stopped = "interval"
                break
    kept.update({name: replace(taken, stopped=stopped) for name, taken in kept.items()})
    return kept


def _calls_a_sample(
    samplers: Mapping[str, Sampler], plan: Plan, begin: float
) -> tuple[dict[str, int], float]:
    """Warm every design up; how many calls make a sample of each, and the seconds of a round.

    Ends early, with fewer designs, where the budget would be exceeded.
    """
    calls: dict[str, int] = {}
    round_s = 0.0
    warm_up_s = plan.warm_up_s(len(samplers))
    for name, sample in samplers.items():
        if plan.clock() - begin + round_s > plan.budget_s:
            break
        once_s = _warm_up(sample, plan.clock, warm_up_s)
        calls[name] = max(1, round(BLOCK_S / max(once_s, 1e-9)))
        round_s += calls[name] * once_s
    return calls, round_s


def _widths(taken: Mapping[str, Measurement]) -> dict[str, float]:
    """Return how wide the 95 % interval of each ratio to the first is, as a share of 1."""
    (first, reference), *rest = taken.items()
    ratios = {
        name: [a / b for a, b in zip(other.samples, reference.samples, strict=True)]
        for name, other in rest
    }
    found = {}
    for name, values in (ratios or {first: list(reference.samples)}).items():
        interval = median_interval(values)
        found[name] = math.inf if interval is None else interval[1] / interval[0] - 1
    return found


def _said(widths: Mapping[str, float]) -> str:
    """Return the last word of a name such as "stage 1 mha", because the part stands before it."""
    return ", ".join(f"{name.split()[-1]} ±{50 * width:.1f} %" for name, width in widths.items())


#: What is recorded with each sample beside its time, where there is such a thing.
SERIES = (
    "cpu",
    "wall",
    "graph",
    "waited",
    "sm_mhz",
    "celsius",
    "throttled",
    "throttled_s",
    "joules",
    "unheld",
)


def _measurement(blocks: list[Block], calls: int) -> Measurement:
    on_device = "device" in blocks[0]
    names = [name for name in SERIES if on_device or name != "wall"]
    series = {
        name: tuple(block[name] for block in blocks)
        for name in names
        if all(name in block for block in blocks)  # one reading of NVML may fail
    }
    return Measurement(
        tuple(block["device" if on_device else "wall"] for block in blocks),
        calls,
        switches=_total(blocks, "switches"),
        faults=_total(blocks, "faults"),
        series=series,
    )


def _total(blocks: list[Block], name: str) -> int | None:
    """What disturbed all samples together; None where the system does not say."""
    return sum(int(block[name]) for block in blocks) if name in blocks[0] else None


def _warm_up(sample: Sampler, clock: Callable[[], float], seconds: float) -> float:
    """Call for some seconds, until caches and pools are warm; return those of the last call."""
    begin = clock()
    while True:
        before = clock()
        sample(1)
        after = clock()
        if after - begin >= seconds:
            return after - before
