"""A day on a GPU in one command, in at most 25 minutes: `make gpu`, or from the repository's root

    python -m tests.gpu [--output reports/gpu] [--only NAME ...] [--short]

Needs no installation: the packages that pvtprof needs on PYTHONPATH are enough. Each step stands
alone, with its own limit and log, and adds a line to summary.jsonl when it ends; the gravest
questions come first. Exit code 0 if every step ended well, 1 if not, 3 where there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain, product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
#: Seconds of the longest step, and of all of them together.
LIMIT_S, TOTAL_S = 480, 1500
#: Seconds that an interrupted command has to end by itself.
GRACE_S = 10
#: What pytest runs on a GPU: the contract of the device, and single tests elsewhere.
CONTRACT = ("gpu/test_contract.py", "observe/test_latency.py", "analytic/test_liveness.py")
#: What pvtprof needs, and what only single steps do.
PACKAGES = (
    *("torch", "fvcore", "numpy", "pandas", "scipy", "plotly", "click", "jinja2", "rich"),
    *("platformdirs", "msgspec", "pytest", "hypothesis", "triton", "pynvml"),
)


@dataclass(frozen=True)
class Size:
    """How much is run: all of it on a GPU, or a short form that tries the script itself."""

    model: str
    images: tuple[int, ...]
    dtypes: tuple[str, ...]
    attentions: tuple[str, ...]
    batches: tuple[int, ...]
    budget_s: int
    contract: tuple[str, ...]
    probes: tuple[str, ...]


FULL = Size(
    "pvt_v2_b2",
    (224, 512, 1024),
    ("float32", "bfloat16"),
    ("eager", "sdpa"),
    (1, 32),
    12,
    CONTRACT,
    ("--probes", "60", "--attentions", "30", "--models", "6", "--rounds", "3"),
)
SHORT = Size(
    "pvt_v2_b0",
    (32,),
    ("float32",),
    ("sdpa",),
    (1,),
    8,
    CONTRACT[:1],
    ("--probes", "5", "--attentions", "3", "--models", "1", "--rounds", "2"),
)


@dataclass(frozen=True)
class Step:
    """One step: its name, the seconds that it may take, and commands of Python, one by one."""

    name: str
    limit_s: int
    commands: tuple[tuple[str, ...], ...]


def steps(size: Size, out: Path) -> Iterator[Step]:
    """All steps, the gravest questions first."""
    first = ("--model", size.model, "--img", str(size.images[0]))
    yield Step("questions", 150, ((*_script("questions"), "--output", f"{out}/questions.json"),))
    files = (f"{ROOT}/tests/{name}" for name in size.contract)
    yield Step(
        "contract", 150, (("-m", "pytest", "-q", "-rs", "-W", "default", "-m", "gpu", *files),)
    )
    for dtype in size.dtypes:
        words = (*_script("ground_truth"), *first, "--dtype", dtype)
        yield Step(f"truth-{dtype}", 200, ((*words, "--output", f"{out}/truth-{dtype}.json"),))
    for image in size.images:
        kinds = product(size.dtypes, size.attentions, size.batches)
        yield Step(
            f"compare-{image}",
            LIMIT_S,
            tuple(_compare(size, out, image, *kind) for kind in kinds),
        )
    held_out = (*_script("held_out", "bench"), "--output", f"{out}/held-out.json")
    yield Step("predict", 240, ((*held_out, *size.probes),))
    for group in ("versions", "faults"):
        yield Step(group, 300, ((*_script("known"), group, "--folder", f"{out}/{group}"),))
    yield Step("pages", 60, (("-m", "pvtprof", "report", str(out)),))


def _script(name: str, folder: str = "gpu") -> tuple[str, ...]:
    return ("-m", f"tests.{folder}.{name}")


def _compare(
    size: Size, out: Path, image: int, dtype: str, attention: str, batch: int
) -> tuple[str, ...]:
    base = f"{out}/{size.model}-{image}-{dtype}-{attention}-{batch}"
    return (
        *("-m", "pvtprof", "compare", "--model", size.model, "--img", str(image)),
        *("--dtype", dtype, "--attention", attention, "--batch", str(batch), "--device", "cuda"),
        *("--budget", str(size.budget_s), "--cuda-graph", "--no-calibrate"),
        *("-o", f"{base}.json", "-o", f"{base}.html"),
    )


def run(step: Step, out: Path, until: float) -> dict[str, Any]:
    """Run a step's commands, each whatever the others did, as far as its limit and ``until`` let.

    Returns how it ended: "well", "badly" (an exit code is not 0), or "limit".
    """
    begin = time.monotonic()
    end = min(begin + step.limit_s, until)
    codes: list[int | None] = []
    with (out / f"{step.name}.log").open("w", encoding="utf-8") as log:
        for command in step.commands:
            print(f"$ python {' '.join(command)}", file=log, flush=True)
            codes.append(_code(command, end - time.monotonic(), log))
    ended = "limit" if None in codes else "badly" if any(codes) else "well"
    seconds = round(time.monotonic() - begin, 1)
    return {"step": step.name, "ended": ended, "codes": codes, "seconds": seconds}


def _code(command: Sequence[str], left_s: float, log: Any) -> int | None:
    """The exit code of a command; None where there was no time for it: all that it started ends."""
    if left_s <= 0:
        return None
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.wait(left_s)
    except subprocess.TimeoutExpired:
        return None
    finally:  # whatever ends this, also Ctrl-C
        for how in (signal.SIGINT, signal.SIGKILL):  # pvtprof ends its processes when interrupted
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, how)
                process.wait(GRACE_S)


def facts() -> dict[str, Any]:
    """What there is: packages, the GPU, and this Python."""
    from pvtprof.observe import asking

    missing = [name for name in PACKAGES if find_spec(name) is None]
    its = dict(asking.gpu("cuda"))
    return {"step": "facts", "ended": "well", "python": sys.version, "missing": missing, **its}


def main() -> int:
    """Run the steps that are asked for; see above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path("reports/gpu"))
    parser.add_argument("--only", nargs="*", help="names of steps; all by default")
    parser.add_argument("--short", action="store_true", help="try the script itself")
    given = parser.parse_args()
    from pvtprof.errors import PvtprofError

    try:
        found = facts()
    except PvtprofError as error:
        print(f"no GPU to measure: {error}", file=sys.stderr)
        return 3
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    out = given.output.resolve()
    out.mkdir(parents=True, exist_ok=True)
    planned = [
        step
        for step in steps(SHORT if given.short else FULL, out)
        if not given.only or step.name in given.only
    ]
    ended, until = [], time.monotonic() + TOTAL_S
    with (out / "summary.jsonl").open("a", encoding="utf-8") as summary:
        for record in chain((found,), (run(step, out, until) for step in planned)):
            ended.append(record["ended"])
            print(json.dumps(record), file=summary, flush=True)
            print(f"{record['step']}: {record['ended']}", flush=True)
    return int(any(how != "well" for how in ended))


if __name__ == "__main__":
    sys.exit(main())
