"""The rows of a side: what is built in a fork, and what stands for the machine in place of a row.

The worker loads it beside itself, whatever pvtprof it runs: modules are built by the pvtprof, or
the target, that comes first on the path.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import random
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from . import clocks, nesting
from . import device as seam
from .clocks import Call

#: Sides of the matrix product that shows how many FLOPs a second a device does at its best: 1536
#: cubed is 9 us of an H100, less than it takes to get going.
PRODUCT_SIDES = {"cpu": 1536, "cuda": 8192}
COPY_BYTES = 2**27  # of the copy that shows how many bytes a second


@dataclasses.dataclass
class Built:
    """A row that was built: its module and inputs, and how to time it."""

    module: Any
    inputs: Any
    call: Call
    device: Any
    holds: clocks.Holds


def built_rows(setup: dict[str, Any], fork: dict[str, Any]) -> tuple[dict[str, Built], Any]:
    """Return the rows by name, each run once, and of each what it returns.

    Of a row for which a GPU's memory does not suffice, that; the others are built all the same.
    """
    import torch

    random.seed(fork["seed"])
    pads = [bytearray(random.randrange(1, 1 << 16)) for _ in range(64)]
    del pads[::2]  # holes of random sizes, so that each process lays its memory out anew
    device = seam.of(setup["device"])
    device.start()
    if device.is_cuda:
        seam.set_tf32(bool(setup.get("tf32")))
    torch.set_default_dtype(getattr(torch, setup["dtype"]))
    built: dict[str, Built] = {}
    said: dict[str, Any] = {}
    for name, row in fork["rows"].items():
        try:
            built[name], said[name] = _built_one(setup, row, device)
        except Exception as error:
            if not device.is_cuda or seam.failure(error) != "memory":
                raise
            said[name] = {"out of memory": seam.one_line(error)}
        if name not in built:
            device.let_go()
    _refuse_foreign_code(setup)
    _pads.extend(pads)  # while the process lives, so do they
    return built, said


def _built_one(setup: dict[str, Any], row: Any, device: Any) -> tuple[Built, dict[str, Any]]:
    import torch

    is_reference = isinstance(row, str)
    module, inputs = REFERENCES[row](device) if is_reference else _made(setup, row)
    module, mode = module.to(device.name), "inference" if is_reference else setup["mode"]
    if mode == "training" and isinstance(row, dict) and row.keys() & {"model", "network"}:
        module.train()  # batch norms take the statistics of the batch
    inputs = nesting.mapped(lambda x: _on(setup, x), inputs)
    if isinstance(row, dict) and "checkpoint" in row:
        getattr(module, "backbone", module).checkpoint = True  # a detector has a backbone
    call = call_of(module, inputs, mode, setup)
    output, names = clocks.named(call) if device.is_cuda else (call(), [])
    if not (found := nesting.tensors(output)):
        raise TypeError(f"the module returns {type(output).__name__} without a tensor in it")
    shapes = [list(tensor.shape) for tensor in found]
    said: dict[str, Any] = {
        "shape": shapes if len(shapes) > 1 else shapes[0],
        "finite": all(bool(torch.isfinite(tensor).all()) for tensor in found),
    }
    if backend := clocks.fused_backend(names):
        said["backend"] = backend
    del output, found
    graph = device.graph(call) if setup["graph"] and not is_reference else None
    return Built(module, inputs, call, device, clocks.Holds(device, call, graph)), said


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
        if (
            foreign
            and not installed
            and os.path.dirname(path) != os.path.dirname(os.path.realpath(__file__))
        ):
            raise ImportError(
                f"{name} is imported from {path}, which belongs to the other version; is it on "
                "PYTHONPATH, or installed as editable? Name a --target that both versions hold"
            )


def _on(setup: dict[str, Any], x: Any) -> Any:
    if not nesting.tensors(x):
        return x  # a number, a text, None
    return x.detach().to(setup["device"]).requires_grad_(x.requires_grad)


def call_of(module: Any, inputs: Any, mode: str, setup: Mapping[str, Any] = {}) -> Call:
    """Return the call to time: a forward pass, or in "training" a training step.

    ``setup`` names the optimizer of the step and the dtype of its autocast.
    """
    import torch

    args, kwargs = nesting.arguments(inputs)
    given = nesting.tensors(inputs)

    if mode == "inference":

        def forward() -> object:
            with torch.no_grad():
                return module(*args, **kwargs)

        return forward

    optimizer = optimizer_of(module, setup.get("optimizer", "none"))
    cast = autocast(given[0].device.type if given else "cpu", setup.get("amp", "off"))

    def step() -> object:
        with cast():
            output = nesting.tensors(module(*args, **kwargs))
        learned = [tensor for tensor in output if tensor.requires_grad]
        if learned:
            torch.autograd.backward(learned, [torch.ones_like(tensor) for tensor in learned])
        if optimizer:
            optimizer.step()
        for tensor in (*module.parameters(), *given):
            tensor.grad = None
        return [tensor.detach() for tensor in output]

    return step


def optimizer_of(module: Any, name: str) -> Any:
    """Return the optimizer of a name as people make it; it learns nothing, so that weights stay."""
    import torch

    learned = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if name == "none" or not learned:
        return None
    if name == "adamw":
        return torch.optim.AdamW(learned, lr=0.0)
    return torch.optim.SGD(learned, lr=0.0, momentum=0.9 if name == "momentum" else 0.0)


def autocast(device: str, dtype: str) -> Callable[[], AbstractContextManager[Any]]:
    """Return what runs the forward pass in mixed precision; nothing of the kind where "off"."""
    import torch

    if dtype == "off":
        return nullcontext
    return partial(torch.autocast, device, dtype=getattr(torch, dtype))


def _reference(device: Any) -> tuple[Any, list[Any]]:
    """Return the work that stands for the machine's speed: a matrix product and a softmax."""
    import torch

    class Reference(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return (x @ x.transpose(0, 1)).softmax(-1)

    return Reference(), [torch.randn(384, 384, dtype=torch.float32)]


def _product_ceiling(device: Any) -> tuple[Any, list[Any]]:
    """Return a matrix product so large that it runs at the device's best rate."""
    import torch

    class Product(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return x @ x

    side = PRODUCT_SIDES["cuda" if device.is_cuda else "cpu"]
    return Product(), [torch.randn(side, side)]


def _copy_ceiling(device: Any) -> tuple[Any, list[Any]]:
    """Return a copy of COPY_BYTES, read once and written once."""
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


def _made(setup: dict[str, Any], row: Any) -> tuple[Any, Any]:
    return _target(setup["target"]) if setup["target"] else _own(row)


def _target(target: str) -> tuple[Any, Any]:
    package, _, name = target.partition(":")
    module, example = getattr(imported(package), name)()
    args, kwargs = nesting.arguments(example)
    return module, kwargs or list(args)


def imported(package: str) -> Any:
    """Return a module by its dotted name, or by the path of its file."""
    if not package.endswith(".py"):
        return importlib.import_module(package)
    name = os.path.splitext(os.path.basename(package))[0]
    sys.path.insert(0, os.path.dirname(os.path.abspath(package)))
    return importlib.import_module(name)


def _own(row: dict[str, Any]) -> tuple[Any, Any]:
    """Return a row of pvtprof, by names that every version of it has; or a user's own module."""
    import torch

    if "folder" in row:
        return _users(row)
    build = importlib.import_module("pvtprof.models.build")
    if "network" in row:
        network = row["network"]
        stages = tuple(build.StageSpec(**stage) for stage in network["stages"])
        pairs = {name: tuple(network[name]) for name in ("built",) if name in network}
        if "patches" in network:
            pairs["patches"] = tuple(map(tuple, network["patches"]))
        made = build.ModelSpec(**network | {"stages": stages, **pairs})
        return build.build(made, row["attention"]), [torch.randn(*row["input"])]
    if "model" in row:
        published = build.model_spec(row["model"])
        made = dataclasses.replace(published, pool_size=row["pool_size"])
        made = made.with_attention(row["variant"], row["sr_ratios"])
        return build.build(made, row["attention"]), [torch.randn(*row["input"])]
    stage = build.StageSpec(**row["stage"])
    module = build.build_attention(stage, tuple(row["grid"]), row["attention"], row["pool_size"])
    return module, [torch.randn(*row["input"]).requires_grad_()]


def _users(row: dict[str, Any]) -> tuple[Any, Any]:
    """Return a user's own module at some sizes: by its target, or as it was pickled."""
    import torch

    os.chdir(row["folder"])
    sys.path[:0] = [path for path in row["path"] if path not in sys.path]
    if "pickled" in row:
        module, args, kwargs = torch.load(row["pickled"], weights_only=False)
    else:
        module, given = importlib.import_module("pvtprof.observe.target").load(row["from"], True)
        example = importlib.import_module("pvtprof.observe.inputs").example(given, row["free"])
        args, kwargs = example.real(row["sizes"], "cpu")
    return module, kwargs or list(args)
