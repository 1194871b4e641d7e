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
import platform
import random
import resource
import statistics
import sys
import time
import timeit
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

Call = Callable[[], object]
Block = dict[str, float]  # one sample: seconds of one call by clock, and what disturbed it
Sampler = Callable[[int], Block]  # times so many calls, as one sample
PRODUCT_SIDE = 1536  # of the matrix product that shows how many FLOPs a second there are
COPY_BYTES = 2**27  # of the copy that shows how many bytes a second
DIGITS = 10  # of seconds: a tenth of a nanosecond is less than any clock shows
L2_FLUSH_BYTES = 256 * 2**20  # more than any GPU's second-level cache
#: NVML's reasons for lower clocks that are a disturbance: power cap (4), hardware slowdown (8),
#: thermal (0x20 software, 0x40 hardware) and power brake (0x80). Source: nvml.h.
THROTTLED = 0x4 | 0x8 | 0x20 | 0x40 | 0x80


def main() -> None:
    """Fork the sides, and end as the first of them that fails."""
    del sys.path[0]  # this folder, whose names are nobody's business
    os.dup2(2, 1)  # what a module prints goes to stderr
    with suppress(Exception):  # said by the side that needs it
        importlib.import_module("torch.utils.benchmark")
    pairs = [tuple(map(int, pair.split(":"))) for pair in sys.argv[1:]]
    started = [_started(pair, pairs) for pair in pairs]
    _close(pairs)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in started]
    sys.exit(next((abs(code) for code in codes if code), 0))


def _started(own: tuple[int, ...], pairs: list[tuple[int, ...]]) -> int:
    child = os.fork()
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
    calls: dict[str, Call] = {}
    graphs: dict[str, Call] = {}
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
                    is_fork = True
                    calls, answer = _built(setup, request["fork"])
                    if setup["graph"]:
                        graphs = {name: graph_of(call) for name, call in calls.items()}
            elif "calls" in request:
                name = request["name"]
                answer = timed(calls[name], request["calls"], setup["device"], graphs.get(name))
            elif "profile" in request:
                call = calls[request["profile"]]
                answer = {"ops": profiled(call, request["times"], setup["device"])}
            elif is_fork:  # end: whoever forked this one answers
                os._exit(0)
            else:  # end, and the fork is gone already
                answer = {"ended": 0}
        except (Exception, SystemExit) as error:  # a user's module may raise anything
            said = next(iter(str(error).splitlines()), "")
            answer = {"error": f"{type(error).__name__}: {said}".rstrip(": ")}
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
    if setup["by_operator"]:  # a second of imports at its first use: not again in every fork
        profiled(lambda: torch.zeros(1) + 1, 1)
    if setup["core"] is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {setup["core"]})
    return {
        "prefix": sys.prefix,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "source": source,
    }


def _built(setup: dict[str, Any], fork: dict[str, Any]) -> tuple[dict[str, Call], Any]:
    """The calls to time by name, and of each what it returns once."""
    import torch

    random.seed(fork["seed"])
    pads = [bytearray(random.randrange(1, 1 << 16)) for _ in range(64)]
    del pads[::2]  # holes of random sizes, so that each process lays its memory out anew
    if setup["device"].startswith("cuda"):
        torch.cuda.set_device(setup["device"])  # what events and synchronisation refer to
    torch.set_default_dtype(getattr(torch, setup["dtype"]))
    calls, said = {}, {}
    for name, row in fork["rows"].items():
        is_reference = isinstance(row, str)
        module, inputs = REFERENCES[row]() if is_reference else _made(setup, row)
        module, mode = module.to(setup["device"]), "inference" if is_reference else setup["mode"]
        calls[name] = call = call_of(module, [_on(setup, x) for x in inputs], mode)
        output = call()
        if not isinstance(output, torch.Tensor):
            raise TypeError(f"the module returns {type(output).__name__}, not a tensor")
        said[name] = {"shape": list(output.shape), "finite": bool(torch.isfinite(output).all())}
    _refuse_foreign_code(setup)
    _pads.extend(pads)  # while the process lives, so do they
    return calls, said


_pads: list[bytearray] = []


def _refuse_foreign_code(setup: dict[str, Any]) -> None:
    """Raise where this side runs code of the other one: it would be compared with itself."""
    if not setup["other"]:
        return
    own, other = (os.path.realpath(setup[name]) + os.sep for name in ("root", "other"))
    for name, module in list(sys.modules.items()):
        path = os.path.realpath(getattr(module, "__file__", None) or os.sep)
        installed = "site-packages" in path or path.startswith(os.path.realpath(sys.prefix))
        foreign = path.startswith(other) and not path.startswith(own)
        if foreign and not installed and path != os.path.realpath(__file__):
            raise ImportError(
                f"{name} is imported from {path}, which belongs to the other version; is it on "
                "PYTHONPATH, or installed as editable? Name a --target that both versions hold"
            )


def _on(setup: dict[str, Any], x: Any) -> Any:
    return x.detach().to(setup["device"]).requires_grad_(x.requires_grad)


def call_of(module: Any, inputs: Iterable[Any], mode: str) -> Call:
    """What is timed: a forward pass, or in "training" forward and backward, gradients let go."""
    import torch

    if mode == "inference":

        def forward() -> object:
            with torch.no_grad():
                return module(*inputs)

        return forward

    def step() -> object:
        output = module(*inputs)
        output.backward(torch.ones_like(output))
        for tensor in (*module.parameters(), *inputs):
            tensor.grad = None
        return output.detach()

    return step


def _reference() -> tuple[Any, list[Any]]:
    """The work that stands for the machine's speed: a matrix product and a softmax."""
    import torch

    class Reference(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return (x @ x.transpose(0, 1)).softmax(-1)

    return Reference(), [torch.randn(384, 384, dtype=torch.float32)]


def _product_ceiling() -> tuple[Any, list[Any]]:
    """A matrix product of PRODUCT_SIDE cubed, which runs at a machine's best rate."""
    import torch

    class Product(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return x @ x

    return Product(), [torch.randn(PRODUCT_SIDE, PRODUCT_SIDE)]


def _copy_ceiling() -> tuple[Any, list[Any]]:
    """A copy of COPY_BYTES, read once and written once."""
    import torch

    class Copy(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.clone()

    size = torch.get_default_dtype().itemsize
    return Copy(), [torch.zeros(COPY_BYTES // size)]


#: What stands for the machine in place of a row: its speed, and its best.
REFERENCES = {
    "reference": _reference,
    "product ceiling": _product_ceiling,
    "copy ceiling": _copy_ceiling,
}


def _made(setup: dict[str, Any], row: Any) -> tuple[Any, list[Any]]:
    return _target(setup["target"]) if setup["target"] else _own(row)


def _target(target: str) -> tuple[Any, list[Any]]:
    import torch

    package, _, name = target.partition(":")
    module, example = getattr(importlib.import_module(package), name)()
    return module, [example] if isinstance(example, torch.Tensor) else list(example)


def _own(row: dict[str, Any]) -> tuple[Any, list[Any]]:
    """A row of pvtprof, by names that every version of it has."""
    import torch

    build = importlib.import_module("pvtprof.models.build")
    if "network" in row:
        network = row["network"]
        stages = tuple(build.StageSpec(**stage) for stage in network["stages"])
        made = build.ModelSpec(**network | {"stages": stages, "built": tuple(network["built"])})
        return build.build(made, row["attention"]), [torch.randn(*row["input"])]
    if "model" in row:
        published = build.model_spec(row["model"])
        made = dataclasses.replace(published, pool_size=row["pool_size"])
        made = made.with_attention(row["variant"], row["sr_ratios"])
        return build.build(made, row["attention"]), [torch.randn(*row["input"])]
    stage = build.StageSpec(**row["stage"])
    module = build.build_attention(stage, tuple(row["grid"]), row["attention"], row["pool_size"])
    return module, [torch.randn(*row["input"]).requires_grad_()]


def timed(
    call: Call, calls: int, device: str = "cpu", graph: Call | None = None, clock: Any = None
) -> Block:
    """One sample: seconds of one call, the mean of ``calls``, by every clock that there is.

    "wall" and "cpu" (the process's processor time, of all threads) are of a loop of calls that ends
    with a synchronisation: torch.utils.benchmark's timer in timeit's loop. On CUDA "device" is by
    events around each call, the L2 cache flushed before it (as triton.testing.do_bench does), and
    "graph" the same of a CUDA graph's replay. "switches" and "faults" are what disturbed the
    process, in all calls together.
    """
    from torch.utils.benchmark import timer

    loop = timeit.Timer(call, timer=clock or timer)
    before, cpu = resource.getrusage(resource.RUSAGE_SELF), time.process_time_ns()
    wall = loop.timeit(calls) / calls
    cpu, after = time.process_time_ns() - cpu, resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "wall": round(wall, DIGITS),
        "cpu": round(cpu / calls / 1e9, DIGITS),
        "switches": after.ru_nivcsw - before.ru_nivcsw,
        "faults": after.ru_minflt - before.ru_minflt,
    }
    if device.startswith("cuda"):
        found["device"] = _device_s(call, calls, device)
        if graph:
            found["graph"] = _device_s(graph, calls, device)
        found |= _gpu_state(device)
    return found


def profiled(call: Call, times: int, device: str = "cpu") -> list[tuple[str, float]]:
    """Every operator that torch dispatches in a call, and its seconds in context.

    The median over so many calls, one after the other; on a CPU by the clock around each operator,
    on CUDA by events.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    on_cuda = device.startswith("cuda")
    taken: list[tuple[str, Any, Any]] = []

    def now() -> Any:
        if not on_cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            begin = now()
            result = func(*args, **(kwargs or {}))
            taken.append((func._schema.name.partition("::")[2], begin, now()))
            return result

    rounds = []
    for _ in range(times):
        taken = []
        with Watch():  # type: ignore[no-untyped-call] # torch's
            call()
        if on_cuda:
            torch.cuda.synchronize()
        rounds.append(
            [begin.elapsed_time(end) / 1e3 if on_cuda else end - begin for _, begin, end in taken]
        )
    return [
        (name, round(statistics.median(column), DIGITS))
        for (name, _, _), column in zip(taken, zip(*rounds, strict=True), strict=True)
    ]


def _device_s(call: Call, calls: int, device: str) -> float:
    """Seconds between two CUDA events around a call, the mean of ``calls``; L2 flushed."""
    import torch

    flush = torch.empty(L2_FLUSH_BYTES, dtype=torch.int8, device=device)
    events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(calls)]
    for begin, end in events:
        flush.zero_()
        begin.record()
        call()
        end.record()
    torch.cuda.synchronize()
    milliseconds: float = sum(begin.elapsed_time(end) for begin, end in events)
    return milliseconds / calls / 1e3


def graph_of(call: Call) -> Call:
    """The call as a CUDA graph: replayed, its kernels wait for no launch."""
    import torch

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):  # whatever allocates or tunes on first use does so before the capture
            call()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    replay: Call = graph.replay
    return replay


def _gpu_state(device: str) -> Block:
    """Clock, temperature, and whether it is throttled; nothing without nvidia-ml-py."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return {}
    import torch

    with suppress(nvml.NVMLError):
        nvml.nvmlInit()
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        gpu = nvml.nvmlDeviceGetHandleByUUID(uuid)
        reasons = nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)
        return {
            "sm_mhz": nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM),
            "celsius": nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
            "throttled": float(bool(reasons & THROTTLED)),
        }
    return {}


if __name__ == "__main__":
    main()
