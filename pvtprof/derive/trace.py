"""One pass of a module over tensors with symbolic sizes, each operator noted with what it costs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode

from pvtprof.derive.dispatcher import python_versions
from pvtprof.derive.noting import CONCRETE, Noting, Operator
from pvtprof.derive.polynomial import ZERO, Polynomial
from pvtprof.derive.sizes import Sizes
from pvtprof.derive.symbolic import SizesEnv
from pvtprof.designs.part import repeated
from pvtprof.observe.inputs import Example
from pvtprof.observe.settings import empty_state, settings, storages_of, tensors_of
from pvtprof.observe.target_subject import TargetSubject


@dataclass(frozen=True, slots=True)
class Trace:
    """What one pass found, in the sizes of ``sizes``."""

    sizes: Sizes
    operators: tuple[Operator, ...]
    live: tuple[tuple[Polynomial, str], ...]
    saved: Polynomial
    params: Mapping[str, int]
    calls: Mapping[str, int]
    remarks: tuple[str, ...]


@dataclass
class _Pass:
    """The tensors of one pass and its watch."""

    module: nn.Module
    state: dict[str, Tensor]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    watch: Noting
    saved: Polynomial = field(default=ZERO)

    def run(self, training: bool) -> None:
        """Forward, and backward where asked."""
        with ExitStack() as stack:
            stack.enter_context(self.watch.naming(self.module, self.state))
            for name, inner in self.module.named_modules():
                hook = inner.register_forward_pre_hook(self._count(repeated(name)))
                stack.callback(hook.remove)
            if not training:
                stack.enter_context(torch.no_grad())
            with self.watch:
                output = self._forward()
            if training:
                self._backward(output)

    def _count(self, name: str) -> Any:
        def called(*_: Any) -> None:
            self.watch.calls[name] += 1

        return called

    def _forward(self) -> Any:
        return torch.func.functional_call(self.module, self.state, self.args, self.kwargs)

    def _backward(self, output: Any) -> None:
        watch = self.watch
        learn = [t for t in tensors_of(output) if t.requires_grad]
        held = storages_of(output)
        outside = [watch.env.polynomial(s.nbytes()) for s in held]
        if not learn:
            return
        self.saved = watch.live - sum(outside[1:], outside[0])
        gradients = [torch.ones_like(t) for t in learn]
        watch.ignore(gradients)
        self.args, self.kwargs = (), {}
        del held
        with watch:
            torch.autograd.backward(learn, gradients)


@dataclass(frozen=True)
class Asked:
    """What is passed: a module at sizes ``hints``, of which those in ``fixed`` are numbers."""

    module: nn.Module
    example: Example
    hints: Mapping[str, int]
    fixed: Mapping[str, int]
    training: bool = False


def trace(asked: Asked, limit_s: float = 60.0) -> Trace:
    """Return one pass of what is asked, at sizes that are free beyond the hints.

    Operators that are made of others are taken apart by torch's own code, as when the module runs.
    Where that code takes no symbolic sizes, torch's Python versions of it are used instead.
    """
    deadline = time.monotonic() + limit_s
    try:
        return _traced(asked, deadline, nullcontext())
    except RuntimeError as error:
        if not any(said in str(error) for said in CONCRETE):
            raise
        return _traced(asked, deadline, python_versions())


def _traced(asked: Asked, deadline: float, dispatcher: AbstractContextManager[object]) -> Trace:
    sizes = Sizes()
    env = SizesEnv(sizes)
    free = {
        name: asked.fixed[name] if name in asked.fixed else env.size(sizes.free(name, hint, 2))
        for name, hint in asked.hints.items()
    }
    mode = FakeTensorMode(shape_env=env, allow_non_fake_inputs=True)
    mode.cache_enabled = False
    with settings(asked.module), mode, dispatcher:
        state = empty_state(asked.module)
        args, kwargs = asked.example.with_sizes(free)
        watch = Noting(env, [*state.values(), args, kwargs], deadline)
        one = _Pass(asked.module, state, args, kwargs, watch)
        del args, kwargs
        one.run(asked.training)
    return _finished(asked, one)


def _finished(asked: Asked, one: _Pass) -> Trace:
    watch = one.watch
    return Trace(
        watch.env.sizes,
        tuple(watch.operators),
        tuple((_as_polynomial(moment.bytes), moment.at) for moment in watch.timeline),
        one.saved,
        TargetSubject(asked.module, asked.example, asked.hints).params_by_module(),
        dict(watch.calls),
        tuple(f"random: {n} x{times}" for n, times in sorted(watch.random.items())),
    )


def _as_polynomial(live: Any) -> Polynomial:
    """Return live bytes as Noting keeps them."""
    assert isinstance(live, Polynomial)
    return live
