"""Build a network by name, with the official initialisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import sqrt
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pvtprof.designs.checks import image_size, one_of
from pvtprof.designs.named import Model, network
from pvtprof.designs.published import model_spec as model_spec  # for workers of other versions
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.designs.words import ATTENTIONS
from pvtprof.models.attention import Attention
from pvtprof.models.detectors import DETECTORS
from pvtprof.models.pvt import PyramidVisionTransformer
from pvtprof.models.pvt_v2 import PyramidVisionTransformerV2


def build_model(
    name: Model,
    variant: str | Sequence[str] | None = None,
    sr_ratios: Sequence[int] | None = None,
    img: int | tuple[int, int] | None = None,
    num_classes: int | None = None,
    attention: str = "eager",
    pool_size: int | None = None,
    task: str | None = None,
    proposals: int | None = None,
) -> nn.Module:
    """Return a PVT or PVT v2, with its own attention or with another.

    ``name`` is a published model's name, the path of a design file, or a ``ModelSpec``. A
    parameter that is None keeps the value of that model. ``variant`` is "mha", "sra_conv" or
    "sra_pool", or a list with one for each stage. ``sr_ratios`` are R of each stage, used if the
    variant is "sra_conv". ``img`` in pixels (side, or height and width) is the size for which v1
    stores its position embeddings; every network takes other sizes too. ``attention`` is
    "eager" or "sdpa" (fused). ``task`` and ``proposals`` are as in ``compare``.

    Parameter names and shapes are the official ones, so published checkpoints load with
    ``strict=True``. Raises SpecError for impossible input, such as R != 1 in stage 4 of PVT v1.
    Source: https://github.com/whai362/PVT.

    >>> model = build_model("pvt_v2_b0")
    >>> sum(p.numel() for p in model.parameters())
    3666760
    """
    own = network(name).used_for(task, proposals)
    spec = replace(
        own.with_attention(variant, sr_ratios),
        pool_size=own.pool_size if pool_size is None else pool_size,
        num_classes=own.num_classes if num_classes is None else num_classes,
        built=own.built if img is None else image_size(img),
    )
    return build(spec, attention)


def build(spec: ModelSpec, attention: str = "eager", checkpoint: bool = False) -> nn.Module:
    """Return the network of a ModelSpec, on torch's default device and of its default dtype.

    With ``checkpoint`` it recomputes each block in the backward pass.
    """
    one_of("attention", attention, ATTENTIONS)
    kind = PyramidVisionTransformer if spec.version == 1 else PyramidVisionTransformerV2
    with _Uninitialised():  # all of its weights are set below
        backbone = kind(spec, attention)
    backbone.checkpoint = checkpoint
    model = _initialised(DETECTORS.get(spec.task, _backbone_alone)(spec, backbone))
    for name, parameter in backbone.named_parameters(recurse=False):
        if name.startswith(("pos_embed", "cls_token")):
            nn.init.normal_(parameter, std=0.02)
    return model


def _backbone_alone(spec: ModelSpec, backbone: nn.Module) -> nn.Module:
    return backbone


class _Uninitialised(TorchFunctionMode):
    """Modules that are made meanwhile do not draw their weights, which takes half of the time.

    What torch draws by default for linear layers and convolutions is left out, and nothing else.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] = {}
    ) -> Any:
        if func in (nn.init.kaiming_uniform_, nn.init.uniform_):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


class OnGrid(nn.Module):
    """An attention module with its token grid fixed: tokens (B, N, C) are its only input."""

    def __init__(self, attn: Attention, grid: tuple[int, int]) -> None:
        super().__init__()
        self.attn = attn
        self.grid = grid

    def forward(self, x: Tensor) -> Tensor:
        """Attend over the fixed grid."""
        out: Tensor = self.attn(x, *self.grid)
        return out


def build_attention(
    stage: StageSpec, grid: tuple[int, int], attention: str = "eager", pool_size: int = 7
) -> nn.Module:
    """Return one attention module for tokens (B, N, C) on ``grid``."""
    return _initialised(OnGrid(Attention(stage, attention, pool_size), grid))


def _initialised(model: nn.Module) -> nn.Module:
    for module in model.modules():
        _initialise(module)
    return model.eval()


def _initialise(module: nn.Module) -> None:
    """Set weights as the official code does: normal, and fan-out normal for convolutions.

    The official code cuts the normal distribution at 2, which is 100 standard deviations away.
    """
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
        nn.init.normal_(module.weight, std=sqrt(2.0 * module.groups / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
