"""Commands whose exit code is known beforehand: two versions side by side, and faults on purpose.

    python -m tests.gpu.known versions|faults --folder FOLDER

Prints a line for each; ends with 1 where one did not end as it must.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Modules of a user's: so many products of 1024 cubed, one after the other; and what fails.
MINE = """
import torch
from torch import nn

class Products(nn.Module):
    def forward(self, x):
        for _ in range({products}):
            x = (x @ x).softmax(-1)
        return x

class Outside(nn.Module):
    def forward(self, x):
        return x[torch.full((1,), 10**6, device=x.device)]

class Large(nn.Module):
    def forward(self, x):
        return torch.empty(2**46, dtype=torch.uint8, device=x.device)

class Waits(nn.Module):
    def forward(self, x):
        return x + x.sum().item()

def products():
    return Products(), torch.randn(1024, 1024)

def outside():
    return Outside(), torch.randn(16, 16)

def large():
    return Large(), torch.randn(16, 16)

def waits():
    return Waits(), torch.randn(16, 16)
"""
#: The folders of versions, and how many products each runs: 22 are 10 % more than 20.
VERSIONS = {"base": 20, "same": 20, "slower": 22}


@dataclass(frozen=True)
class Known:
    """A command line, the exit codes that it may end with, and a part of what it says."""

    name: str
    words: tuple[str, ...]
    codes: tuple[int, ...]
    said: str = ""
    folder: str = "same"
    environment: Mapping[str, str] = field(default_factory=dict)


def _check(target: str, budget: int) -> tuple[str, ...]:
    return ("check", "--base", "../base", "--target", f"mine:{target}", "--budget", str(budget))


SMALL = ("compare", "--model", "pvt_v2_b0", "--img", "64", "--no-calibrate", "-o", "small.json")
GROUPS: Mapping[str, Sequence[Known]] = {
    "versions": (
        Known("A/A", _check("products", 60), (0,)),
        Known("10 % slower", _check("products", 60), (1,), folder="slower"),
    ),
    "faults": (
        Known("no such GPU", (*SMALL, "--device", "cuda:99"), (3,), "not available"),
        Known(
            "no GPU is visible",
            (*SMALL, "--device", "cuda"),
            (3,),
            "not available",
            environment={"CUDA_VISIBLE_DEVICES": ""},
        ),
        Known(
            "more than the card holds",
            (
                *("compare", "--model", "pvt_v2_b0", "--img", "4096", "--batch", "1024"),
                *("--budget", "0", "--no-calibrate", "-o", "large.csv"),
            ),
            (0,),
            "free",
        ),
        Known("out of memory inside", _check("large", 5), (3,), "memory"),
        Known("an index outside", _check("outside", 5), (3,)),
        Known("a module that waits inside", _check("waits", 5), (0, 3)),
        Known("the card works afterwards", (*SMALL, "--budget", "4"), (0,)),
    ),
}


def prepared(folder: Path) -> None:
    """Write the versions."""
    for name, products in VERSIONS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        text = MINE.replace("{products}", str(products))
        (folder / name / "mine.py").write_text(f"# {name}\n{text}")


def as_known(one: Known, folder: Path) -> bool:
    """Whether a command ended as it must; prints how it ended."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "pvtprof", *one.words],
        cwd=folder / one.folder,
        env=os.environ | {"PYTHONPATH": path} | one.environment,
        capture_output=True,
        text=True,
    )
    out = done.stdout + done.stderr
    right = done.returncode in one.codes and one.said in out and "Traceback" not in out
    print(f"{'as it must' if right else 'WRONG'}: {one.name}: exit code {done.returncode}")
    print(out if not right else out[-500:], flush=True)
    return right


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    prepared(given.folder)
    right = [as_known(one, given.folder) for one in GROUPS[given.group]]
    sys.exit(not all(right))
