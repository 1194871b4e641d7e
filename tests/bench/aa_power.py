"""False alarms and power of `pvtprof check --base`, measured on this machine.

    python -m tests.bench.aa_power --checks 200 --budget 7 --out rates.jsonl
    python -m tests.bench.aa_power --table rates.jsonl

One attention row (3,136 queries and 49 keys of 64) in two folders: the same code, or the head over
so many per cent more queries, really computed and then cut off. Each check is what the command
line does, warm processes and confirmation included. Every check is one line of the file; the table
also judges the same samples by "median of wall time, fail over 5 %".
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

from pvtprof.paired import SLOWER, Versions, judged

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


def main() -> None:
    """Run checks, or print the table of those that were run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=200)
    parser.add_argument("--budget", type=float, default=7.0)
    parser.add_argument("--slower", type=float, default=0.0, help="per cent more work in head")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="rates.jsonl")
    parser.add_argument("--table", metavar="FILE")
    options = parser.parse_args()
    if options.table:
        print(table(Path(options.table)))
        return
    with tempfile.TemporaryDirectory() as folder:
        extra = round(3136 * options.slower / 100)
        versions = Versions(
            written(folder, "base", 0), written(folder, "head", extra),
            sys.executable, sys.executable,
        )  # fmt: skip
        for number in range(options.checks):
            with open(options.out, "a", encoding="utf-8") as file:
                file.write(json.dumps(one(versions, options, number)) + "\n")


def written(folder: str, name: str, extra: int) -> str:
    """A folder with the design in it."""
    path = Path(folder, name)
    path.mkdir()
    (path / "row_design.py").write_text(DESIGN.format(extra=extra))
    return str(path)


def one(versions: Versions, options: argparse.Namespace, number: int) -> dict[str, object]:
    """One check, as the command line makes it."""
    begin = time.perf_counter()
    (found,) = judged(
        versions, {"row": {}}, target="row_design:factory", budget_s=options.budget,
        seed=options.seed + 1_000_003 * number,
    )  # fmt: skip
    return {
        "slower_percent": options.slower, "budget_s": options.budget, "verdict": found.verdict,
        "ratio": found.ratio, "interval": found.interval, "wall": median(found.wall),
        "seconds": time.perf_counter() - begin,
    }  # fmt: skip


def table(path: Path) -> str:
    """The share of checks that failed, by slowdown and budget: by pvtprof, by wall medians."""
    checks = [json.loads(line) for line in path.read_text().splitlines()]
    lines = ["| more work | budget | checks | pvtprof | median of wall time over 5 % | verdicts |",
             "|---:|---:|---:|---:|---:|---|"]  # fmt: skip
    for key in sorted({(c["slower_percent"], c["budget_s"]) for c in checks}):
        group = [c for c in checks if (c["slower_percent"], c["budget_s"]) == key]
        found = sum(c["verdict"] == SLOWER for c in group) / len(group)
        naive = sum(c["wall"] > 1.05 for c in group) / len(group)
        verdicts = ", ".join(f"{v} {n}" for v, n in Counter(c["verdict"] for c in group).items())
        lines.append(
            f"| {key[0]:g} % | {key[1]:g} s | {len(group)} | {found:.1%} | {naive:.1%} "
            f"| {verdicts} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
