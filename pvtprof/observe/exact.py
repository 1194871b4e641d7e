"""Everything exact of one module: what `pvtprof check` holds to a baseline."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import Tensor, nn

from pvtprof.errors import UnavailableError
from pvtprof.observe import flop_counter, fvcore, live_bytes
from pvtprof.observe.live_bytes import LiveBytes
from pvtprof.observe.subject import Subject
from pvtprof.observe.witness import Count, Observation


def of_subject(subject: Subject, device: str, mode: str) -> Observation:
    """Of one of pvtprof's own modules: on fake tensors, but for fvcore, which needs real ones."""
    forward, step = subject.forward, subject.step
    return _observation(*subject.real(device), subject.torch_count(), forward, step, mode)


def of_module(module: nn.Module, inputs: Sequence[Tensor], mode: str) -> Observation:
    """Of any module, on the real tensors that it comes with.

    Raises UnavailableError where a witness cannot follow the module.
    """
    witness = "live memory"
    try:
        forward, step = live_bytes.forward(module, inputs), live_bytes.step(module, inputs)
        module.zero_grad(set_to_none=True)
        witness = "torch's counter, on meta tensors,"
        meta = copy.deepcopy(module).to("meta")
        by_torch = flop_counter.count(meta, tuple(x.detach().to("meta") for x in inputs))
        witness = "fvcore"
        return _observation(module, inputs, by_torch, forward, step, mode)
    except Exception as error:  # a user's module may be anything
        said = next(iter(str(error).splitlines()), "")
        raise UnavailableError(
            f"{witness} cannot follow {type(module).__name__}: {type(error).__name__}: {said}"
        ) from None


def _observation(
    module: nn.Module,
    inputs: Sequence[Tensor],
    by_torch: Count,
    forward: LiveBytes,
    step: tuple[LiveBytes, int],
    mode: str,
) -> Observation:
    watched, saved = step
    return Observation(
        params=sum(p.numel() for p in module.parameters()),
        counts={"fvcore": fvcore.count(module, *inputs), "torch": by_torch},
        executed=dict(sorted(forward.executed.items())),
        peak=(watched if mode == "training" else forward).peak,
        saved_bytes=saved,
    )
