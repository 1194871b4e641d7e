"""Everything exact of one module: what `pvtprof check` holds to a baseline."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import Tensor, nn

from pvtprof.observe import flop_counter, fvcore, live_bytes
from pvtprof.observe.subject import Subject
from pvtprof.records import Observation


def of_subject(subject: Subject, device: str, mode: str) -> Observation:
    """Of one of pvtprof's own modules: on fake tensors, but for fvcore, which needs real ones."""
    forward, (step, saved) = subject.forward(), subject.step()
    module, inputs = subject.real(device)
    return Observation(
        params=subject.params(),
        counts={
            "fvcore": fvcore.count(module, *inputs),
            "torch": subject.torch_count(),
        },
        executed=dict(sorted(forward.executed.items())),
        peak=(step if mode == "training" else forward).peak,
        saved_bytes=saved,
    )


def of_module(module: nn.Module, inputs: Sequence[Tensor], mode: str) -> Observation:
    """Of any module, on the real tensors that it comes with."""
    forward, (step, saved) = live_bytes.forward(module, inputs), live_bytes.step(module, inputs)
    module.zero_grad(set_to_none=True)
    meta = copy.deepcopy(module).to("meta")
    return Observation(
        params=sum(p.numel() for p in module.parameters()),
        counts={
            "fvcore": fvcore.count(module, *inputs),
            "torch": flop_counter.count(meta, tuple(x.detach().to("meta") for x in inputs)),
        },
        executed=dict(sorted(forward.executed.items())),
        peak=(step if mode == "training" else forward).peak,
        saved_bytes=saved,
    )
