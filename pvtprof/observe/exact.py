"""Everything exact of one module: what `pvtprof check` holds to a baseline."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from pvtprof.errors import UnavailableError
from pvtprof.observe import flop_counter, fvcore, live_bytes
from pvtprof.observe.deadline import Limit
from pvtprof.observe.live_bytes import LiveBytes
from pvtprof.observe.subject import Subject
from pvtprof.observe.untouched import attributes_kept, untouched
from pvtprof.observe.witness import Count, Observation

#: Names of the witnesses, as a failure names them.
LIVE, META, TORCH, FVCORE = "live memory", "torch on meta tensors", "torch", "fvcore"
#: Characters of a reason.
MOST_SAID = 300
Seen = TypeVar("Seen")


def of_subject(subject: Subject, device: str, mode: str) -> Observation:
    """Return the exact figures of one of pvtprof's own modules, mostly on fake tensors."""
    module, inputs = subject.real(device)
    counts = {FVCORE: fvcore.count(module, *inputs), TORCH: subject.torch_count()}
    return _observation(module, counts, (subject.forward, *subject.step), mode)


def of_module(
    module: nn.Module, inputs: Sequence[Tensor], mode: str, limit: Limit | None = None
) -> Observation:
    """Return of any module, on the real tensors that it comes with; the module is left as it was.

    What a witness cannot follow leaves the others standing: ``failures`` of the result says why.
    All see the same random numbers. Raises UnavailableError where no witness can follow, or one
    takes longer than ``limit``.
    """
    failures: dict[str, str] = {}
    asked = partial(_asked, failures, module, inputs, limit or Limit())
    live = asked(LIVE, lambda: _live(module, inputs))
    counts = {FVCORE: asked(FVCORE, lambda: fvcore.count(module, *inputs))}
    counts[TORCH] = asked(META, lambda: _on_meta(module, inputs)) or asked(
        TORCH, lambda: flop_counter.count_real(module, tuple(inputs))
    )
    seen = {name: count for name, count in counts.items() if count}
    if not seen and not live:
        said = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        raise UnavailableError(f"no witness can follow {type(module).__name__}: {said}")
    return _observation(module, seen, live, mode, failures)


def _asked(
    failures: dict[str, str],
    module: nn.Module,
    inputs: Sequence[Tensor],
    limit: Limit,
    witness: str,
    ask: Callable[[], Seen],
) -> Seen | None:
    """Return the count of a witness; None if it fails, with the reason in ``failures``."""
    try:
        with limit.over(type(module).__name__), untouched(module, inputs):
            torch.manual_seed(0)
            return ask()
    except UnavailableError:
        raise
    except Exception as error:  # a user's module may be anything
        failures[witness] = _reason(error)
        return None


def _reason(error: Exception) -> str:
    """Return the first line of an error's message, the same in every process."""
    said = re.sub(" at 0x[0-9a-f]+", "", next(iter(str(error).splitlines()), ""))
    text = "".join(c if c.isprintable() else " " for c in f"{type(error).__name__}: {said}")
    return text.rstrip(": ")[:MOST_SAID]


def _live(module: nn.Module, inputs: Sequence[Tensor]) -> tuple[LiveBytes, LiveBytes, int]:
    """Return what lives in a forward pass, and in a training step of the module as it was."""
    with attributes_kept(module):
        forward = live_bytes.forward(module, inputs)
    torch.manual_seed(0)
    return forward, *live_bytes.step(module, inputs)


def _on_meta(module: nn.Module, inputs: Sequence[Tensor]) -> Count:
    meta = copy.deepcopy(module).to("meta")
    return flop_counter.count(meta, tuple(x.detach().to("meta") for x in inputs))


def _observation(
    module: nn.Module,
    counts: dict[str, Count],
    live: tuple[LiveBytes, LiveBytes, int] | None,
    mode: str,
    failures: dict[str, str] | None = None,
) -> Observation:
    forward, watched, saved = live or (None, None, None)
    watch = watched if mode == "training" else forward
    return Observation(
        params=sum(p.numel() for p in module.parameters()),
        counts=counts,
        executed=dict(sorted(forward.executed.items())) if forward else {},
        peak=watch.peak if watch else None,
        saved_bytes=saved,
        failures=failures or {},
    )
