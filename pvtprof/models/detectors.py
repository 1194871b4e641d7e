"""A backbone with its neck and its head: images (B, in_chans, H, W) to what the head gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import TASKS
from pvtprof.models.heads import ProposalHead, RetinaHead, RoiHead, SemanticHead
from pvtprof.models.necks import FPN


class Pyramid(nn.Module):
    """A backbone under a feature pyramid network, which gives its maps."""

    def __init__(self, spec: ModelSpec, backbone: nn.Module) -> None:
        super().__init__()
        neck = TASKS[spec.task].neck
        self.backbone = backbone
        if neck is not None:
            self.neck = FPN([stage.dim for stage in spec.stages], neck)

    def forward(self, x: Tensor) -> Any:
        """Return the maps of the neck."""
        return self.neck(self.backbone(x))


class RetinaNet(Pyramid):
    """RetinaNet: (scores, boxes) of every map."""

    def __init__(self, spec: ModelSpec, backbone: nn.Module) -> None:
        super().__init__(spec, backbone)
        self.bbox_head = RetinaHead()

    def forward(self, x: Tensor) -> Any:
        """Return (scores, boxes) of every map."""
        return self.bbox_head(self.neck(self.backbone(x)))


class SemanticFPN(Pyramid):
    """Semantic FPN: the logits of every pixel."""

    def __init__(self, spec: ModelSpec, backbone: nn.Module) -> None:
        super().__init__(spec, backbone)
        self.decode_head = SemanticHead(spec.last)

    def forward(self, x: Tensor) -> Any:
        """Return (B, 150, H, W)."""
        size = x.shape[2:]
        return F.interpolate(
            self.decode_head(self.neck(self.backbone(x))), size=size, mode="bilinear"
        )


class MaskRCNN(Pyramid):
    """Mask R-CNN: what the proposal network says of every map, then boxes and masks."""

    def __init__(self, spec: ModelSpec, backbone: nn.Module) -> None:
        super().__init__(spec, backbone)
        self.rpn_head = ProposalHead()
        self.roi_head = RoiHead(spec.proposals)

    def forward(self, x: Tensor) -> Any:
        """Return what proposals are made of, and what becomes of them."""
        maps = self.neck(self.backbone(x))
        return self.rpn_head(maps), self.roi_head(maps)


#: What is built around the backbone, by task; a task that is not here is the backbone alone.
DETECTORS: Mapping[str, Callable[[ModelSpec, nn.Module], nn.Module]] = {
    "fpn": Pyramid,
    "retinanet": RetinaNet,
    "semantic-fpn": SemanticFPN,
    "mask-rcnn": MaskRCNN,
}
