"""False alarms and power of `pvtprof check --base`, measured on this machine.

    python -m tests.bench.aa_power --cycles 100 --out rates.jsonl
    python -m tests.bench.aa_power --table rates.jsonl

One attention row (3,136 queries and 49 keys of 64) in two folders: the same code, or the head over
5, 10 or 20 % more queries, really computed and then cut off. A cycle is two checks of the same code
and one of each slowdown; in every fourth cycle there are as many again with the other cores loaded.
Each check is what the command line does at its defaults, warm processes and confirmation included,
and one line of the file. Beside it, in the same breath, both versions are timed as pytest-benchmark
does it, one after the other in a fresh process each, and judged by its own rules.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from pytest_benchmark.stats import Stats
from pytest_benchmark.utils import PercentageRegressionCheck

from pvtprof.check.judgement import SLOWER
from pvtprof.check.paired import Versions, judged
from pvtprof.check.request import Checked, Timing
from pvtprof.designs.words import CHECK_BUDGET_S
from pvtprof.designs.workload import workload

DESIGN = """
import torch
from torch import nn

EXTRA = {extra}

class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.kv, self.proj = nn.Linear(64, 64), nn.Linear(64, 128), nn.Linear(64, 64)

    def forward(self, x):
        k, v = self.kv(x[:, :49]).chunk(2, -1)
        more = torch.cat((x, x[:, :EXTRA]), dim=1)
        weights = (self.q(more) @ k.transpose(1, 2) * 0.125).softmax(-1)
        return self.proj(weights @ v)[:, : x.shape[1]]

def factory():
    return Attention(), torch.randn(1, 3136, 64)
"""
LOAD = """
import os, torch
os.nice(19)
torch.set_num_threads(1)
a, b = torch.randn(512, 512), torch.randn(1 << 22)
while os.getppid() == {parent}:
    a @ a
    b + b
"""
CYCLE = (0, 5, 10, 0, 20)  # per cent more work
SAMPLED_S = 0.5  # of either version by pytest-benchmark's way (--benchmark-max-time)
#: The rules that users have today: what is compared, and from how many per cent on it fails.
RULES = {
    "median of 30": ("median", 30),
    "median": ("median", None),
    "mean": ("mean", None),
    "min": ("min", None),
}
FAIL_OVER_PERCENT = 5


def main() -> None:
    """Run checks, or print the table of those that were run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the cycle to go on from")
    parser.add_argument("--budget", type=float, default=CHECK_BUDGET_S)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="rates.jsonl")
    parser.add_argument("--table", metavar="FILE")
    options = parser.parse_args()
    if options.table:
        print(table(Path(options.table)))
        return
    multiprocessing.set_start_method("forkserver")
    multiprocessing.set_forkserver_preload(["torch"])
    with tempfile.TemporaryDirectory() as folder:
        folders = {percent: written(folder, percent) for percent in ("base", *set(CYCLE))}
        for cycle in range(options.first, options.cycles):
            for loaded in (False, True) if cycle % 4 == 0 else (False,):
                with other_cores_busy(loaded):
                    for place, percent in enumerate(CYCLE):
                        seed = options.seed + 10_000_019 * (2 * len(CYCLE) * cycle + place)
                        found = one(folders["base"], folders[percent], options.budget, seed)
                        line = {"slower_percent": percent, "loaded": loaded, **found}
                        with open(options.out, "a", encoding="utf-8") as file:
                            file.write(json.dumps(line) + "\n")


def written(folder: str, percent: int | str) -> str:
    """A folder with the design in it."""
    path = Path(folder, str(percent))
    path.mkdir()
    extra = 0 if percent == "base" else round(3136 * int(percent) / 100)
    (path / "row_design.py").write_text(DESIGN.format(extra=extra))
    return str(path)


@contextmanager
def other_cores_busy(loaded: bool) -> Iterator[None]:
    """Every core but the one that is measured on multiplies and copies, if ``loaded``."""
    code = LOAD.format(parent=os.getpid())
    cores = range((os.cpu_count() or 1) - 1) if loaded else ()
    busy = [subprocess.Popen(["taskset", "-c", str(c), sys.executable, "-c", code]) for c in cores]
    try:
        time.sleep(2 if busy else 0)
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def one(base: str, head: str, budget_s: float, seed: int) -> dict[str, object]:
    """One check as the command line makes it, and one by the rules of others."""
    begin = time.perf_counter()
    (found,) = judged(
        Versions(base, head, sys.executable, sys.executable),
        {"row": {}},
        Checked(replace(workload(), device="cpu"), "row_design:factory"),
        Timing(budget_s, seed=seed),
    )
    seconds = time.perf_counter() - begin
    with multiprocessing.Pool(1, maxtasksperchild=1) as pool:
        taken = [pool.apply(durations, (folder,)) for folder in (base, head)]
    alarms = {name: fails(*taken, *rule) for name, rule in RULES.items()}
    return {
        "verdict": found.verdict,
        "ratio": found.ratio,
        "interval": found.interval,
        "pairs": len(found.ratios),
        "measured_s": found.seconds,
        "seconds": seconds,
        "alarms": alarms,
    }


def durations(folder: str) -> list[float]:
    """Wall time of calls, seconds, taken as pytest-benchmark takes them."""
    sys.path.insert(0, folder)
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    module, example = importlib.import_module("row_design").factory()
    taken: list[float] = []
    with torch.no_grad():
        module(example)
        end = time.perf_counter() + SAMPLED_S
        while time.perf_counter() < end:
            begin = time.perf_counter()
            module(example)
            taken.append(time.perf_counter() - begin)
    return taken


def fails(base: list[float], head: list[float], field: str, first: int | None) -> bool:
    """Whether pytest-benchmark's --benchmark-compare-fail=FIELD:5% would."""
    stats = Stats(), Stats()
    for side, taken in zip(stats, (base, head), strict=True):
        side.data.extend(taken[:first])
    rule = PercentageRegressionCheck(field, FAIL_OVER_PERCENT)
    return bool(rule.fails(stats[1].as_dict(), stats[0].as_dict()))


def table(path: Path) -> str:
    """The share of checks that failed, by slowdown and load: by pvtprof, and by the rules."""
    checks = [json.loads(line) for line in path.read_text().splitlines()]
    rules = " | ".join(RULES)
    lines = [
        f"| more work | more time | other core | checks | **pvtprof** | {rules} | took |",
        f"|---:|---:|---|---:|---:|{'---:|' * len(RULES)}---:|",
    ]
    for percent, loaded in sorted({(c["slower_percent"], c["loaded"]) for c in checks}):
        group = [c for c in checks if (c["slower_percent"], c["loaded"]) == (percent, loaded)]
        found = [sum(c["verdict"] == SLOWER for c in group)]
        found += [sum(c["alarms"][name] for c in group) for name in RULES]
        shares = " | ".join(f"{n} ({n / len(group):.1%})" for n in found)
        seconds, ratio = (median(c[what] for c in group) for what in ("seconds", "ratio"))
        lines.append(
            f"| {f'{percent} %' if percent else 'none'} | {ratio - 1:.1%} "
            f"| {'loaded' if loaded else 'as it was'} "
            f"| {len(group)} | {shares} | {seconds:.0f} s |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
