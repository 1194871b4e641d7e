"""Heads over a feature pyramid: RetinaNet, Semantic FPN, and the three of Mask R-CNN.

Names of submodules and parameters are those of mmdetection 2.8 and mmsegmentation 0.13. What
depends on data is left out: see ``designs.tasks``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from pvtprof.designs import tasks
from pvtprof.designs.tasks import OBJECTS, WIDTH
from pvtprof.models.necks import ConvLayer


def tower(depth: int) -> nn.Sequential:
    """Return ``depth`` convolutions of 3x3, each with its ReLU."""
    return nn.Sequential(*(ConvLayer((WIDTH, WIDTH), 3, relu=True) for _ in range(depth)))


class RetinaHead(nn.Module):
    """Scores and boxes of every anchor: arXiv:1708.02002. All maps share the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_convs = tower(tasks.TOWER)
        self.reg_convs = tower(tasks.TOWER)
        self.retina_cls = nn.Conv2d(WIDTH, tasks.ANCHORS * OBJECTS, 3, padding=1)
        self.retina_reg = nn.Conv2d(WIDTH, tasks.ANCHORS * 4, 3, padding=1)

    def forward(self, maps: Sequence[Tensor]) -> tuple[tuple[Tensor, Tensor], ...]:
        """Return (scores, boxes) of every map."""
        return tuple([self.single(x) for x in maps])

    def single(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores and boxes of one map."""
        return self.retina_cls(self.cls_convs(x)), self.retina_reg(self.reg_convs(x))


class Doubled(nn.Module):
    """A map resized bilinearly to twice its sides."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, 2H, 2W)."""
        H, W = x.shape[2:]
        return F.interpolate(x, size=(2 * H, 2 * W), mode="bilinear")


class SemanticHead(nn.Module):
    """Classes of every position: Kirillov et al. 2019, arXiv:1901.02446."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.scale_heads = nn.ModuleList(self.branch(level) for level in range(levels))
        self.conv_seg = nn.Conv2d(tasks.MERGED, tasks.SURFACES, 1)

    @staticmethod
    def branch(level: int) -> nn.Sequential:
        """Return what brings the map of a level (0: the largest) to the grid of the largest."""
        layers: list[nn.Module] = []
        for number in range(max(1, level)):
            channels = (tasks.MERGED if number else WIDTH, tasks.MERGED)
            layers.append(ConvLayer(channels, 3, norm=True, relu=True))
            if level:
                layers.append(Doubled())
        return nn.Sequential(*layers)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Return logits on the grid of the largest map."""
        total = self.scale_heads[0](maps[0])
        grid = total.shape[2:]
        for level in range(1, len(maps)):
            total = total + F.interpolate(
                self.scale_heads[level](maps[level]), size=grid, mode="bilinear"
            )
        logits: Tensor = self.conv_seg(total)
        return logits


class ProposalHead(nn.Module):
    """The region proposal network: arXiv:1506.01497. All maps share the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.rpn_conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.rpn_cls = nn.Conv2d(WIDTH, tasks.RPN_ANCHORS, 1)
        self.rpn_reg = nn.Conv2d(WIDTH, 4 * tasks.RPN_ANCHORS, 1)

    def forward(self, maps: Sequence[Tensor]) -> tuple[tuple[Tensor, Tensor], ...]:
        """Return (scores, boxes) of every map."""
        return tuple([self.single(x) for x in maps])

    def single(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores and boxes of one map."""
        x = F.relu(self.rpn_conv(x), inplace=True)
        return self.rpn_cls(x), self.rpn_reg(x)


class Rois(nn.Module):
    """Stands for RoIAlign: a map of zeros for every proposal, of the size that RoIAlign gives.

    What RoIAlign does depends on the proposals, and no counter counts it.
    """

    def __init__(self, side: int, rois: int) -> None:
        super().__init__()
        self.side = side
        self.rois = rois

    def forward(self, x: Tensor) -> Tensor:
        """Return (B · proposals, C, side, side) for any map (B, C, H, W)."""
        return x.new_zeros((x.shape[0] * self.rois, x.shape[1], self.side, self.side))


class BoxHead(nn.Module):
    """Classes and boxes of proposals, by two shared linear layers."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (WIDTH * tasks.BOX_SIDE**2, tasks.BOX_HIDDEN, tasks.BOX_HIDDEN)
        self.shared_fcs = nn.ModuleList(map(nn.Linear, sizes[:-1], sizes[1:]))
        self.fc_cls = nn.Linear(tasks.BOX_HIDDEN, OBJECTS + 1)
        self.fc_reg = nn.Linear(tasks.BOX_HIDDEN, 4 * OBJECTS)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (proposals, 81) and boxes (proposals, 320)."""
        x = x.flatten(1)
        for linear in self.shared_fcs:
            x = self.relu(linear(x))
        return self.fc_cls(x), self.fc_reg(x)


class MaskHead(nn.Module):
    """One mask of each class for every detection: arXiv:1703.06870."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = tower(tasks.MASK_CONVS)
        self.upsample = nn.ConvTranspose2d(WIDTH, WIDTH, 2, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.conv_logits = nn.Conv2d(WIDTH, OBJECTS, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (detections, 80, 28, 28) for (detections, 256, 14, 14)."""
        masks: Tensor = self.conv_logits(self.relu(self.upsample(self.convs(x))))
        return masks


class RoiHead(nn.Module):
    """Box head at a stated number of proposals, mask head at 100 detections an image."""

    def __init__(self, proposals: int) -> None:
        super().__init__()
        self.bbox_roi_extractor = Rois(tasks.BOX_SIDE, proposals)
        self.bbox_head = BoxHead()
        self.mask_roi_extractor = Rois(tasks.MASK_SIDE, tasks.DETECTIONS)
        self.mask_head = MaskHead()

    def forward(self, maps: Sequence[Tensor]) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Return (scores, boxes) of the proposals, and the masks of the detections."""
        boxes = self.bbox_head(self.bbox_roi_extractor(maps[0]))
        return boxes, self.mask_head(self.mask_roi_extractor(maps[0]))
