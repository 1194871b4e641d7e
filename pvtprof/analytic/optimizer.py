"""An optimizer's state, and the temporaries of its step: ``torch.optim`` on CPUs, one by one.

On CPUs the step goes over the parameters one after the other, in the order in which the modules
were made. AdamW holds two tensors of a parameter's size and the count of steps (float32, or
float64 where that is torch's default dtype), and makes two more within the step; SGD with momentum
holds one, and makes none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pvtprof.analytic.formulas import Term
from pvtprof.analytic.ops import Op, numel
from pvtprof.designs.words import DTYPES

#: Tensors of a parameter's size that are the state, and whether steps are counted a parameter.
STATES = {"none": (0, False), "sgd": (0, False), "momentum": (1, False), "adamw": (2, True)}


def parameters(terms: Sequence[Term]) -> list[int]:
    """Return the elements of each parameter, in the order of ``module.parameters()``.

    ``terms`` have every repeated block written out.
    """
    ordered = sorted(enumerate(terms), key=lambda item: _made_at(terms, *item))
    sizes = [
        numel(indices, term.sizes)
        for _, term in ordered
        for indices in _parameters_of(term.op)
        if indices
    ]
    return sizes


def _parameters_of(op: Op) -> tuple[str, ...]:
    if op.shared:
        return ()
    return (op.right, op.bias) if op.owns_right else (op.bias,)


def _made_at(terms: Sequence[Term], number: int, term: Term) -> tuple[int, float]:
    """Return where the module of an operator was made, to sort by.

    Position embeddings and class token belong to the network itself, the token last. Keys and
    values are made before what reduces them; the towers of RetinaNet before what reads them.
    """
    op = term.op
    if op.kind == "concat":
        return 1, number
    if op.kind in ("add", "interpolate"):
        return 0, number
    if ".retina_" in op.name:
        return 3, number
    if op.name.endswith("attn.kv") or ".kv@" in op.name:
        return 2, _query_of(terms, number) + 0.5
    return 2, number


def _query_of(terms: Sequence[Term], number: int) -> int:
    return next(i for i in range(number, -1, -1) if _is_query(terms[i].op))


def _is_query(op: Op) -> bool:
    return op.name.partition("@")[0].endswith("attn.q")


def state_bytes(sizes: Sequence[int], dtype: str, optimizer: str) -> int:
    """Return the bytes of the state, for parameters of so many elements.

    >>> state_bytes([10, 20], "float32", "adamw")
    248
    """
    copies, counts = STATES[optimizer]
    count = DTYPES["float64" if dtype == "float64" else "float32"]
    return copies * sum(sizes) * DTYPES[dtype] + (count * len(sizes) if counts else 0)


def temporaries(sizes: Sequence[int], dtype: str, optimizer: str) -> Iterator[tuple[str, int]]:
    """Yield torch's operator and the bytes of all temporaries, at each one that the step makes.

    AdamW: the root of the second moment, then the denominator, which a local variable holds until
    that of the next parameter is there.
    """
    if optimizer != "adamw":
        return
    before = 0
    for elements in sizes:
        size = elements * DTYPES[dtype]
        yield "sqrt", before + size
        yield "div", before + 2 * size
        before = size
