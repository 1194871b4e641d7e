"""The closed forms: the operator lists of attention, MLP, embeddings, block, stage and model.

Sources: Wang et al. 2021, arXiv:2102.12122 (PVT, section 3.3 for SRA); Wang et al. 2022,
arXiv:2106.13797 (PVT v2, section 3 for linear SRA, overlapping patches and the depthwise MLP);
the official code, https://github.com/whai362/PVT, where the papers leave something open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from pvtprof.analytic.cost import Convention, Cost, cost
from pvtprof.analytic.geometry import Sizes, model_sizes, token_grids
from pvtprof.analytic.ops import Op, product
from pvtprof.spec import ModelSpec

_Q = Op("q", "contract", "b n c", "c e", "b n e", bias="e")
_NORM = Op("norm", "layernorm", "b m e", "e", "b m e", bias="e")
#: Scaled dot-product attention over h heads, and the output projection.
_CORE = (
    Op("kv", "contract", "b m c", "c t e", "b m t e", bias="t e"),
    Op("scores", "contract", "b h n d", "b h m d", "b h n m"),
    Op("softmax", "softmax", "b h n m", "", "b h n m"),
    Op("mix", "contract", "b h n m", "b h m d", "b h n d"),
    Op("proj", "contract", "b n c", "c e", "b n e", bias="e"),
)

#: Multi-head attention: every token is a key.
MHA = (_Q, *_CORE)

#: Spatial-reduction attention with a strided convolution. arXiv:2102.12122, equations 1 to 3.
SRA_CONV = (
    _Q,
    Op("sr", "contract", "b n c", "i j c e", "b m e", bias="e"),
    _NORM,
    *_CORE,
)

#: Linear SRA: average pooling to a fixed grid, a 1x1 convolution. arXiv:2106.13797, section 3.1.
SRA_POOL = (
    _Q,
    Op("pool", "pool", "b n c", "", "b m c"),
    Op("sr", "contract", "b m c", "i j c e", "b m e", bias="e"),
    _NORM,
    Op("act", "gelu", "b m e", "", "b m e"),
    *_CORE,
)

_ATTENTION = {"mha": MHA, "sra_conv": SRA_CONV, "sra_pool": SRA_POOL}
_INSIDE_SDPA = ("scores", "softmax", "mix")

#: The MLP of PVT: two linear layers.
MLP = (
    Op("fc1", "contract", "b n c", "c f", "b n f", bias="f"),
    Op("act", "gelu", "b n f", "", "b n f"),
    Op("fc2", "contract", "b n f", "f e", "b n e", bias="e"),
)

#: The MLP of PVT v2: with a depthwise 3x3 convolution between. arXiv:2106.13797, section 3.3.
MLP_V2 = (
    MLP[0],
    Op("dwconv", "contract", "b n f", "x y f", "b n f", bias="f", where="dwconv.dwconv"),
    *MLP[1:],
)
_MLP_RELU = Op("relu", "relu", "b n f", "", "b n f")

PATCH_EMBED = (
    Op("proj", "contract", "b p g", "k l g e", "b s e", bias="e"),
    Op("norm", "layernorm", "b s e", "e", "b s e", bias="e"),
)

_CLASS_TOKEN = Op("cls_token", "concat", "b s e", "e", "b n e")
#: A learned position embedding as stored, and one that is resized to the grid at hand first.
_POSITION = (Op("pos_embed", "add", "b n e", "n e", "b n e"),)
_POSITION_RESIZED = (
    Op("interpolate", "interpolate", "", "u e", "s e"),
    Op("pos_embed", "add", "n e", "b n e", "b n e"),
)
_TOKEN_NORM = Op("norm", "layernorm", "b n e", "e", "b n e", bias="e")
_MEAN = Op("mean", "mean", "b n e", "", "b e")
_HEAD = Op("head", "contract", "b c", "c z", "b z", bias="z")


def attention_ops(variant: str, attention: str = "eager") -> tuple[Op, ...]:
    """The operators of one attention module, in the order in which they run.

    ``attention="sdpa"`` runs scores, softmax and mix as one fused kernel: the same MACs.
    """
    ops = _ATTENTION[variant]
    return ops if attention == "eager" else tuple(_fused(op) for op in ops)


def _named(op: Op, name: str) -> Op:
    return replace(op, name=name, where=name)


def _fused(op: Op) -> Op:
    return replace(op, where="sdpa", fused=True) if op.name in _INSIDE_SDPA else op


def block_ops(spec: ModelSpec, variant: str, attention: str = "eager") -> tuple[Op, ...]:
    """The operators of one transformer block: norm, attention, norm, MLP, residual additions."""
    residual = Op("add", "add", "b n e", "b n e", "b n e")
    mlp = MLP if spec.version == 1 else MLP_V2
    if spec.mlp_relu:
        mlp = (mlp[0], _MLP_RELU, *mlp[1:])
    return (
        _named(_TOKEN_NORM, "norm1"),
        *(op.inside("attn") for op in attention_ops(variant, attention)),
        residual.inside("attn"),
        _named(_TOKEN_NORM, "norm2"),
        *(op.inside("mlp") for op in mlp),
        residual.inside("mlp"),
    )


@dataclass(frozen=True, slots=True)
class Term:
    """One operator at its place in a network: its index sizes, and how often it runs."""

    op: Op
    sizes: Sizes
    times: int = 1

    @property
    def label(self) -> str:
        """The operator's name behind the path of its module: ``block1.attn.scores``."""
        path, _, _ = self.op.where.rpartition(".")
        return f"{path}.{self.op.name}" if path else self.op.name

    @property
    def cost(self) -> Cost:
        """What all runs of this operator need together."""
        return self.times * cost(self.op, self.sizes)

    def count(self, convention: Convention) -> int:
        """What a counter with this convention says of all runs together."""
        return self.times * convention.count(self.op, self.sizes)


def model_terms(
    spec: ModelSpec, image: tuple[int, int], batch: int = 1, attention: str = "eager"
) -> tuple[Term, ...]:
    """Every operator of a whole network, for images of (height, width) pixels."""
    sizes = model_sizes(spec, batch, image)
    layout = _layout(spec, _stored(spec, image), attention)
    return tuple(Term(op, sizes[stage - 1], times) for op, stage, times in layout)


def model_total(
    spec: ModelSpec,
    image: tuple[int, int],
    convention: Convention,
    batch: int = 1,
    attention: str = "eager",
) -> int:
    """What a counter of this convention says of a whole network: the closed form by itself.

    >>> from pvtprof.analytic.cost import FVCORE
    >>> from pvtprof.spec import model_spec
    >>> model_total(model_spec("pvt_v2_b2"), (224, 224), FVCORE)
    4045817152
    """
    sizes = model_sizes(spec, batch, image)
    form = _closed_form(spec, _stored(spec, image), attention, convention)
    return sum([factor * product(indices, sizes[stage - 1]) for stage, indices, factor in form])


def _stored(spec: ModelSpec, image: tuple[int, int]) -> bool:
    """Whether v1's stage 1 uses its position embedding as it is stored: on its own grid alone."""
    if spec.version == 2:
        return False
    return token_grids(spec, *spec.built)[0] == token_grids(spec, *image)[0]


@lru_cache(maxsize=256)
def _closed_form(
    spec: ModelSpec, stored: bool, attention: str, convention: Convention
) -> tuple[tuple[int, tuple[str, ...], int], ...]:
    """(stage, indices, factor) of a whole network, like products of a stage added up."""
    factors: Counter[tuple[int, tuple[str, ...]]] = Counter()
    for op, stage, times in _layout(spec, stored, attention):
        for factor, indices in convention.monomials(op):
            factors[stage, tuple(sorted(indices))] += times * factor
    return tuple((stage, indices, factor) for (stage, indices), factor in factors.items())


@lru_cache(maxsize=256)
def _layout(spec: ModelSpec, stored: bool, attention: str) -> tuple[tuple[Op, int, int], ...]:
    """(operator, stage, how often it runs): what does not depend on the image or batch.

    ``stored`` tells whether v1's stage 1 uses its position embedding as it is stored.
    """
    return tuple(_placed_ops(spec, stored, attention))


def _placed_ops(spec: ModelSpec, stored: bool, attention: str) -> Iterator[tuple[Op, int, int]]:
    for number, stage in enumerate(spec.stages, 1):
        for op in PATCH_EMBED:
            yield op.inside(f"patch_embed{number}"), number, 1
        if spec.version == 1:
            for op in _position_ops(number, stored):
                yield _named(op, f"{op.name}{number}"), number, 1
        for op in block_ops(spec, stage.runs_as, attention):
            yield op.inside(f"block{number}"), number, stage.depth
        if spec.version == 2:
            yield _named(_TOKEN_NORM, f"norm{number}"), number, 1
    yield (_TOKEN_NORM if spec.version == 1 else _MEAN), 4, 1
    yield _HEAD, 4, 1


def _position_ops(stage: int, stored: bool) -> tuple[Op, ...]:
    """The position embedding of PVT v1. Stage 1 resizes it where the grid is not the built one;
    stages 2 to 4 always do, as the official code does, even where nothing changes.
    """
    position = _POSITION if stage == 1 and stored else _POSITION_RESIZED
    return (_CLASS_TOKEN, *position) if stage == 4 else position
