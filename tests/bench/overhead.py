"""What the engine adds to the time of a module of about 1 ms: beside a bare perf_counter loop.

    python -m tests.bench.overhead

The same module by a bare loop, by the engine in this process, and by the engine in a process of its
own, in turns, samples of ten calls each. Prints how much longer a call takes by the engine (the
median of the turns' ratios, with its 95 % interval), and what share of a turn is not in the sample.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from pvtprof.observe import latency
from pvtprof.observe.clocks import Sampler
from pvtprof.observe.measurement import median_interval
from pvtprof.observe.sides import Setup, sides

DESIGN = """
from torch import nn, randn

def factory():
    return nn.Sequential(nn.Linear(256, 2048), nn.GELU(), nn.Linear(2048, 256)), randn(49, 256)
"""
TURNS, CALLS = 200, 10


def bare(module: torch.nn.Module, example: torch.Tensor) -> float:
    """Seconds of one call, as anybody would time it."""
    begin = time.perf_counter()
    for _ in range(CALLS):
        module(example)
    return (time.perf_counter() - begin) / CALLS


def timed(sample: Sampler) -> tuple[float, float]:
    """Seconds of one call by the engine, and of the turn that it took."""
    begin = time.perf_counter()
    wall = sample(CALLS)["wall"]
    return wall, time.perf_counter() - begin


def main() -> None:
    """Print the figures."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        Path(folder, "a_module.py").write_text(DESIGN)
        names: dict[str, object] = {}
        exec(DESIGN, names)
        module, example = names["factory"]()  # type: ignore[operator]
        here = latency.sampler(lambda: module(example))
        setup = Setup(folder, "a_module:factory")
        with sides({"it": setup}) as (side,), side.forked({"it": None}) as samplers:
            engines = {"in this process": here, "in its own process": samplers["it"]}
            turns = [
                (bare(module, example), {n: timed(s) for n, s in engines.items()})
                for _ in range(TURNS)
            ][10:]
        print(f"bare loop: {1e3 * median(plain for plain, _ in turns):.3f} ms a call")
        for name in engines:
            low, high = median_interval([by[name][0] / plain for plain, by in turns]) or (0, 0)
            ratio = median(by[name][0] / plain for plain, by in turns)
            outside = median(1 - by[name][0] * CALLS / by[name][1] for _, by in turns)
            print(
                f"{name}: {ratio - 1:+.2%} a call ({low - 1:+.2%} to {high - 1:+.2%}), "
                f"{outside:.2%} of a turn outside the sample"
            )


if __name__ == "__main__":
    main()
