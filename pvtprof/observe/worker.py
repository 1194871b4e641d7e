"""The processes of a comparison of two versions: they build modules and time them.

Run as a script, by any Python, over any checkout: it imports nothing of the pvtprof that runs the
comparison. Its arguments are pairs of file descriptors, IN:OUT, one for each side. It imports torch
and forks a process for each side, so that both have torch at the same addresses; a side reads one
JSON request a line and answers each with one line. A ``fork`` request starts a fresh process from
the side's warm one, with its memory laid out anew at random; that process answers until ``end``.
Times are of blocks of calls: processor time and wall time, seconds.
"""

from __future__ import annotations

import ctypes
import dataclasses
import importlib
import json
import os
import platform
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

#: What this folder is called where this file runs as a script: `pvtprof` may be another version.
BESIDE = "_pvtprof_beside"

if TYPE_CHECKING or __name__ != "__main__":
    from pvtprof.observe import building, clocks
    from pvtprof.observe import device as seam
else:
    folder = ModuleType(BESIDE)
    folder.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules[BESIDE] = folder
    building, clocks, seam = (
        importlib.import_module(f"{BESIDE}.{name}") for name in ("building", "clocks", "device")
    )


def _end_with_parent() -> None:
    """Let the kernel kill this process when the one that started it dies, however it does (Linux).

    Who waits for a request sees its end; who runs a user's code does not.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _forked() -> int:
    child = os.fork()
    if not child:
        _end_with_parent()
    return child


def main() -> None:
    """Fork the sides, and end as the first of them that fails."""
    _end_with_parent()
    own = os.path.dirname(os.path.abspath(__file__))  # whose names are nobody's business
    sys.path[:] = [path for path in sys.path if path != own]
    os.dup2(2, 1)  # what a module prints goes to stderr
    with suppress(Exception):  # said by the side that needs it
        importlib.import_module("torch")  # and nothing more: what asks for GPUs spoils the forks
    pairs = [tuple(map(int, pair.split(":"))) for pair in sys.argv[1:]]
    started = [_started(pair, pairs) for pair in pairs]
    _close(pairs)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in started]
    sys.exit(next((abs(code) for code in codes if code), 0))


def _started(own: tuple[int, ...], pairs: list[tuple[int, ...]]) -> int:
    child = _forked()
    if not child:
        _close([pair for pair in pairs if pair != own])
        with suppress(BrokenPipeError):  # who asked is gone
            _answer_all(*own)
        os._exit(0)
    return child


def _close(pairs: list[tuple[int, ...]]) -> None:
    """Let go of pipes, so that the death of the one who has them is seen by their end."""
    for end in (end for pair in pairs for end in pair):
        os.close(end)


def _answer_all(source: int, sink: int) -> None:
    """Answer requests until there are no more; an exception of a user's code is an answer too."""
    setup: dict[str, Any] = {}
    is_fork = False
    built: dict[str, building.Built] = {}
    while line := _line(source):
        request = json.loads(line)
        try:
            if "setup" in request:
                setup = request["setup"]
                answer = _set_up(setup)
            elif "fork" in request:
                child = _forked()
                if child:
                    _, status = os.waitpid(child, 0)
                    answer = {"ended": os.waitstatus_to_exitcode(status)}
                else:
                    is_fork = True
                    if _on_cuda(setup):
                        _ready(setup)  # whatever that imports may touch CUDA: not in who forks
                    built, answer = building.built_rows(setup, request["fork"])
            elif "end" in request and is_fork:  # whoever forked this one answers
                os._exit(0)
            elif "end" in request:  # and the fork is gone already
                answer = {"ended": 0}
            else:
                answer = _answer(setup, built, request)
        except (Exception, SystemExit) as error:  # a user's module may raise anything
            answer = _failure(error)
        _tell(sink, answer)


def _tell(sink: int, answer: Any) -> None:
    os.write(sink, json.dumps(answer).encode() + b"\n")


def _answer(
    setup: dict[str, Any], built: dict[str, building.Built], request: dict[str, Any]
) -> Any:
    """Return what a fork says of one of the rows that it has built."""
    it = built[request["name"]]
    if "calls" in request:
        return clocks.timed(it.call, request["calls"], it.device, holds=it.holds)
    if "profile" in request:
        ops, was_held = clocks.profiled(it.call, request["profile"], it.device)
        return {"ops": ops, "held": was_held}
    if "count" in request:
        fvcore = importlib.import_module("pvtprof.observe.fvcore")
        return dataclasses.asdict(fvcore.count(it.module, *it.inputs))
    return clocks.allocated(it.call, it.device)


def _failure(error: BaseException) -> dict[str, Any]:
    said = next(iter(str(error).splitlines()), "")
    kind = seam.failure(error) if "torch" in sys.modules else "other"
    return {"error": f"{type(error).__name__}: {said}".rstrip(": "), "kind": kind}


def _on_cuda(setup: dict[str, Any]) -> bool:
    return str(setup["device"]).startswith("cuda")


def _set_up(setup: dict[str, Any]) -> Any:
    """Get ready; for CUDA in another process, because a process that forks must not touch it."""
    return _in_a_fork(lambda: _ready(setup)) if _on_cuda(setup) else _ready(setup)


def _in_a_fork(ask: Callable[[], Any]) -> Any:
    """Return what ``ask`` returns, asked in a process that ends with it."""
    source, sink = os.pipe()
    child = _forked()
    if not child:
        try:
            answer = ask()
        except (Exception, SystemExit) as error:  # as above
            answer = _failure(error)
        _tell(sink, answer)
        os._exit(0)
    os.close(sink)
    answer = _line(source)
    os.close(source)
    _, status = os.waitpid(child, 0)
    return json.loads(answer) if answer else {"ended": os.waitstatus_to_exitcode(status)}


def _line(source: int) -> bytes:
    """Return one line, not a byte more: what follows may be for another process."""
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
    source = os.path.realpath(building.imported(package).__file__ or "")
    if setup["core"] is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {setup["core"]})
    return {
        "prefix": sys.prefix,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "source": source,
    }


if __name__ == "__main__":
    main()
