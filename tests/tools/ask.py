"""Ask the other tools what they count: python -m tests.tools.ask TOOL... > said.txt.

pvtprof does not depend on these tools. They were installed beside it, without their dependencies:
``pip install --no-deps --target TOOLS thop==0.1.1.post2209072238 ptflops==0.7.5 calflops==0.3.2
torchinfo==1.8.0``, and mmcv's ``flops_counter.py`` was taken from the source of mmcv-full 1.7.2.
Run with ``PYTHONPATH=TOOLS:.``; MMCV names the folder of mmcv-full's source.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pvtprof.models.build import build_model

MODELS = ("pvt_tiny", "pvt_v2_b0", "pvt_v2_b2", "pvt_v2_b2_li")
SIZES = (224, 512)


class AsMethod(nn.Module):
    """Softmax as the official code has it: a method of the tensor, which no hook sees."""

    def forward(self, x: Tensor) -> Tensor:
        return x.softmax(dim=-1)


def network(name: str, softmax: str) -> nn.Module:
    """Return the model; with "method" its softmax is no module of torch."""
    model = build_model(name)
    if softmax == "method":
        for module in list(model.modules()):
            if hasattr(module, "softmax"):
                module.softmax = AsMethod()
    return model


def thop(model: nn.Module, x: Tensor) -> tuple[Any, ...]:
    from thop import profile

    macs, params = profile(model, (x,), verbose=False)
    return float(macs), float(params)


def ptflops(model: nn.Module, x: Tensor, backend: str = "pytorch") -> tuple[Any, ...]:
    from ptflops import get_model_complexity_info

    return get_model_complexity_info(
        model, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False, backend=backend
    )


def ptflops_aten(model: nn.Module, x: Tensor) -> tuple[Any, ...]:
    return ptflops(model, x, "aten")


def calflops(model: nn.Module, x: Tensor) -> tuple[Any, ...]:
    package = types.ModuleType("calflops")  # its __init__ imports much that is not used here
    package.__path__ = [str(Path(folder) / "calflops") for folder in sys.path]
    sys.modules["calflops"] = package
    from calflops.calculate_pipline import CalFlopsPipline

    pipeline = CalFlopsPipline(model, False, 2.0)
    pipeline.start_flops_calculate()
    model(x)
    found = (
        pipeline.get_total_flops(),
        pipeline.get_total_macs(),
        pipeline.get_total_params(),
    )
    pipeline.end_flops_calculate()
    return found


def torchinfo(model: nn.Module, x: Tensor) -> tuple[Any, ...]:
    from torchinfo import summary

    found = summary(model, input_data=x, verbose=0)
    return found.total_mult_adds, found.total_params


def mmcv(model: nn.Module, x: Tensor) -> tuple[Any, ...]:
    stub = types.ModuleType("mmcv")
    bricks = types.SimpleNamespace(
        **{f"{n}": type(n, (), {}) for n in ("Conv2d", "Conv3d", "MaxPool2d", "MaxPool3d")},
        Linear=type("Linear", (), {}),
        ConvTranspose2d=type("ConvTranspose2d", (), {}),
    )
    stub.cnn = types.SimpleNamespace(bricks=bricks)  # type: ignore[attr-defined]
    sys.modules["mmcv"] = stub
    path = os.path.join(os.environ["MMCV"], "mmcv/cnn/utils/flops_counter.py")
    spec = importlib.util.spec_from_file_location("flops_counter", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    flops, params = module.get_model_complexity_info(
        model, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False
    )
    return flops, params


def fvcore(model: nn.Module, x: Tensor) -> tuple[Any, ...]:
    from fvcore.nn import FlopCountAnalysis

    return FlopCountAnalysis(model, x).total(), sum(p.numel() for p in model.parameters())


def torch_counter(model: nn.Module, x: Tensor) -> tuple[Any, ...]:
    from torch.utils.flop_counter import FlopCounterMode

    model.requires_grad_(False)  # else its module tracker stumbles over views
    with FlopCounterMode(display=False) as counter:
        model(x)
    return counter.get_total_flops(), sum(p.numel() for p in model.parameters())


TOOLS: dict[str, Callable[[nn.Module, Tensor], tuple[Any, ...]]] = {
    "thop": thop,
    "ptflops": ptflops,
    "ptflops aten": ptflops_aten,
    "calflops": calflops,
    "torchinfo": torchinfo,
    "mmcv": mmcv,
    "fvcore": fvcore,
    "torch": torch_counter,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for tool in sys.argv[1:] or TOOLS:
        for softmax in ("module", "method"):
            for name in MODELS:
                for size in SIZES:
                    x = torch.zeros(1, 3, size, size)
                    with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
                        said = TOOLS[tool](network(name, softmax), x)
                    print(tool, softmax, name, size, *said, sep="\t", flush=True)
