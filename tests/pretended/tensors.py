"""Tensors of a pretended GPU: what is moved there stays on the CPU, and its memory is counted.

A module that was moved runs under a watch, which sees its operators where kernels would run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: A product of more elements is not computed: a CPU would take a minute. The result is zeros.
MOST_COMPUTED = 2**24


def put(torch: Any, card: Any) -> None:
    """Let tensors and modules be moved to the card, and made there."""
    from torch.utils._device import _device_constructors

    _device_constructors()  # looks the real ones up once
    to = torch.Tensor.to
    moves = Moves(torch, card)

    def tensor_to(self: Any, *args: Any, **options: Any) -> Any:
        return (
            moves.tensor(self, args[0]) if args and is_gpu(args[0]) else to(self, *args, **options)
        )

    torch.Tensor.to = tensor_to
    torch.nn.Module.to = moves.of_modules(torch.nn.Module.to)
    torch.empty, torch.ones = moves.made(torch.empty), moves.made(torch.ones)


def is_gpu(where: Any) -> bool:
    """Whether a device, or a word for one, is a GPU."""
    return str(where).startswith("cuda")


class Moves:
    """How tensors and modules come to the card."""

    def __init__(self, torch: Any, card: Any) -> None:
        self.torch, self.card = torch, card
        self.watch = watch_of(torch, card)
        self.inside = 0

    def tensor(self, tensor: Any, where: Any) -> Any:
        """The tensor as it is on the card."""
        self.card.touch()
        self.card.index(where)
        tensor = tensor.clone() if tensor.is_leaf else tensor
        self.card.follow(tensor)
        return tensor

    def made(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """A constructor of tensors that makes them on the card too."""

        def make_there(*args: Any, device: Any = None, **options: Any) -> Any:
            if not is_gpu(device):
                return make(*args, device=device, **options)
            self.card.touch()
            if options.get("dtype") is self.torch.int8:  # the cache's flush: nobody reads it
                self.card.ran(0.0)
                return make(1, **options)
            self.card.check_room(make(*args, device="meta", **options).nbytes)
            return self.tensor(make(*args, **options), device)

        return make_there

    def of_modules(self, to: Callable[..., Any]) -> Callable[..., Any]:
        """``Module.to``, which moves modules to the card too."""

        def module_to(module: Any, *args: Any, **options: Any) -> Any:
            if not (args and is_gpu(args[0])):
                return to(module, *args, **options)
            self.card.touch()
            self.card.index(args[0])
            for parameter in module.parameters():
                self.card.follow(parameter)
            module.register_forward_pre_hook(self.enter)
            module.register_forward_hook(self.leave, always_call=True)
            return module

        return module_to

    def enter(self, *_: Any) -> None:
        """The outermost module begins: its operators are watched."""
        if self.torch.jit.is_tracing():
            return
        self.inside += 1
        if self.inside == 1:
            self._change(lambda modes: [self.watch(), *modes])

    def leave(self, *_: Any) -> None:
        """The outermost module has ended."""
        if self.torch.jit.is_tracing():
            return
        self.inside -= 1
        if self.inside == 0:
            self._change(lambda modes: [m for m in modes if not isinstance(m, self.watch)])

    def _change(self, change: Callable[[list[Any]], list[Any]]) -> None:
        """Change the stack of modes at its bottom, where kernels are."""
        from torch.utils._python_dispatch import _len_torch_dispatch_stack, _pop_mode, _push_mode

        modes = [_pop_mode() for _ in range(_len_torch_dispatch_stack())]
        for mode in change(modes[::-1]):
            _push_mode(mode)


def watch_of(torch: Any, card: Any) -> Any:
    """The class of a mode that tells the card of every operator."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    def result_of(func: Any, args: Any, options: dict[str, Any]) -> Any:
        is_product = func is torch.ops.aten.mm.default
        if is_product and args[0].numel() > MOST_COMPUTED:
            return args[0].new_zeros(args[0].shape[0], args[1].shape[1])
        return func(*args, **options)

    class Watch(TorchDispatchMode):  # type: ignore[misc] # torch has no types here
        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            return False  # else torch loads its compiler, for seconds

        def __torch_dispatch__(
            self, func: Any, kinds: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            result = result_of(func, args, kwargs or {})
            card.ran()
            is_view = any(one.alias_info is not None for one in func._schema.returns)
            for leaf in tree_leaves(result):
                if isinstance(leaf, torch.Tensor) and not is_view:
                    card.follow(leaf)
            return result

    return Watch
