"""What a backbone is used for: the neck and the head of each task, with the papers' widths.

Sources: the configurations in ``detection/`` and ``segmentation/`` of https://github.com/whai362/PVT
(mmdetection 2.8, mmsegmentation 0.13), which both papers use (arXiv:2102.12122, section 5;
arXiv:2106.13797, section 4). Their names of submodules are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

CLASSIFY = "classify"
#: Channels of every map of a neck, and of the towers of the heads.
WIDTH = 256
#: Object classes of COCO, and classes of ADE20K.
OBJECTS, SURFACES = 80, 150
#: RetinaNet: convolutions in each of the two towers, and anchors at a position.
TOWER, ANCHORS = 4, 9
#: Mask R-CNN: anchors of the proposals, sides of a proposal's map for boxes and for masks, width of
#: the linear layers, convolutions for masks, and masks of one image.
RPN_ANCHORS, BOX_SIDE, MASK_SIDE = 3, 7, 14
BOX_HIDDEN, MASK_CONVS, DETECTIONS = 1024, 4, 100
#: Semantic FPN: channels in which the maps meet.
MERGED = 128

_ANCHORS = "anchors and their decoding"
_NMS = "non-maximum suppression"
_ASSIGNMENT = "assignment of boxes to anchors"


class Neck(NamedTuple):
    """A feature pyramid network (Lin et al. 2017, arXiv:1612.03144) over the maps of the stages.

    ``start`` is the first stage that it reads. ``extra`` maps are made beyond the last stage:
    ``by`` "conv", 3x3 with stride 2, the first from the last stage's own map, or by "pool", every
    second position of the map before.
    """

    start: int = 1
    extra: int = 0
    by: str = "pool"


class Task(NamedTuple):
    """What follows the backbone. ``taker`` is the submodule that reads the neck's maps last.

    ``left_out`` names what depends on the data, or has no operator that a counter counts;
    ``untrained`` what is left out of a training step.
    """

    source: str
    neck: Neck | None = None
    taker: str = ""
    left_out: tuple[str, ...] = ()
    untrained: tuple[str, ...] = ()

    def leaves_out(self, mode: str) -> tuple[str, ...]:
        """Return what is left out in a mode."""
        return self.untrained if mode == "training" else self.left_out


#: Every task by its name.
TASKS: Mapping[str, Task] = {
    CLASSIFY: Task("the network of the papers' section on ImageNet, with its head"),
    "pyramid": Task("the backbone as detectors use it: the maps of all stages, no head"),
    "fpn": Task("the pyramid under a feature pyramid network of width 256", Neck()),
    "retinanet": Task(
        "RetinaNet on COCO: maps P3 to P7, two towers of four convolutions (arXiv:1708.02002)",
        Neck(start=2, extra=2, by="conv"),
        "bbox_head",
        (_ANCHORS, _NMS),
        (_ANCHORS, _ASSIGNMENT, "losses"),
    ),
    "semantic-fpn": Task(
        "Semantic FPN on ADE20K: maps of 128 channels added up (arXiv:1901.02446)",
        Neck(),
        "decode_head",
        ("the argmax over the classes",),
        ("dropout before the classes", "the loss"),
    ),
    "mask-rcnn": Task(
        "Mask R-CNN on COCO: maps P2 to P6, box head and mask head (arXiv:1703.06870)",
        Neck(extra=1),
        "roi_head",
        (_ANCHORS, "choice of the proposals", "RoIAlign", _NMS, "pasting of masks"),
        (_ANCHORS, _ASSIGNMENT, "choice of the proposals", _NMS, "RoIAlign", "losses"),
    ),
}
