"""One pass of a module over tensors with symbolic sizes, each operator noted with what it costs."""

from __future__ import annotations

import logging
import time
import weakref
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
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

from pvtprof.derive.inputs import Example
from pvtprof.derive.polynomial import ZERO, Polynomial
from pvtprof.derive.sizes import Sizes
from pvtprof.derive.symbolic import SizesEnv
from pvtprof.designs.part import repeated
from pvtprof.errors import UnavailableError
from pvtprof.observe.live_bytes import LiveBytes

aten = torch.ops.aten
#: What torch says where a kernel takes no symbolic sizes.
CONCRETE = ("expected to contain only concrete integers", "with symbolic sizes/strides")


@dataclass(frozen=True, slots=True)
class Operator:
    """One call of an operator that makes or changes a tensor."""

    module: str
    name: str
    flops: Polynomial | None  # None: torch has no formula for it
    read: Polynomial
    written: Polynomial
    backward: bool


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


class LimitError(UnavailableError):
    """A derivation that takes longer than its limit."""


def _fused(q: Any, k: Any, v: Any, *args: Any, **kwargs: Any) -> Any:
    """FLOPs of attention in one kernel."""
    return sdpa_flop_count(q.shape, k.shape, v.shape)


def _fused_backward(gradient: Any, q: Any, k: Any, v: Any, *args: Any, **kwargs: Any) -> Any:
    """FLOPs of its backward, without those that compute the scores again."""
    again = sdpa_flop_count(q.shape, k.shape, k.shape)
    whole = sdpa_backward_flop_count(gradient.shape, q.shape, k.shape, v.shape)
    return whole - again // 2


#: Formulas that torch's counter lacks: it takes these kernels apart on meta, and skips them on CPU.
FUSED = {
    aten._scaled_dot_product_flash_attention_for_cpu: _fused,
    aten._scaled_dot_product_flash_attention_for_cpu_backward: _fused_backward,
}


class Noting(LiveBytes):
    """Notes every operator and the live bytes behind it, as polynomials."""

    live: Any

    def __init__(self, env: SizesEnv, already: Any, deadline: float) -> None:
        super().__init__(already)
        self.env, self.deadline = env, deadline
        self.live = ZERO
        self.operators: list[Operator] = []
        self.calls: Counter[str] = Counter()
        self.random: Counter[str] = Counter()
        self.in_python: set[Any] = set()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if time.monotonic() > self.deadline:
            macs = sum(self.env.sizes.hint(o.flops) for o in self.operators if o.flops) // 2
            raise LimitError(
                f"in {self._module() or 'the module'} at {func}, after {len(self.operators)} "
                f"operators and {macs:,} MACs at the sizes of the pass"
            )
        if _is_composite(func):
            with self:
                made = func.decompose(*args, **kwargs)
            if made is not NotImplemented:
                return made
        backward = torch._C._current_graph_task_id() != -1
        result = self._called(func, types, args, kwargs)
        if _moves(func, args, kwargs, result):
            self._note(func, args, kwargs, result, backward)
        return result

    def laid_out(self, func: Any, args: tuple[Any, ...], result: Any) -> Any:
        """As the witness does it; a view's strides by the rule of the kernels, for any sizes."""
        if func not in (aten.view.default, aten._unsafe_view.default):
            return super().laid_out(func, args, result)
        strides = view_strides(args[0].shape, args[0].stride(), result.shape)
        if strides is None or all(a == b for a, b in zip(strides, result.stride(), strict=True)):
            return result
        return result.as_strided(result.shape, strides)

    def _called(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """The result; of a kernel that takes no symbolic sizes, by torch's Python version of it."""
        if func not in self.in_python:
            try:
                return super().__torch_dispatch__(func, types, args, kwargs)
            except RuntimeError as error:
                if not any(said in str(error) for said in CONCRETE):
                    raise
                self.in_python.add(func)
        with enable_python_dispatcher():
            return super().__torch_dispatch__(func, types, args, kwargs)

    def _note(self, func: Any, args: Any, kwargs: Any, result: Any, backward: bool) -> None:
        formula: Any = flop_registry.get(func.overloadpacket) or FUSED.get(func.overloadpacket)
        flops = formula and self.env.polynomial(
            formula(*args, **kwargs, out_val=result)
            if func.overloadpacket in flop_registry
            else formula(*args, **kwargs)
        )
        name = str(func.overloadpacket).removeprefix("aten.")
        if torch.Tag.nondeterministic_seeded in func.tags and func.overloadpacket not in FUSED:
            self.random[name] += 1
        self.operators.append(
            Operator(
                self._module(), name, flops, self._bytes((args, kwargs)), self._bytes(result),
                backward,
            )
        )  # fmt: skip

    def _bytes(self, tensors: Any) -> Polynomial:
        total = ZERO
        for leaf in tree_leaves(tensors):
            if isinstance(leaf, Tensor):
                total = total + self.env.polynomial(leaf.numel()) * leaf.element_size()
        return total

    def _follow(self, tensor: Tensor) -> int:
        storage = tensor.untyped_storage()
        if storage in self._known:
            return 0
        size = self.env.polynomial(storage.nbytes())
        self._known[storage] = True
        self.live = self.live + size
        weakref.finalize(storage, self._release, size)
        return 1 if size else 0

    def _release(self, size: Any) -> None:
        self.live = self.live - size


def view_strides(shape: Any, strides: Any, wanted: Any) -> list[Any] | None:
    """The strides of a view of a tensor; None where there is no such view.

    Adjacent dimensions that lie in memory as one are a chunk; each chunk is split anew. Of sizes 1
    the strides are those that torch's kernels give, which decide on copies of convolutions.

    >>> view_strides((1, 8, 6), (48, 1, 8), (1, 8, 2, 3))
    [48, 1, 24, 8]
    """
    if not len(shape):
        return [1] * len(wanted)
    made: list[Any] = [0] * len(wanted)
    at, base, old, new = len(wanted) - 1, strides[-1], 1, 1
    for dim in reversed(range(len(shape))):
        old = old * shape[dim]
        if dim and (shape[dim - 1] == 1 or strides[dim - 1] == old * base):
            continue
        while at >= 0 and (new < old or wanted[at] == 1):
            made[at] = new * base
            new = new * wanted[at]
            at -= 1
        if new != old:
            return None
        if dim:
            base, old, new = strides[dim - 1], 1, 1
    return made if at == -1 else None


def _is_composite(func: Any) -> bool:
    """Whether it must be taken apart here: under inference_mode nothing above does so."""
    return (
        torch.is_inference_mode_enabled()
        and func.namespace == "aten"
        and func.overloadpacket not in flop_registry
        and func._can_decompose()
    )


def _moves(func: Any, args: Any, kwargs: Any, result: Any) -> bool:
    """Whether an operator reads or writes memory, other than one that only looks at a tensor."""
    made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
    if func.is_view or not made:
        return False
    given = {
        leaf.untyped_storage()._cdata
        for leaf in tree_leaves((args, kwargs))
        if isinstance(leaf, Tensor)
    }
    new = any(leaf.untyped_storage()._cdata not in given for leaf in made)
    return new or bool(func._schema.is_mutable)


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
        held = {id(t.untyped_storage()): t.untyped_storage() for t in tensors_of(output)}
        outside = [watch.env.polynomial(s.nbytes()) for s in held.values()]
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
    seen: set[int] = set()
    for name, inner in module.named_modules():
        for parameter in inner.parameters(recurse=False):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                params[repeated(name)] += parameter.numel()
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
