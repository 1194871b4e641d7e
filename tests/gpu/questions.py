"""The gravest questions that no one could answer without a GPU, each by itself.

    python -m tests.gpu.questions --output FILE

How long a hold lasts, and how many launches queue behind it; device time by each way for chains of
small kernels (fault 3); operators by events, held and not, beside CUPTI (fault 4); what a context
takes (fault 9); which backend of fused attention runs, and which can be forced.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pvtprof.observe import asking, building, clocks, cuda, held
from tests.gpu import ways

BACKENDS = ("FLASH_ATTENTION", "EFFICIENT_ATTENTION", "CUDNN_ATTENTION", "MATH")
MOST_LAUNCHES = 4000


def of_holds(card: cuda.Cuda) -> dict[str, Any]:
    """Seconds that holds of 1, 10 and 100 ms really last; launches until one had to wait."""
    lasted = {}
    card.hold(1e-4)  # the first one measures how fast the card counts
    for asked_s in (1e-3, 1e-2, 1e-1):
        card.synchronize()
        begin = card.event()
        card.hold(asked_s)
        end = card.event()
        card.synchronize()
        lasted[str(asked_s)] = card.seconds(begin, end)
    module, x = nn.ReLU().to(card.name), torch.randn(64).to(card.name)
    module(x)
    card.hold(0.5)
    queued = MOST_LAUNCHES
    for number in range(MOST_LAUNCHES):
        begin_s = time.perf_counter()
        module(x)
        if time.perf_counter() - begin_s > 0.05:
            queued = number
            break
    card.synchronize()
    return {"lasted_s": lasted, "launches that queue": queued}


class Chain(nn.Module):
    """So many small kernels, one after the other."""

    def __init__(self, kernels: int) -> None:
        super().__init__()
        self.kernels = kernels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(self.kernels):
            x = x + 1
        return x


def built(card: cuda.Cuda, module: nn.Module, x: torch.Tensor) -> building.Built:
    """A module and its input on the card, with a graph where one can be made."""
    module, x = module.to(card.name), x.to(card.name)
    call = building.call_of(module, [x], "inference")
    call()
    return building.Built(module, [x], call, card, clocks.Holds(card, call, card.graph(call)))


def of_chains(card: cuda.Cuda) -> dict[str, Any]:
    """Fault 3: chains of 15 and of 350 kernels of 64 and of 2^20 elements, by every way."""
    cases = product((15, 350), (64, 2**20))
    return {
        f"{kernels} kernels of {size}": ways.in_every_way(
            built(card, Chain(kernels), torch.randn(size))
        )
        for kernels, size in cases
    }


def of_operators(card: cuda.Cuda) -> dict[str, Any]:
    """Fault 4: the sum of one module's operators by events, with and without a hold, and CUPTI."""
    module = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), nn.Softmax(-1), nn.Linear(64, 64))
    one = built(card, module, torch.randn(1, 3136, 64))
    ops, was_held = clocks.profiled(one.call, 15, card)
    free = unheld_operators(card, one.call)
    return {
        "held": sum(seconds for _, seconds in ops),
        "is held": was_held,
        "not held": free,
        "whole, held": held.Held(card, one.call).mean_s(15),
        "CUPTI": ways.tried(lambda: ways.by_cupti(one.call)),
        "operators": ops,
    }


def unheld_operators(card: cuda.Cuda, call: Callable[[], object]) -> float:
    """The sum of a call's operators by events around each, as it was before."""
    marks: list[tuple[str, Any, Any]] = []
    clocks._watched(call, card.event, lambda *one: marks.append(one))
    card.synchronize()
    return sum(card.seconds(begin, end) for _, begin, end in marks)


def of_contexts(card: cuda.Cuda) -> dict[str, Any]:
    """Fault 9: what a process more takes of the card, and the seconds that asking it takes."""
    begin, before = time.perf_counter(), card.memory()
    other = asking._answer(card.name)  # anew: an answer is kept
    seconds = time.perf_counter() - begin
    during = other["memory"]["taken"] + other["memory"]["reserved"]
    return {
        "taken here": before.taken,
        "a context more": during - before.taken - before.reserved,
        "workspaces": other["workspace_bytes"],
        "asking_s": seconds,
    }


class Fused(nn.Module):
    """Fused attention."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.scaled_dot_product_attention(x, x[..., :49, :], x[..., :49, :])


def of_backends(card: cuda.Cuda) -> dict[str, Any]:
    """By dtype and head dim: the backend that runs by itself, and the seconds of each forced."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    found: dict[str, Any] = {}
    for dtype, dim in product(("float32", "bfloat16", "float16"), (32, 64)):
        x = torch.randn(1, 2, 784, dim, dtype=getattr(torch, dtype)).to(card.name)
        call = building.call_of(Fused().to(card.name), [x], "inference")
        forced: dict[str, Any] = {}
        for name in BACKENDS:
            with sdpa_kernel([getattr(SDPBackend, name)]):
                forced[name] = ways.tried(lambda call=call: held.Held(card, call).mean_s(10))
        default = clocks.fused_backend(clocks.named(call)[1])
        found[f"{dtype}, head dim {dim}"] = {"default": default, "forced": forced}
    return found


QUESTIONS = {
    "holds": of_holds,
    "chains": of_chains,
    "operators": of_operators,
    "contexts": of_contexts,
    "backends": of_backends,
}


def answers() -> dict[str, Any]:
    """Every answer; a question that fails does not take the others with it."""
    card = cuda.Cuda(asking.resolved_device("cuda"))
    card.start()
    found: dict[str, Any] = {"facts": card.facts()}
    for name, ask in QUESTIONS.items():
        found[name] = ways.tried(lambda ask=ask: ask(card))  # type: ignore[misc] # any answer
        print(f"{name}: {json.dumps(found[name])}", flush=True)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", required=True)
    given = parser.parse_args()
    Path(given.output).write_text(json.dumps(answers(), indent=1) + "\n")
