"""One thing to watch (an attention module or a network) and everything that is observed of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import torch
from torch import Tensor, nn

from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.designs.training import PLAIN_TRAINING, Training
from pvtprof.errors import SpecError
from pvtprof.models.build import build, build_attention
from pvtprof.observe import device as device_seam
from pvtprof.observe import flop_counter, live_bytes
from pvtprof.observe.live_bytes import LiveBytes, Seen
from pvtprof.observe.witness import Count

Built: TypeAlias = tuple[nn.Module, tuple[Tensor, ...]]


@dataclass(frozen=True)
class Subject:
    """How to build a module and its input; all but ``real`` do without memory."""

    build: Callable[[], Built] = field(repr=False)
    dtype: str = "float32"
    training: Training = PLAIN_TRAINING
    trains: bool = False
    _held: list[Built] = field(default_factory=list, repr=False, compare=False)

    def real(self, device: str) -> Built:
        """Return the module and its input on ``device``, with weights: held ones or new ones."""
        if self._held:
            return self._held[0]
        with torch.device(device), _default_dtype(self.dtype):
            return self.build()

    @contextmanager
    def held(self, device: str) -> Iterator[None]:
        """Build the real module once for all who ask for it meanwhile; it is let go afterwards."""
        self._held.append(self.real(device))
        try:
            yield
        finally:
            self._held.clear()

    def torch_count(self) -> Count:
        """Return what torch's counter says, on meta tensors."""
        return flop_counter.count(*self.on_meta)

    @cached_property
    def on_meta(self) -> Built:
        """The module and its input without memory: names, shapes and dtypes alone."""
        with torch.device("meta"), _default_dtype(self.dtype):
            return self.build()

    def params(self) -> int:
        """Return learned elements: ``sum(p.numel())``."""
        return sum(p.numel() for p in self.on_meta[0].parameters())

    def resident_bytes(self) -> int:
        """Return bytes of parameters and input."""
        module, inputs = self.on_meta
        return sum(t.nbytes for t in (*module.parameters(), *inputs))

    @cached_property
    def forward(self) -> LiveBytes:
        """Live bytes of a forward pass without autograd, on fake CPU tensors."""
        return self._on_fake_tensors(live_bytes.forward)

    @cached_property
    def step(self) -> tuple[LiveBytes, int]:
        """Live bytes of a training step, and what is saved in it; on fake tensors."""
        return self._on_fake_tensors(self._step)

    def _step(self, module: nn.Module, inputs: Sequence[Tensor]) -> tuple[LiveBytes, int]:
        return live_bytes.step(module.train(self.trains), inputs, self.training)

    def watched(self, mode: str) -> LiveBytes:
        """Return live bytes of what ``mode`` runs: a forward pass, or a training step."""
        return self.step[0] if mode == "training" else self.forward

    def _on_fake_tensors(self, watched: Callable[[nn.Module, Sequence[Tensor]], Seen]) -> Seen:
        with _default_dtype(self.dtype):
            return live_bytes.on_fake_tensors(watched, self.build)


@contextmanager
def _default_dtype(name: str) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, name))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def model_subject(spec: ModelSpec, setting: Setting) -> Subject:
    """Return a whole network on random images (batch, in_chans, height, width).

    In a training step its batch norms take the statistics of the batch; counters see it without.
    """
    shape = (setting.batch, spec.in_chans, *setting.image)

    def built() -> Built:
        network = build(spec, setting.attention, setting.checkpoint)
        return network, (torch.randn(*shape),)

    trains = setting.mode == "training"
    return Subject(built, setting.dtype, setting.training, trains=trains)


def attention_subject(
    stage: StageSpec, grid: tuple[int, int], tokens: int, setting: Setting, pool_size: int
) -> Subject:
    """Return one attention module of a stage on random tokens (batch, tokens, dim) of a grid.

    The tokens require grad: inside a network, what comes before them learns too.
    """
    shape = (setting.batch, tokens, stage.dim)
    return Subject(
        lambda: (
            build_attention(stage, grid, setting.attention, pool_size),
            (torch.randn(*shape).requires_grad_(),),
        ),
        setting.dtype,
        setting.training,
    )


@contextmanager
def with_autograd() -> Iterator[None]:
    """Yield autograd as it is by default, whatever the caller has set: a training step needs it."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def check_settings(setting: Setting) -> None:
    """Raise where torch is set to run something else than what the formulas describe."""
    if torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"):
        raise SpecError(
            "autocast is on, which runs some operators in another dtype and keeps copies; "
            "leave it, and use --mode training --amp, or --dtype bfloat16"
        )
    if torch.is_anomaly_enabled():
        raise SpecError("autograd's anomaly mode is on, which keeps more alive; switch it off")
    if setting.attention != "sdpa":
        return
    if not device_seam.flash_allowed():
        raise SpecError(
            "the flash kernel of scaled_dot_product_attention is switched off, and others store "
            "something else; leave sdpa_kernel(...), or use --attention eager"
        )
    if setting.on_cuda and setting.dtype == "float64":
        raise SpecError(
            "scaled_dot_product_attention has no fused kernel for float64 on CUDA; "
            "use --attention eager, or another --dtype"
        )
