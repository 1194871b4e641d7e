"""A derived form held to independent witnesses at random sizes of its domain."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from pvtprof.derive.form import Form
from pvtprof.derive.inputs import Example
from pvtprof.derive.noting import FUSED
from pvtprof.derive.piece import Piece
from pvtprof.derive.real import REAL, fvcore_macs
from pvtprof.derive.trace import settings, storages_of, tensors_of
from pvtprof.observe.live_bytes import LiveBytes

POINTS = 5
#: Sides are drawn up to this many times the example's; batches up to 4.
REACH = 2.0


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
    """What the witnesses say of each piece: five points of the first, two of each other."""
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
    """Random points of a piece's domain, in reach of the example; fewer where it has fewer."""
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
    for _ in range(400):
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
            observed = observe(module, example, point, training)
        except (Exception, SystemExit) as error:
            line = next(iter(str(error).splitlines()), "")
            reason = f"{type(error).__name__}: {line}"
            observed = {"macs" if witness == "torch" else "peak_bytes": None}
        else:
            reason = ""
        for figure, value in observed.items():
            yield Check(witness, figure, point, getattr(costs, figure), value, reason)
    params = sum(p.numel() for p in module.parameters())
    yield Check("params", "params", point, form.params, params)


def _run(
    module: nn.Module,
    example: Example,
    point: Mapping[str, int],
    device: str,
    watch: TorchDispatchMode,
    training: bool,
) -> int:
    """The module under a watch at plain sizes, without memory; the bytes saved for backward."""
    with torch.device(device):
        state = {
            name: torch.empty_strided(t.shape, t.stride(), dtype=t.dtype).requires_grad_(
                t.requires_grad and training
            )
            for name, t in (*module.named_parameters(), *module.named_buffers())
        }
        args, kwargs = example.with_sizes(point)
    live = watch if isinstance(watch, LiveBytes) else None
    if live:
        live.ignore([*state.values(), args, kwargs])
    with torch.set_grad_enabled(training), watch, torch.device(device):
        output = torch.func.functional_call(module, state, args, kwargs)
    learn = [t for t in tensors_of(output) if t.requires_grad]
    if not training or not learn:
        return 0
    storages = storages_of(output)
    saved = live.live - sum(s.nbytes() for s in storages) if live else 0
    with torch.device(device):
        gradients = [torch.ones_like(t) for t in learn]
    if live:
        live.ignore(gradients)
    del storages, args, kwargs
    with watch:
        torch.autograd.backward(learn, gradients)
    return saved


def flops(
    module: nn.Module, example: Example, point: Mapping[str, int], training: bool
) -> dict[str, int | None]:
    """MACs by torch's counter: on meta; where the module brings tensors of its own, on fakes."""
    counter = FlopCounterMode(display=False)
    with settings(module):
        try:
            with counter:
                _run(module, example, point, "meta", _Nothing(), training)
        except (RuntimeError, NotImplementedError):
            counter = FlopCounterMode(display=False, custom_mapping=_mapping())
            with FakeTensorMode(allow_non_fake_inputs=True), counter:
                _run(module, example, point, "cpu", _Nothing(), training)
    return {"macs": counter.get_total_flops() // 2}


def _mapping() -> dict[Any, Any]:
    def raw(formula: Any) -> Any:
        def counted(*args: Any, out_val: Any = None, **kwargs: Any) -> Any:
            return formula(*args, **kwargs)

        counted._get_raw = True  # type: ignore[attr-defined]
        return counted

    return {packet: raw(formula) for packet, formula in FUSED.items()}


class _Nothing(TorchDispatchMode):
    """Watches nothing."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch has no types there

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return func(*args, **(kwargs or {}))


def live(
    module: nn.Module, example: Example, point: Mapping[str, int], training: bool
) -> dict[str, int | None]:
    """Peak and saved bytes by the witness of live storages, on fake tensors of plain sizes."""
    with settings(module), FakeTensorMode(allow_non_fake_inputs=True):
        watch = LiveBytes()
        saved = _run(module, example, point, "cpu", watch, training)
    found: dict[str, int | None] = {"peak_bytes": watch.peak.bytes if watch.timeline else 0}
    return found | ({"saved_bytes": saved} if training else {})


def _real(module: nn.Module, example: Example, form: Form) -> Iterator[Check]:
    """What fvcore counts of matrix products and convolutions, at the smallest point."""
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
        observed = fvcore_macs(module, example, smallest)
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
        yield Check("fvcore", "macs", smallest, macs, None, reason)
        return
    yield Check("fvcore", "macs", smallest, macs, observed)


def paths(module: nn.Module) -> tuple[str, ...]:
    """Where torch takes another path than the one that is counted."""
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
