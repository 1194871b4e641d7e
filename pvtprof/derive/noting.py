"""The watch of a pass: it notes every operator and the live bytes behind it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._dispatch.python import enable_python_dispatcher
from torch.utils._pytree import tree_leaves

from pvtprof.derive.polynomial import ZERO, Polynomial
from pvtprof.derive.symbolic import CONCRETE_INTEGERS, SizesEnv
from pvtprof.errors import UnavailableError
from pvtprof.observe.flop_counter import FORMULAS, FUSED
from pvtprof.observe.live_bytes import LiveBytes

aten = torch.ops.aten


#: What torch says where code takes no symbolic sizes.
CONCRETE = (CONCRETE_INTEGERS, "with symbolic sizes/strides", "Expected IntList")


@dataclass(frozen=True, slots=True)
class Operator:
    """One call of an operator that makes or changes a tensor."""

    module: str
    name: str
    flops: Polynomial | None  # None: torch has no formula for it
    read: Polynomial
    written: Polynomial


class LimitError(UnavailableError):
    """A derivation that takes longer than its limit."""


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
        result = self._called(func, types, args, kwargs)
        if _moves(func, args, kwargs, result):
            self._note(func, args, kwargs, result)
        return result

    def laid_out(self, func: Any, args: tuple[Any, ...], result: Any) -> Any:
        """Return the result laid out as kernels do it; strides of views hold for any sizes."""
        if func not in (aten.view.default, aten._unsafe_view.default):
            return super().laid_out(func, args, result)
        strides = view_strides(args[0].shape, args[0].stride(), result.shape)
        if strides is None or all(a == b for a, b in zip(strides, result.stride(), strict=True)):
            return result
        return result.as_strided(result.shape, strides)

    def _called(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Return a kernel's result, by torch's Python version if it takes no symbolic sizes."""
        if func not in self.in_python:
            self.env.in_kernel = True
            try:
                return super().__torch_dispatch__(func, types, args, kwargs)
            except RuntimeError as error:
                if not any(said in str(error) for said in CONCRETE):
                    raise
                self.in_python.add(func)
            finally:
                self.env.in_kernel = False
        with enable_python_dispatcher():
            return super().__torch_dispatch__(func, types, args, kwargs)

    def _note(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        formula: Any = FORMULAS.get(func.overloadpacket)
        flops = formula and self.env.polynomial(formula(*args, **kwargs, out_val=result))
        name = str(func.overloadpacket).removeprefix("aten.")
        if torch.Tag.nondeterministic_seeded in func.tags and func.overloadpacket not in FUSED:
            self.random[name] += 1
        self.operators.append(
            Operator(
                self._module(),
                name,
                flops,
                self._bytes((args, kwargs)),
                self._bytes(result),
            )
        )

    def _bytes(self, tensors: Any) -> Polynomial:
        total = ZERO
        for leaf in tree_leaves(tensors):
            if isinstance(leaf, Tensor):
                total = total + self.env.polynomial(leaf.numel()) * leaf.element_size()
        return total

    def size_of(self, storage: Any) -> Polynomial:
        """Return bytes of a storage, in sizes."""
        return self.env.polynomial(storage.nbytes())


def view_strides(shape: Any, strides: Any, wanted: Any) -> list[Any] | None:
    """Return the strides of a view of a tensor; None where there is no such view.

    Adjacent dimensions that lie in memory as one are a chunk; each chunk is split anew. Of sizes 1
    the strides are those that torch's kernels give, which decide on copies of convolutions.

    >>> view_strides((1, 8, 6), (48, 1, 8), (1, 8, 2, 3))
    [8, 1, 24, 8]
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
    """Return whether it must be taken apart here: under inference_mode nothing above does so."""
    return (
        torch.is_inference_mode_enabled()
        and func.namespace == "aten"
        and func.overloadpacket not in FORMULAS
        and func._can_decompose()
    )


def _moves(func: Any, args: Any, kwargs: Any, result: Any) -> bool:
    """Return whether an operator reads or writes memory, and not only looks at a tensor."""
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
