"""The processes of a comparison of two versions: they build modules and time them.

Run as a script, by any Python, over any checkout: it imports nothing of the pvtprof that runs the
comparison. Its arguments are pairs of file descriptors, IN:OUT, one for each side. It imports torch
and forks a process for each side, so that both have torch at the same addresses; a side reads one
JSON request a line and answers each with one line. A ``fork`` request starts a fresh process from
the side's warm one, with its memory laid out anew at random; that process answers until ``end``.
Times are of blocks of calls: processor time and wall time, seconds.
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
from contextlib import suppress
from typing import Any


def main() -> None:
    """Fork the sides, and end as the first of them that fails."""
    del sys.path[0]  # this folder, whose names are nobody's business
    os.dup2(2, 1)  # what a module prints goes to stderr
    with suppress(Exception):  # said by the side that needs it
        importlib.import_module("torch")
    started = [_started(*map(int, pair.split(":"))) for pair in sys.argv[1:]]
    for end in ":".join(sys.argv[1:]).split(":"):
        os.close(int(end))  # a side that dies is seen by the silence
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in started]
    sys.exit(next((abs(code) for code in codes if code), 0))


def _started(source: int, sink: int) -> int:
    child = os.fork()
    if not child:
        _answer_all(source, sink)
        os._exit(0)
    return child


def _answer_all(source: int, sink: int) -> None:
    """Answer requests until there are no more; an exception of a user's code is an answer too."""
    setup: dict[str, Any] = {}
    call: Callable[[], object] = time.time
    while line := _line(source):
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
                os._exit(0)
        except Exception as error:  # a user's module may raise anything
            said = traceback.format_exception_only(error)[-1].strip().splitlines()[0]
            answer = {"error": said}
        os.write(sink, json.dumps(answer).encode() + b"\n")


def _line(source: int) -> bytes:
    """One line, not a byte more: what follows may be for another process."""
    taken = bytearray()
    while byte := os.read(source, 1):
        taken += byte
        if byte == b"\n":
            break
    return bytes(taken)


def _ready(setup: dict[str, Any]) -> dict[str, Any]:
    """Import what a fork will need, and say where it came from."""
    sys.path.insert(0, setup["root"])
    os.chdir(setup["root"])
    torch = importlib.import_module("torch")
    torch.set_num_threads(setup["threads"])
    package = setup["target"].partition(":")[0] if setup["target"] else "pvtprof.models.build"
    source = os.path.realpath(importlib.import_module(package).__file__ or "")
    if setup.get("core") is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {setup["core"]})
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
