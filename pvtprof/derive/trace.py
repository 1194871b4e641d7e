"""One pass of a module over tensors with symbolic sizes, each operator noted with what it costs."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses import FakeTensorMode
from torch.utils._pytree import tree_leaves

from pvtprof.derive.inputs import Example
from pvtprof.derive.noting import CONCRETE, Noting, Operator
from pvtprof.derive.polynomial import ZERO, Polynomial
from pvtprof.derive.sizes import Sizes
from pvtprof.derive.symbolic import SizesEnv
from pvtprof.designs.part import repeated


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


@contextmanager
def settings(module: nn.Module) -> Iterator[None]:
    """Torch as a pass needs it, and the module afterwards as it was.

    The fast path that hides operators of attention is off, torch's log of kernels without a
    symbolic rule is silent (the error says it), and what the module's forward keeps is taken back.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    log = logging.getLogger("torch._subclasses.fake_tensor")
    level = log.level
    before = [(inner, dict(inner.__dict__)) for inner in module.modules()]
    torch.backends.mha.set_fastpath_enabled(False)
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)
        torch.backends.mha.set_fastpath_enabled(fast)
        for inner, kept in before:
            inner.__dict__.clear()
            inner.__dict__.update(kept)


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
            stack.enter_context(self.watch.naming(self.module))
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


def tensors_of(output: Any) -> list[Tensor]:
    """Every tensor of an output of any nesting, each once."""
    found: dict[int, Tensor] = {}
    for leaf in tree_leaves(_plain(output)):
        if isinstance(leaf, Tensor):
            found.setdefault(id(leaf), leaf)
    return list(found.values())


def storages_of(output: Any) -> list[Any]:
    """The storages of the tensors of an output, each once."""
    return list({id(s): s for s in (t.untyped_storage() for t in tensors_of(output))}.values())


def _plain(output: Any) -> Any:
    """Dataclasses and other mappings as dicts, so that their tensors are found."""
    if hasattr(output, "items") and not isinstance(output, dict):
        output = dict(output.items())
    elif hasattr(output, "__dataclass_fields__"):
        output = {name: getattr(output, name) for name in output.__dataclass_fields__}
    if isinstance(output, dict):
        return {key: _plain(value) for key, value in dict(output).items()}
    if isinstance(output, tuple | list):
        return [_plain(value) for value in output]
    return output


def trace(
    module: nn.Module,
    example: Example,
    hints: Mapping[str, int],
    fixed: Mapping[str, int],
    training: bool = False,
    limit_s: float = 60.0,
) -> Trace:
    """One pass at sizes ``hints``, free beyond them; ``fixed`` sizes are numbers.

    Operators that are made of others are taken apart by torch's own code, as when the module runs.
    Where that code takes no symbolic sizes, torch's Python versions of it are used instead.
    """
    arguments = (module, example, hints, fixed, training, time.monotonic() + limit_s)
    try:
        return _traced(*arguments, nullcontext())
    except RuntimeError as error:
        if not any(said in str(error) for said in CONCRETE):
            raise
        return _traced(*arguments, enable_python_dispatcher())


def _traced(
    module: nn.Module,
    example: Example,
    hints: Mapping[str, int],
    fixed: Mapping[str, int],
    training: bool,
    deadline: float,
    dispatcher: AbstractContextManager[object],
) -> Trace:
    sizes = Sizes()
    env = SizesEnv(sizes)
    free = {
        name: fixed[name] if name in fixed else env.size(sizes.free(name, hint, 2))
        for name, hint in hints.items()
    }
    mode = FakeTensorMode(shape_env=env, allow_non_fake_inputs=True)
    mode.cache_enabled = False
    with settings(module), mode, dispatcher:
        state = _state(module)
        args, kwargs = example.with_sizes(free)
        watch = Noting(env, [*state.values(), args, kwargs], deadline)
        for name, inner in module.named_modules():
            keys = [f"{name}.{n}".lstrip(".") for n, _ in inner.named_parameters(recurse=False)]
            watch._owner |= {id(state[key]): repeated(name) for key in keys if key in state}
        one = _Pass(module, state, args, kwargs, watch)
        del args, kwargs
        one.run(training)
    return _finished(module, one)


def _state(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers without content, of the same layout."""
    made = {}
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        like = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
        made[name] = like.requires_grad_(tensor.requires_grad)
    return made


def _finished(module: nn.Module, one: _Pass) -> Trace:
    watch = one.watch
    params: Counter[str] = Counter()
    for name, parameter in module.named_parameters():  # each once
        params[repeated(name.rpartition(".")[0])] += parameter.numel()
    return Trace(
        watch.env.sizes,
        tuple(watch.operators),
        tuple((_as_polynomial(moment.bytes), moment.at) for moment in watch.timeline),
        one.saved,
        dict(params),
        dict(watch.calls),
        tuple(f"random: {n} x{times}" for n, times in sorted(watch.random.items())),
    )


def _as_polynomial(live: Any) -> Polynomial:
    """Live bytes as Noting keeps them."""
    assert isinstance(live, Polynomial)
    return live
