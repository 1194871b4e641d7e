"""A derived form held to independent witnesses at random sizes of its domain."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from pvtprof.derive.form import Form
from pvtprof.derive.piece import Piece
from pvtprof.observe.inputs import Example
from pvtprof.observe.target import said
from pvtprof.observe.target_subject import TargetSubject

#: Bytes up to which a module is run for real, for fvcore.
REAL = 2**29
POINTS = 5
#: Sides are drawn up to this many times the example's; batches up to 4.
REACH = 2.0
#: Points that are drawn at most: of some domains only one in a thousand is inside.
TRIES = 40_000


@dataclass(frozen=True, slots=True)
class Check:
    """One figure at one point: what the form says, and what a witness observed.

    ``observed`` is None where the witness could not run; ``reason`` says why.
    """

    witness: str
    figure: str
    point: Mapping[str, int]
    formula: int
    observed: int | None
    reason: str = ""

    @property
    def agrees(self) -> bool:
        """Whether both are the same number."""
        return self.observed == self.formula


def checks(module: nn.Module, example: Example, form: Form) -> tuple[Check, ...]:
    """Return what the witnesses say of each piece: five points of the first, two of each other."""
    found: list[Check] = []
    for i, piece in enumerate(form.pieces):
        for point in drawn(piece, form.example, POINTS if i == 0 else 2):
            costs = form(**point)
            found += _at(module, example, form, point, costs)
    found += _real(module, example, form)
    return tuple(found)


def drawn(
    piece: Piece, example: Mapping[str, int], count: int, seed: int = 0
) -> list[dict[str, int]]:
    """Return random points of a piece's domain near the example; fewer if it has fewer."""
    rng = random.Random(seed)
    choices = {}
    alone = all(n == "b" or len(np.flatnonzero(t)) == 1 for n, t in piece.domain.tables.items())
    for name in example:
        if name in piece.domain.given:
            choices[name] = [piece.domain.given[name]]
            continue
        possible = np.flatnonzero(piece.domain.tables[name])
        most = (64 if alone else 4) if name == "b" else REACH * example[name]
        near = possible[possible <= most]
        choices[name] = [
            int(n) for n in (near if len(near) >= min(3, len(possible)) else possible[:8])
        ]
    found: list[dict[str, int]] = []
    count = min(count, math.prod(map(len, choices.values())))
    for _ in range(TRIES):
        point = {name: rng.choice(values) for name, values in choices.items() if values}
        if len(point) == len(choices) and point not in found and piece.domain.holds(point):
            found.append(point)
        if len(found) == count:
            break
    return found


def _at(
    module: nn.Module, example: Example, form: Form, point: Mapping[str, int], costs: Any
) -> Iterator[Check]:
    training = form.mode == "training"
    for witness, observe in (("torch", flops), ("live bytes", live)):
        try:
            found: Mapping[str, int | None] = observe(module, example, point, training)
        except (Exception, SystemExit) as error:
            reason = said(error)
            found = {"macs" if witness == "torch" else "peak_bytes": None}
        else:
            reason = ""
        for figure, value in found.items():
            yield Check(witness, figure, point, getattr(costs, figure), value, reason)
    params = sum(p.numel() for p in module.parameters())
    yield Check("params", "params", point, form.params, params)


def flops(
    module: nn.Module, example: Example, point: Mapping[str, int], training: bool
) -> dict[str, int]:
    """Return MACs by torch's counter."""
    return {"macs": TargetSubject(module, example, point).torch_count(training).counted // 2}


def live(
    module: nn.Module, example: Example, point: Mapping[str, int], training: bool
) -> dict[str, int]:
    """Return peak and saved bytes as observed on fake tensors of plain sizes."""
    subject = TargetSubject(module, example, point)
    watch = subject.watched("training" if training else "inference")
    found = {"peak_bytes": watch.peak.bytes if watch.timeline else 0}
    return found | ({"saved_bytes": subject.step[1]} if training else {})


def _real(module: nn.Module, example: Example, form: Form) -> Iterator[Check]:
    """Yield what fvcore counts of matrix products and convolutions, at the smallest point."""
    if form.mode == "training":
        return
    smallest = min(
        (p for piece in form.pieces for p in drawn(piece, form.example, 3)),
        key=lambda p: form(**p).macs,
        default=None,
    )
    if smallest is None:
        return
    costs = form(**smallest)
    macs = int(costs.macs)
    if costs.peak_bytes + 4 * form.params > REAL or any(p.is_meta for p in module.parameters()):
        yield Check("fvcore", "macs", smallest, macs, None, "needs real memory")
        return
    try:
        observed = TargetSubject(module, example, smallest).fvcore_count("cpu").counted
    except (Exception, SystemExit) as error:
        yield Check("fvcore", "macs", smallest, macs, None, said(error))
        return
    yield Check("fvcore", "macs", smallest, macs, observed)


def paths(module: nn.Module) -> tuple[str, ...]:
    """Return where torch takes another path than the one that is counted."""
    kinds = Counter(
        type(inner).__name__
        for inner in module.modules()
        if isinstance(inner, nn.MultiheadAttention | nn.TransformerEncoderLayer)
        and not inner.training
    )
    if not kinds:
        return ()
    names = ", ".join(f"{name} x{times}" for name, times in sorted(kinds.items()))
    return (
        f"{names}: without autograd torch runs one fused kernel "
        "(_native_multi_head_attention, _transformer_encoder_layer_fwd); the same MACs are "
        "counted here operator by operator, the peak is that of the unfused path",
    )
