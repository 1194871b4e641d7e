"""The operators that a module runs, one after the other, with the shapes that they work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Sizes: TypeAlias = tuple[int, ...]
#: What torch calls an operator that moves nothing, though it is no view.
_STILL = {"_unsafe_view", "empty", "empty_like", "new_empty", "lift_fresh", "detach"}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operator: torch's name, the tensors that it takes, and its first result.

    ``shapes`` and ``strides`` are those of the tensors given; ``stride`` and ``groups`` are those
    of a convolution.
    """

    aten: str
    shapes: tuple[Sizes, ...]
    strides: tuple[Sizes, ...]
    made: Sizes
    stride: Sizes = ()
    groups: int = 1


class Calls(TorchDispatchMode):
    """Keeps every call of an operator that makes or changes a tensor."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch has no types there
        self.calls: list[Call] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = str(func.overloadpacket).removeprefix("aten.")
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        if made and not func.is_view and name not in _STILL:
            given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
            of_convolution = {}
            if name == "convolution":
                of_convolution = {"stride": tuple(args[3]), "groups": args[8]}
            self.calls.append(
                Call(
                    name,
                    tuple(tuple(one.shape) for one in given),
                    tuple(one.stride() for one in given),
                    tuple(made[0].shape),
                    **of_convolution,
                )
            )
        return result
