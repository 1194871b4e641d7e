"""A user's own module on inputs of some sizes, and everything that is observed of it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from pvtprof.designs.part import repeated
from pvtprof.errors import UnavailableError
from pvtprof.observe import flop_counter, fvcore
from pvtprof.observe.flat import flat
from pvtprof.observe.inputs import Example
from pvtprof.observe.live_bytes import LiveBytes
from pvtprof.observe.operators import Call, Calls
from pvtprof.observe.settings import empty_state, settings, storages_of, tensors_of
from pvtprof.observe.witness import Count

Called = tuple[nn.Module, tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class TargetSubject:
    """A user's module on inputs of ``sizes``; all but ``real`` do without memory.

    ``with_weights`` builds the module again where it is on meta; None where nothing can.
    """

    module: nn.Module
    example: Example
    sizes: Mapping[str, int]
    with_weights: Callable[[], nn.Module] | None = None
    _held: list[Called] = field(default_factory=list, repr=False, compare=False)

    def real(self, device: str) -> Called:
        """Return the module with weights and its inputs on ``device``: what is held, or new ones.

        Raises UnavailableError where the module has no weights.
        """
        if self._held:
            return self._held[0]
        module = self.module
        if any(t.is_meta for t in (*module.parameters(), *module.buffers())):
            if self.with_weights is None:
                raise UnavailableError("its weights are on meta: give a module with weights")
            module = self.with_weights()
        elif device != "cpu":
            module = copy.deepcopy(module)
        args, kwargs = self.example.real(self.sizes, device)
        return module.to(device), args, kwargs

    @contextmanager
    def held(self, device: str) -> Iterator[None]:
        """Build the real module once for all who ask for it meanwhile; it is let go afterwards."""
        self._held.append(self.real(device))
        try:
            yield
        finally:
            self._held.clear()

    def fvcore_count(self, device: str) -> Count:
        """Return what fvcore counts of matrix products and convolutions, in MACs.

        Raises UnavailableError where it cannot count.
        """
        module, args, kwargs = self.real(device)
        twin, tensors = flat(module, args, kwargs)
        with settings(module):
            return fvcore.contractions(twin, *tensors)

    def params(self) -> int:
        """Return learned elements: ``sum(p.numel())``."""
        return sum(p.numel() for p in self.module.parameters())

    def params_by_module(self) -> dict[str, int]:
        """Return learned elements of each submodule, those that several share in one of them."""
        found: Counter[str] = Counter()
        for name, parameter in self.module.named_parameters():  # each once
            found[repeated(name.rpartition(".")[0])] += parameter.numel()
        return dict(found)

    def resident_bytes(self) -> int:
        """Return bytes of parameters and inputs."""
        with torch.device("meta"):
            inputs = self.example.with_sizes(self.sizes)
        given = [leaf for leaf in tree_leaves(inputs) if isinstance(leaf, Tensor)]
        return sum(t.nbytes for t in (*self.module.parameters(), *given))

    def torch_count(self, training: bool = False) -> Count:
        """Return what torch's counter says, in FLOPs; ``training`` adds the backward pass.

        On meta tensors; where the module brings tensors of its own, on fake ones.
        """
        return flop_counter.counted(self._counter(training), type(self.module).__name__)

    def macs_by_operator(self) -> dict[str, int]:
        """Return torch's MACs of "convolutions", "linear" layers and "products" of activations.

        torch runs a linear layer as a batched product where its input is not contiguous.
        """
        counts = self._counter(False).get_flop_counts()
        found = _by_kind(counts.get("Global", {}))
        root = type(self.module).__name__
        for name, module in self.module.named_modules():
            if isinstance(module, nn.Linear):
                batched = _by_kind(counts.get(f"{root}.{name}".rstrip("."), {}))["products"]
                found["products"] -= batched
                found["linear"] += batched
        return found

    def _counter(self, training: bool) -> FlopCounterMode:
        """Return torch's counter after a run."""
        with settings(self.module):
            try:
                counter = FlopCounterMode(display=False)
                with counter:
                    self._run("meta", None, training)
            except (RuntimeError, NotImplementedError):
                counter = flop_counter.with_fused()
                with FakeTensorMode(allow_non_fake_inputs=True), counter:
                    self._run("cpu", None, training)
        return counter

    def calls(self) -> list[Call]:
        """Return the operators of a forward pass without autograd, on fake CPU tensors."""
        found = Calls()
        with settings(self.module), FakeTensorMode(allow_non_fake_inputs=True):
            self._run("cpu", found, False)
        return found.calls

    @cached_property
    def forward(self) -> LiveBytes:
        """Live bytes of a forward pass without autograd, on fake CPU tensors."""
        return self._live(False)[0]

    @cached_property
    def step(self) -> tuple[LiveBytes, int]:
        """Live bytes of forward and backward, and what is saved in between; on fake tensors."""
        return self._live(True)

    def watched(self, mode: str) -> LiveBytes:
        """Return live bytes of what ``mode`` runs: a forward pass, or a training step."""
        return self.step[0] if mode == "training" else self.forward

    def _live(self, training: bool) -> tuple[LiveBytes, int]:
        with settings(self.module), FakeTensorMode(allow_non_fake_inputs=True):
            watch = LiveBytes()
            return watch, self._run("cpu", watch, training)

    def _run(self, device: str, watching: TorchDispatchMode | None, training: bool) -> int:
        """Return the module at plain sizes, without memory; the bytes saved for backward."""
        watch = watching if isinstance(watching, LiveBytes) else None
        with torch.device(device):
            state = empty_state(self.module, training)
            args, kwargs = self.example.with_sizes(self.sizes)
        if watch:
            watch.ignore([*state.values(), args, kwargs])
        with (
            torch.set_grad_enabled(training),
            watch.naming(self.module, state) if watch else nullcontext(),
            watching or nullcontext(),
            torch.device(device),
        ):
            output = torch.func.functional_call(self.module, state, args, kwargs)
        learn = [t for t in tensors_of(output) if t.requires_grad]
        if not training or not learn:
            return 0
        storages = storages_of(output)
        saved = watch.live - sum(s.nbytes() for s in storages) if watch else 0
        with torch.device(device):
            gradients = [torch.ones_like(t) for t in learn]
        if watch:
            watch.ignore(gradients)
        del storages, args, kwargs
        with watching or nullcontext():
            torch.autograd.backward(learn, gradients)
        return saved


def _by_kind(counts: Mapping[Any, int]) -> dict[str, int]:
    """Return MACs by what the operators are."""
    found = dict.fromkeys(("convolutions", "linear", "products"), 0)
    for operator, flops in counts.items():
        found[_kind(str(operator))] += flops // 2
    return found


def _kind(operator: str) -> str:
    """Return what a counted operator is: batched products are of two activations."""
    name = operator.rpartition(".")[2]
    if "conv" in name:
        return "convolutions"
    return "linear" if name in ("mm", "addmm", "linear") else "products"
