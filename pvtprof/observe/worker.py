"""One side of a comparison of two versions, as a process: builds modules and times them.

Run as a script, by any Python, over any checkout: it imports nothing of the pvtprof that runs the
comparison. It reads one JSON request a line from stdin and answers each with one line. A ``fork``
request starts a fresh process from the warm one, with its memory laid out anew at random; that
process answers until ``end``. Times are of blocks of calls: processor time and wall time, seconds.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import random
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any


def main() -> None:
    """Answer requests until stdin ends; an exception of a user's code is an answer too."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a module prints goes to stderr
    setup: dict[str, Any] = {}
    call: Callable[[], object] = time.time
    while line := _line():
        request = json.loads(line)
        try:
            if "setup" in request:
                setup = request["setup"]
                answer = _ready(setup)
            elif "fork" in request:
                child = os.fork()
                if child:
                    _, status = os.waitpid(child, 0)
                    answer = {"ended": os.waitstatus_to_exitcode(status)}
                else:
                    call, answer = _built(setup, request["fork"])
            elif "calls" in request:
                answer = _timed(call, request["calls"])
            else:  # end of a forked process
                channel.flush()
                os._exit(0)
        except Exception as error:  # a user's module may raise anything
            said = traceback.format_exception_only(error)[-1].strip().splitlines()[0]
            answer = {"error": said}
        channel.write(json.dumps(answer) + "\n")
        channel.flush()


def _line() -> bytes:
    """One line of stdin, not a byte more: what follows may be for another process."""
    taken = bytearray()
    while byte := os.read(0, 1):
        taken += byte
        if byte == b"\n":
            break
    return bytes(taken)


def _ready(setup: dict[str, Any]) -> dict[str, Any]:
    """Import what a fork will need, and say where it came from."""
    sys.path.insert(0, setup["root"])
    if setup.get("core") is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {setup["core"]})
    torch = importlib.import_module("torch")
    torch.set_num_threads(setup["threads"])
    package = setup["target"].partition(":")[0] if setup["target"] else "pvtprof.models.build"
    source = os.path.realpath(importlib.import_module(package).__file__ or "")
    return {"torch": torch.__version__, "source": source}


def _built(setup: dict[str, Any], fork: dict[str, Any]) -> tuple[Callable[[], object], Any]:
    """The call to time, and what it returns once."""
    import torch

    random.seed(fork["seed"])
    pads = [bytearray(random.randrange(1, 1 << 16)) for _ in range(64)]
    del pads[::2]  # holes of random sizes, so that each process lays its memory out anew
    torch.set_default_dtype(getattr(torch, setup["dtype"]))
    module, inputs = _target(setup["target"]) if setup["target"] else _own(fork["row"])
    module, inputs = module.to(setup["device"]), [x.to(setup["device"]) for x in inputs]

    def call() -> object:
        held = pads  # while the call lives, so do the pads
        with torch.no_grad():
            return module(*inputs), len(held)

    output: Any = call()[0]  # type: ignore[index] # a pair, see above
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"the module returns {type(output).__name__}, not a tensor")
    return call, {
        "shape": list(output.shape),
        "finite": bool(torch.isfinite(output).all()),
    }


def _target(target: str) -> tuple[Any, list[Any]]:
    import torch

    package, _, name = target.partition(":")
    module, example = getattr(importlib.import_module(package), name)()
    return module, [example] if isinstance(example, torch.Tensor) else list(example)


def _own(row: dict[str, Any]) -> tuple[Any, list[Any]]:
    """A row of pvtprof, by names that every version of it has."""
    import torch

    build = importlib.import_module("pvtprof.models.build")
    spec = importlib.import_module("pvtprof.spec")
    if "model" in row:
        published = spec.model_spec(row["model"])
        made = dataclasses.replace(published, pool_size=row["pool_size"])
        made = made.with_attention(row["variant"], row["sr_ratios"])
        return build.build(made, row["attention"]), [torch.randn(*row["input"])]
    stage = spec.StageSpec(**row["stage"])
    module = build.build_attention(stage, tuple(row["grid"]), row["attention"], row["pool_size"])
    return module, [torch.randn(*row["input"])]


def _timed(call: Callable[[], object], calls: int) -> dict[str, float]:
    """Processor time and wall time of one call, the mean of ``calls``."""
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    for _ in range(calls):
        call()
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return {"cpu": cpu / calls / 1e9, "wall": wall / calls / 1e9}


if __name__ == "__main__":
    main()
