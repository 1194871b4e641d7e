"""Live tensor bytes as a witness: it follows every storage that an operator returns."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from pvtprof.designs.part import repeated
from pvtprof.designs.training import PLAIN_TRAINING, Training
from pvtprof.moment import Moment, highest
from pvtprof.observe.building import autocast, optimizer_of
from pvtprof.observe.nesting import tensors

aten = torch.ops.aten
Build: TypeAlias = Callable[[], tuple[nn.Module, tuple[Any, ...]]]
Seen = TypeVar("Seen")
#: Handles on the storage of a gradient that nothing but an accumulation holds: its own and ours.
UNSHARED = 2
#: Autograd's task outside of a backward pass.
NO_TASK = -1
#: Norms that return statistics of their input, and which of their arguments is the weight.
NORMS = {aten.native_layer_norm.default: 2, aten.native_batch_norm.default: 1}
#: What the operators of an optimizer's step are named by.
OPTIMIZER_STEP = "optimizer.step"


class LiveBytes(TorchDispatchMode):
    """Keeps the running sum of the bytes of live storages: at every operator that allocates.

    What exists before (input, parameters, buffers) does not count. It reads sizes only, so it
    watches real and fake tensors alike. Watch under ``no_grad``, not ``inference_mode``: there
    composite operators are not decomposed and the copies that they make escape.

    Two things are put right, so that what is watched is what runs when nobody watches: autograd
    adds gradients up in place where nobody else holds them, but not under a dispatch mode; and fake
    tensors lay some results out in memory in another way than the kernels do
    (``_as_kernels_lay_out``).
    """

    def __init__(self, already: Any = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch has no types there
        self.live = 0
        self.timeline: list[Moment] = []
        self.executed: Counter[str] = Counter()
        self._known = WeakIdKeyDictionary()  # UntypedStorage compares by content, not by identity
        self._running: list[tuple[str, int]] = []  # submodule, and autograd's task at its start
        self._made_in: dict[int, str] = {}  # autograd's sequence number: submodule
        self._owner: dict[int, str] = {}  # id of a parameter: submodule
        self.ignore(already)

    @property
    def peak(self) -> Moment:
        """The first moment with the most live bytes."""
        return highest(self.timeline)

    def ignore(self, tensors: Any) -> None:
        """Do not count the storages of these tensors."""
        for leaf in tree_leaves(tensors):
            if isinstance(leaf, Tensor):
                self._known[leaf.untyped_storage()] = False

    def held_by(self, tensors: Sequence[Tensor]) -> Any:
        """Return bytes of the storages of these tensors that count, each once."""
        storages = {(storage := t.untyped_storage())._cdata: storage for t in tensors}
        return sum(self.size_of(s) for s in storages.values() if self._known.get(s))

    @contextmanager
    def naming(self, module: nn.Module, state: Mapping[str, Tensor] = {}) -> Iterator[None]:
        """Name operators by the submodule that runs them, the indices of blocks left out.

        ``state`` are tensors that stand for the module's parameters, by their names.
        """
        with ExitStack() as hooks:
            for full, inner in module.named_modules():
                name = repeated(full)
                for own, parameter in inner.named_parameters(recurse=False):
                    self._owner[id(state.get(f"{full}.{own}".lstrip("."), parameter))] = name
                for handle in (
                    inner.register_forward_pre_hook(lambda *_, n=name: self._enter(n)),
                    inner.register_forward_hook(lambda *_: self._leave(), always_call=True),
                ):
                    hooks.callback(handle.remove)
            yield

    def _enter(self, name: str) -> None:
        self._running.append((name, _task()))

    def _leave(self) -> None:
        self._running.pop()

    def count(self, tensors: Sequence[Tensor]) -> int:
        """Count the storages of these tensors as alive from now on; return their bytes."""
        return int(sum(map(self._follow, tensors)))

    @contextmanager
    def stepping(self) -> Iterator[None]:
        """Watch the step of an optimizer; it asks for counts, and fake tensors hold no data."""
        self._enter(OPTIMIZER_STEP)
        try:
            with self:
                yield
        finally:
            self._leave()

    @property
    def _recomputes(self) -> bool:
        """Whether a submodule runs that was called within the backward pass that runs."""
        return bool(self._running) and self._running[-1][1] == _task() != NO_TASK

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        module = self._module()
        if self._adds_up_in_place(func, args):
            return args[0].add_(args[1])
        if func is aten._local_scalar_dense.default and module == OPTIMIZER_STEP:
            return 1.0
        result = self.laid_out(func, args, func(*args, **(kwargs or {})))
        taken = sum(self._follow(t) for t in tree_leaves(result) if isinstance(t, Tensor))
        name = str(func.overloadpacket).removeprefix("aten.")
        self.executed[name] += 1
        if taken:
            self.timeline.append(Moment(self.live, f"{module} {name}".strip()))
        return result

    def laid_out(self, func: Any, args: tuple[Any, ...], result: Any) -> Any:
        """Return the result, laid out in memory as the kernels do."""
        return _as_kernels_lay_out(func, args, result)

    def _module(self) -> str:
        """Return the submodule that runs, or whose backward does.

        Submodules run in the backward pass too, where a block is recomputed.
        """
        if self._recomputes or not _in_backward():
            module = self._running[-1][0] if self._running else ""
            self._made_in.setdefault(torch._C._autograd._get_sequence_nr() - 1, module)
            return module
        node = torch._C._current_autograd_node()
        if isinstance(parameter := getattr(node, "variable", None), Tensor):
            return self._owner.get(id(parameter), "")
        return self._made_in.get(node._sequence_nr(), "") if node else ""

    def _adds_up_in_place(self, func: Any, args: tuple[Any, ...]) -> bool:
        """Return whether autograd itself would add two gradients in place here."""
        if func is not aten.add.Tensor or self._recomputes or not _in_backward():
            return False
        if self._known.get(args[0].untyped_storage()) is False:
            return False  # the caller holds it
        with _disable_current_modes():
            handle = args[0].untyped_storage()._cdata
            return bool(torch._C._storage_Use_Count(handle) <= UNSHARED)

    def size_of(self, storage: Any) -> Any:
        """Return bytes of a storage: a number, or what a subclass counts in."""
        return storage.nbytes()

    def _follow(self, tensor: Tensor) -> Any:
        storage = tensor.untyped_storage()
        if storage in self._known:
            return 0
        size = self.size_of(storage)
        self._known[storage] = True
        self.live += size
        weakref.finalize(storage, self._release, size)
        return size

    def _release(self, size: Any) -> None:
        self.live -= size


def _task() -> int:
    """Return the number of autograd's task that runs, or NO_TASK outside of a backward pass."""
    return int(torch._C._current_graph_task_id())


def _in_backward() -> bool:
    return _task() != NO_TASK


def _as_kernels_lay_out(func: Any, args: tuple[Any, ...], result: Any) -> Any:
    """Return the result of an operator, laid out in memory as the kernels of CPU and CUDA do.

    Fake tensors differ in three places (torch 2.13), and layout decides which copies follow: a view
    with a batch of 1 gets another stride there, which convolutions take for channels-last; the
    gradient of a layer norm follows its input's layout, where the kernels return it contiguous; and
    the statistics of a layer norm or batch norm whose input is narrower than its weights have the
    dtype of the input, where the kernels of CPUs keep that of the weights.
    """
    if func in (aten.view.default, aten._unsafe_view.default) and isinstance(result, FakeTensor):
        with _disable_current_modes():
            source = torch.empty_strided(args[0].shape, args[0].stride(), device="meta")
            strides = source.view(result.shape).stride()
        return result if strides == result.stride() else result.as_strided(result.shape, strides)
    if func in NORMS and isinstance(result[0], FakeTensor):
        weight = args[NORMS[func]]
        wide = weight is not None and weight.dtype != args[0].dtype  # float32 weights, half input
        statistics = [t.to(weight.dtype) for t in result[1:]] if wide else result[1:]
        return (result[0], *statistics)
    if func is aten.native_layer_norm_backward.default and isinstance(result[0], FakeTensor):
        return (result[0].new_empty(result[0].shape), *result[1:])
    return result


class _Upstream(torch.autograd.Function):
    """Stands for the network before a module: takes the gradient of its input and drops it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> None:
        return None


def _upstream(x: Tensor) -> Tensor:
    fed: Tensor = _Upstream.apply(x)  # type: ignore[no-untyped-call] # torch has no types there
    return fed


def forward(module: nn.Module, inputs: Sequence[Tensor]) -> LiveBytes:
    """Return one forward pass without autograd, watched."""
    watch = LiveBytes([*module.parameters(), *module.buffers(), *inputs])
    with torch.no_grad(), watch.naming(module), watch:
        module(*inputs)
    return watch


def step(
    module: nn.Module, inputs: Sequence[Tensor], training: Training = PLAIN_TRAINING
) -> tuple[LiveBytes, int]:
    """Return a training step, watched; and the bytes saved in it for backward.

    Forward pass, backward and the optimizer's step, once its state is there: the state counts all
    the time. The gradients of the parameters count, that of the output is the caller's, and the
    output is held until the end. Where an input requires grad, its gradient is computed and let go.
    Where nothing learns from the output, the step is the forward pass.
    """
    watch = LiveBytes([*module.parameters(), *module.buffers(), *inputs])
    optimizer = _with_state(module, training)
    state = watch.count(_state_of(optimizer)) if optimizer else 0
    with watch.naming(module):
        fed = [_upstream(x) if x.requires_grad else x for x in inputs]
        with watch, autocast("cpu", training.amp)():
            output = module(*fed)
        learned = [tensor for tensor in tensors(output) if tensor.requires_grad]
        if not learned:
            return watch, 0
        saved = watch.live - watch.held_by(tensors(output)) - state
        gradients = [torch.ones_like(tensor) for tensor in learned]
        watch.ignore(gradients)
        del fed
        with watch:
            torch.autograd.backward(learned, gradients)
    if optimizer:
        with watch.stepping():
            optimizer.step()
        optimizer.zero_grad()
    return watch, saved


def _with_state(module: nn.Module, training: Training) -> torch.optim.Optimizer | None:
    """Return the optimizer of a training after one step of its own, so that its state is there."""
    optimizer: torch.optim.Optimizer | None = optimizer_of(module, training.optimizer)
    if optimizer is None:
        return None
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    with LiveBytes().stepping():
        optimizer.step()
    optimizer.zero_grad()
    return optimizer


def _state_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(list(optimizer.state.values())) if torch.is_tensor(leaf)]


def on_fake_tensors(watched: Callable[[nn.Module, Sequence[Tensor]], Seen], build: Build) -> Seen:
    """Return what ``watched`` (``forward`` or ``step``) observes on fake CPU tensors."""
    with FakeTensorMode():
        return watched(*build())
