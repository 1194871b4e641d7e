"""The formulas: the operator lists of attention, MLP, embeddings, block, stage and model.

Sources: Wang et al. 2021, arXiv:2102.12122 (PVT, section 3.3 for SRA); Wang et al. 2022,
arXiv:2106.13797 (PVT v2, section 3 for linear SRA, overlapping patches and the depthwise MLP);
the official code, https://github.com/whai362/PVT, where the papers leave something open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from pvtprof.analytic.cost import Convention
from pvtprof.analytic.dense import dense_ops
from pvtprof.analytic.geometry import Sizes, model_sizes, token_grids
from pvtprof.analytic.ops import Op, Regrad, chained, product
from pvtprof.analytic.terms import Term as Term
from pvtprof.analytic.terms import running as running
from pvtprof.analytic.terms import total as total
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.designs.tasks import CLASSIFY, TASKS

_KEYS_AND_VALUES_MEET = (Regrad("stack"), Regrad("clone", when="bm"))
_Q = Op(
    "q",
    "contract",
    "b n c",
    "c e",
    "b n e",
    bias="e",
    of=("x",),
    bound=True,
    regrads=(Regrad("clone", when="h n"),),
)
_KV = Op(
    "kv",
    "contract",
    "b m c",
    "c t e",
    "b m t e",
    bias="t e",
    bound=True,
    regrads=_KEYS_AND_VALUES_MEET,
)
_SR = Op("sr", "contract", "b n c", "i j c e", "b m e", bias="e", of=("x",))
_NORM = Op("norm", "layernorm", "b m e", "e", "b m e", bias="e")
#: Scaled dot-product attention over h heads, and the output projection. Batched matrix products
#: copy an operand whose batch and heads do not lie one after the other in memory.
_CORE = (
    Op("q_copy", "copy", "b h n d", "", "b h n d", where="scores", of=("q",), when="b h n"),
    Op("k_copy", "copy", "b h m d", "", "b h m d", where="scores", of=("kv",), when="b h"),
    Op("scores", "contract", "b h n d", "b h m d", "b h n m", of=("q_copy", "k_copy")),
    Op("scale", "scale", "b h n m", "", "b h n m", where="scores"),
    Op("softmax", "softmax", "b h n m", "", "b h n m", bound=True),
    Op("v_copy", "copy", "b h m d", "", "b h m d", where="mix", of=("kv",), when="b h"),
    Op(
        "mix",
        "contract",
        "b h n m",
        "b h m d",
        "b h n d",
        of=("softmax", "v_copy"),
        regrads=(Regrad("clone", "mix", "b h n"),),
    ),
    Op("merge", "copy", "b h n d", "", "b n c", where="", when="h n d"),
    Op("proj", "contract", "b n c", "c e", "b n e", bias="e"),
)

#: Multi-head attention: every token is a key.
MHA = chained(_Q, replace(_KV, of=("x",)), *_CORE)

#: Spatial-reduction attention with a strided convolution. arXiv:2102.12122, equations 1 to 3.
SRA_CONV = chained(_Q, _SR, replace(_NORM, bound=True), _KV, *_CORE)

#: Linear SRA: average pooling to a fixed grid, a 1x1 convolution. arXiv:2106.13797, section 3.1.
SRA_POOL = chained(
    _Q,
    Op("pool", "pool", "b n c", "", "b m c", of=("x",)),
    replace(_SR, left="b m c", of=("pool",)),
    _NORM,
    Op("act", "gelu", "b m e", "", "b m e", bound=True),
    _KV,
    *_CORE,
)

_ATTENTION = {"mha": MHA, "sra_conv": SRA_CONV, "sra_pool": SRA_POOL}
_INSIDE_SDPA = ("scores", "softmax", "mix")
_SPARED_BY_SDPA = ("q_copy", "k_copy", "scale", "v_copy", "merge")

#: The MLP of PVT: two linear layers.
MLP = chained(
    Op("fc1", "contract", "b n c", "c f", "b n f", bias="f"),
    Op("act", "gelu", "b n f", "", "b n f"),
    Op("fc2", "contract", "b n f", "f e", "b n e", bias="e"),
)
_DWCONV = Op(
    "dwconv", "contract", "b n f", "x y f", "b n f", bias="f", where="dwconv.dwconv", of=("fc1",)
)
_RELU = Op("relu", "relu", "b n f", "", "b n f", of=("fc1",))
_ACT_V2 = replace(MLP[1], of=("dwconv",))
_FC2_V2 = replace(MLP[2], from_map=True)

#: The MLP of PVT v2: with a depthwise 3x3 convolution between. arXiv:2106.13797, section 3.3.
MLP_V2 = (MLP[0], _DWCONV, _ACT_V2, _FC2_V2)
#: The MLP of PVT v2 "li": with a ReLU before the convolution.
MLP_LI = (MLP[0], _RELU, replace(_DWCONV, of=("relu",)), _ACT_V2, _FC2_V2)

PATCH_EMBED = chained(
    Op("proj", "contract", "b p g", "k l g e", "b s e", bias="e", bound=True),
    Op("norm", "layernorm", "b s e", "e", "b s e", bias="e"),
)

_TOKEN_NORM = Op("norm", "layernorm", "b n e", "e", "b n e", bias="e")
_RESIDUAL = Op("add", "add", "b n e", "b n e", "b n e", where="")


def attention_ops(variant: str, attention: str = "eager", qkv_bias: bool = True) -> tuple[Op, ...]:
    """Return the operators of one attention module, in the order in which they run.

    ``attention="sdpa"`` runs scores, softmax and mix as one fused kernel: the same MACs.
    """
    ops = _ATTENTION[variant]
    if not qkv_bias:
        ops = tuple(replace(op, bias="") if op.name in ("q", "kv") else op for op in ops)
    if attention == "eager":
        return ops
    return tuple(_fused(op) for op in ops if op.name not in _SPARED_BY_SDPA)


def _fused(op: Op) -> Op:
    if op.name == "proj":
        return replace(op, of=("mix",))
    if op.name in _INSIDE_SDPA:
        return replace(op, where="sdpa", of=("q", "kv"), fused=True, regrads=())
    return replace(op, regrads=()) if op.name == "q" else op


def block_ops(spec: ModelSpec, stage: StageSpec, attention: str = "eager") -> tuple[Op, ...]:
    """Return the operators of one transformer block: norm, attention, norm, MLP, residual sums."""
    of_attention = attention_ops(stage.runs_as, attention, stage.qkv_bias)
    mlp = MLP if spec.version == 1 else MLP_LI if spec.mlp_relu else MLP_V2
    return (
        replace(_TOKEN_NORM, name="norm1", of=("x",)),
        *(op.inside("attn", x="norm1") for op in of_attention),
        replace(_RESIDUAL, name="add1", of=("x", "attn.proj")),
        replace(_TOKEN_NORM, name="norm2", of=("add1",)),
        *(op.inside("mlp", x="norm2") for op in mlp),
        replace(_RESIDUAL, name="add2", of=("add1", "mlp.fc2")),
    )


def model_terms(
    spec: ModelSpec, image: tuple[int, int], batch: int = 1, attention: str = "eager"
) -> tuple[Term, ...]:
    """Return every operator of a whole network, for images of (height, width) pixels."""
    return _terms(spec, model_sizes(spec, batch, image), image, batch, attention)


def stage_terms(
    spec: ModelSpec, image: tuple[int, int], batch: int = 1, attention: str = "eager"
) -> tuple[tuple[Term, ...], ...]:
    """Return every operator of a network, stage by stage; neck and head are with the last one."""
    sizes = model_sizes(spec, batch, image)
    stage_of = {id(of_stage): stage for stage, of_stage in enumerate(sizes)}
    found: list[list[Term]] = [[] for _ in sizes]
    for term in _terms(spec, sizes, image, batch, attention):
        found[stage_of.get(id(term.sizes), -1)].append(term)
    return tuple(map(tuple, found))


def _terms(
    spec: ModelSpec, sizes: Sequence[Sizes], image: tuple[int, int], batch: int, attention: str
) -> tuple[Term, ...]:
    placed = layout(spec, uses_stored(spec, image), attention)
    backbone = [Term(op, sizes[stage - 1], times) for op, stage, times in placed]
    return running([*backbone, *(Term(*one) for one in dense_ops(spec, image, batch))])


def model_total(
    spec: ModelSpec,
    image: tuple[int, int],
    convention: Convention,
    batch: int = 1,
    attention: str = "eager",
) -> int:
    """Return a counter's total for a whole network, by formula.

    >>> from pvtprof.analytic.cost import FVCORE
    >>> from pvtprof.designs.published import model_spec
    >>> model_total(model_spec("pvt_v2_b2"), (224, 224), FVCORE)
    4045817152
    """
    sizes = model_sizes(spec, batch, image)
    form = _closed_form(spec, uses_stored(spec, image), attention, convention)
    dense = sum(convention.count(op, at) for op, at in dense_ops(spec, image, batch))
    return dense + sum(
        [factor * product(indices, sizes[stage - 1]) for stage, indices, factor in form]
    )


def uses_stored(spec: ModelSpec, image: tuple[int, int]) -> bool:
    """Return whether v1's stage 1 uses its position embedding without resizing it."""
    if spec.version == 2:
        return False
    return token_grids(spec, *spec.built)[0] == token_grids(spec, *image)[0]


@lru_cache(maxsize=256)
def _closed_form(
    spec: ModelSpec, stored: bool, attention: str, convention: Convention
) -> tuple[tuple[int, tuple[str, ...], int], ...]:
    """Return (stage, indices, factor) of a whole network; equal products of a stage are added."""
    factors: Counter[tuple[int, tuple[str, ...]]] = Counter()
    for op, stage, times in layout(spec, stored, attention):
        for factor, indices in convention.monomials(op):
            factors[stage, tuple(sorted(indices))] += times * factor
    return tuple((stage, indices, factor) for (stage, indices), factor in factors.items())


@lru_cache(maxsize=256)
def layout(spec: ModelSpec, stored: bool, attention: str) -> tuple[tuple[Op, int, int], ...]:
    """Return (operator, stage, number of runs), which depend on neither image nor batch.

    ``stored`` tells whether v1's stage 1 uses its position embedding as it is stored.
    """
    placed = _placed_ops(spec, stored, attention)
    if TASKS[spec.task].neck is None:
        return tuple(placed)
    return tuple((_in_backbone(op), stage, times) for op, stage, times in placed)


def _in_backbone(op: Op) -> Op:
    regrads = tuple(replace(r, where=f"backbone.{r.where}".rstrip(".")) for r in op.regrads)
    return replace(op, where=f"backbone.{op.place}".rstrip("."), regrads=regrads)


def _placed_ops(spec: ModelSpec, stored: bool, attention: str) -> Iterator[tuple[Op, int, int]]:
    x = "image"
    for number, stage in enumerate(spec.stages, 1):
        for op in PATCH_EMBED:
            yield op.inside(f"patch_embed{number}", x), number, 1
        x = f"patch_embed{number}.norm"
        if spec.version == 1:
            for op in _position_ops(spec, number, stored):
                yield replace(op, of=tuple(x if n == "x" else n for n in op.of)), number, 1
            x = f"pos_embed{number}"
        for op in block_ops(spec, stage, attention):
            yield op.inside(f"block{number}", x), number, stage.depth
        x = f"block{number}.add2"
        if spec.version == 2:
            yield replace(_TOKEN_NORM, name=f"norm{number}", of=(x,)), number, 1
            x = f"norm{number}"
        if number < spec.last or spec.task != CLASSIFY:
            as_map = Op(f"map{number}", "copy", "b s e", "", "b s e", where="", of=(x,), when="s")
            yield replace(as_map, until=_until(spec)), number, 1
            x = as_map.name
    if spec.task == CLASSIFY:
        yield from _head_ops(spec, x)


def _until(spec: ModelSpec) -> str | None:
    """Return the call that lets go of a stage's map: "" holds it to the end, as an output."""
    if spec.task == CLASSIFY:
        return None
    return "neck" if TASKS[spec.task].neck else ""


def _head_ops(spec: ModelSpec, x: str) -> Iterator[tuple[Op, int, int]]:
    mean = Op("mean", "mean", "b n e", "", "b e", where="")
    norm = replace(_TOKEN_NORM, regrads=(Regrad("select_backward"),))
    last = replace(norm if spec.version == 1 else mean, of=(x,))
    yield last, spec.last, 1
    yield Op("head", "contract", "b c", "c z", "b z", bias="z", of=(last.name,)), spec.last, 1


def _position_ops(spec: ModelSpec, stage: int, stored: bool) -> Iterator[Op]:
    """Yield the operators of v1's position embedding, and of the class token of its last stage.

    Stage 1 resizes its embedding where the grid is not the built one; later stages always do,
    as the official code does, even where nothing changes. Detectors have no class token, but keep
    its entry in the embedding of the last stage, which is left out of every sum.
    """
    class_token = spec.class_token and stage == spec.last
    tokens, embedding = "x", f"interpolate{stage}"
    if class_token:
        tokens = "cls_token"
        yield Op("cls_token", "concat", "b s e", "e", "b n e", where="", of=("x",))
    add = Op(f"pos_embed{stage}", "add", "b n e", "n e", "b n e", where="", of=(tokens,))
    if stage == 1 and stored:
        yield replace(add, right="u e") if spec.last == 1 else add
        return
    yield Op(embedding, "interpolate", "", "u e", "s e")
    if class_token:
        yield Op("pos_concat", "concat", "s e", "", "n e", where="", of=(embedding,))
        embedding = "pos_concat"
    yield replace(add, left="n e", right="b n e", of=(tokens, embedding))
