"""The operators of necks and heads: feature pyramid, RetinaNet, Semantic FPN, Mask R-CNN.

Each operator comes with its own sizes, since every map has another grid. Sources: see
``designs.tasks``; the structure is that of mmdetection 2.8 and mmsegmentation 0.13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from pvtprof.analytic.geometry import Sizes, conv_out, token_grids
from pvtprof.analytic.ops import Op
from pvtprof.designs import tasks
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import TASKS, WIDTH, Neck

Placed: TypeAlias = tuple[Op, Sizes]
Grid: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Map:
    """A feature map by the name of the operator that makes it; of every one of ``rois``, if any."""

    name: str
    grid: Grid
    channels: int
    rois: int = 0

    @property
    def area(self) -> int:
        """Positions of the map."""
        return self.grid[0] * self.grid[1]

    @property
    def each(self) -> str:
        """Indices of what there is a map of: an image, or a proposal of an image."""
        return "b r" if self.rois else "b"


@dataclass(eq=False, slots=True)
class Drawing:
    """The operators of a neck and a head, in the order in which they run.

    The calls of a head for the maps after the first (``level``) use the parameters of that one.
    """

    batch: int
    level: int = 0
    placed: list[Placed] = field(default_factory=list)

    def add(self, op: Op, made: Map, **sizes: int) -> Map:
        """Append an operator that makes a map."""
        own = {"b": self.batch, "r": made.rois, "s": made.area, "e": made.channels}
        if self.level:
            op = replace(op, shared=op.name.replace(f".({self.level})", ".(0)", 1))
        self.placed.append((op, own | sizes))
        return made

    def conv(
        self, place: str, x: Map, channels: int, window: tuple[int, int] = (1, 1), **said: Any
    ) -> Map:
        """Append a convolution (kernel, stride) with half of its kernel as padding."""
        kernel, stride = window
        height, width = (conv_out(side, kernel, stride, kernel // 2) for side in x.grid)
        op = Op(
            place, "contract", f"{x.each} p g", "k l g e", f"{x.each} s e", bias="e", of=(x.name,)
        )
        made = Map(place, (height, width), channels, x.rois)
        sizes = {"p": x.area, "g": x.channels, "k": kernel, "l": kernel}
        return self.add(replace(op, **said), made, **sizes)

    def in_place(self, place: str, x: Map, kind: str = "relu_", where: str | None = None) -> None:
        """Append a ReLU that writes into the map that it reads."""
        indices = f"{x.each} s e"
        self.add(Op(place, kind, indices, "", indices, where=where, of=(x.name,)), x)

    def resized(self, name: str, x: Map, grid: Grid, kind: str, where: str) -> Map:
        """Append an interpolation of a map to a grid."""
        op = Op(name, kind, f"{x.each} p e", "", f"{x.each} s e", where=where, of=(x.name,))
        return self.add(op, replace(x, name=name, grid=grid), p=x.area)

    def added(self, name: str, x: Map, y: Map, where: str, **said: Any) -> Map:
        """Append the sum of two maps."""
        op = Op(name, "add", "b s e", "b s e", "b s e", where=where, of=(x.name, y.name), **said)
        return self.add(op, replace(x, name=name))

    def tower(self, place: str, x: Map, depth: int, channels: int) -> Map:
        """Append ``depth`` convolutions of 3x3, each with its ReLU in place."""
        for number in range(depth):
            x = self.conv(f"{place}.({number}).conv", x, channels, (3, 1))
            self.in_place(f"{place}.({number}).activate", x)
        return x


def dense_ops(spec: ModelSpec, image: Grid, batch: int) -> list[Placed]:
    """Return the operators of the neck and the head of a task, each with its index sizes."""
    task = TASKS[spec.task]
    if task.neck is None:
        return []
    drawing = Drawing(batch)
    grids = token_grids(spec, *image)
    maps = [
        Map(f"map{number}", grid, stage.dim)
        for number, (stage, grid) in enumerate(zip(spec.stages, grids, strict=True), 1)
    ]
    pyramid = _neck(drawing, task.neck, maps, until=task.taker)
    if spec.task == "retinanet":
        _retinanet(drawing, pyramid)
    elif spec.task == "semantic-fpn":
        _semantic(drawing, pyramid, image)
    elif spec.task == "mask-rcnn":
        _proposals(drawing, pyramid)
        _rois(drawing, spec.proposals)
    return drawing.placed


def _neck(drawing: Drawing, neck: Neck, maps: Sequence[Map], until: str) -> list[Map]:
    """Append a feature pyramid network; return its maps, which live until ``until`` returns."""
    read = maps[neck.start - 1 :]
    top = len(read) - 1
    laterals = [
        drawing.conv(f"neck.lateral_convs@{i}.conv", x, WIDTH, until="neck" if i == top else None)
        for i, x in enumerate(read)
    ]
    for i in range(top, 0, -1):
        below = laterals[i - 1]
        up = drawing.resized(f"neck.nearest@{i}", laterals[i], below.grid, "nearest", "neck")
        laterals[i - 1] = drawing.added(f"neck.add@{i}", below, up, "neck", until="neck")
    outs = [
        drawing.conv(f"neck.fpn_convs@{i}.conv", x, WIDTH, (3, 1), until=until)
        for i, x in enumerate(laterals)
    ]
    for i in range(len(outs), len(outs) + neck.extra):
        if neck.by == "pool":
            outs.append(_every_second(drawing, f"neck.pool@{i}", outs[-1], until))
        else:
            source = read[-1] if i == len(laterals) else outs[-1]
            place = f"neck.fpn_convs@{i}.conv"
            outs.append(drawing.conv(place, source, WIDTH, (3, 2), until=until))
    return outs


def _every_second(drawing: Drawing, name: str, x: Map, until: str) -> Map:
    height, width = (conv_out(side, 1, 2) for side in x.grid)
    op = Op(name, "maxpool", "b p e", "", "b s e", where="neck", of=(x.name,), until=until)
    return drawing.add(op, Map(name, (height, width), x.channels), p=x.area)


def _retinanet(drawing: Drawing, maps: Sequence[Map]) -> None:
    """Append a tower for classes and one for boxes over every map; all maps share the weights."""
    for level, x in enumerate(maps):
        drawing.level = level
        call = f"bbox_head.({level})"
        for tower, last, channels in (
            ("cls_convs", "retina_cls", tasks.ANCHORS * tasks.OBJECTS),
            ("reg_convs", "retina_reg", tasks.ANCHORS * 4),
        ):
            seen = drawing.tower(f"{call}.{tower}", x, tasks.TOWER, WIDTH)
            drawing.conv(f"{call}.{last}", seen, channels, (3, 1), until="")


def _semantic(drawing: Drawing, maps: Sequence[Map], image: Grid) -> None:
    """Append a branch for every map, their sum, the classes, and the resize to the image."""
    total = _branch(drawing, 0, maps[0])
    for level, x in enumerate(maps[1:], 1):
        seen = _branch(drawing, level, x)
        name = f"decode_head.resize@{level}"
        up = drawing.resized(name, seen, total.grid, "interpolate", "decode_head")
        total = drawing.added(f"decode_head.add@{level}", total, up, "decode_head")
    classes = drawing.conv("decode_head.conv_seg", total, tasks.SURFACES)
    drawing.resized("resize", classes, image, "interpolate", "")


def _branch(drawing: Drawing, level: int, x: Map) -> Map:
    """Append the convolutions of one map, each with its norm, and x2 between and after them."""
    step = 1 + (level > 0)
    for number in range(0, step * max(1, level), step):
        call = f"decode_head.scale_heads@{level}.({number})"
        x = drawing.conv(f"{call}.conv", x, tasks.MERGED, (3, 1), bias="")
        norm = Op(f"{call}.bn", "batchnorm", "b s e", "e", "b s e", bias="e", of=(x.name,))
        x = drawing.add(norm, replace(x, name=norm.name))
        drawing.in_place(f"{call}.activate", x)
        if level:
            up = f"decode_head.scale_heads@{level}.({number + 1})"
            x = drawing.resized(up, x, (2 * x.grid[0], 2 * x.grid[1]), "interpolate", up)
    return x


def _proposals(drawing: Drawing, maps: Sequence[Map]) -> None:
    """Append the region proposal network over every map; all maps share the weights."""
    for level, x in enumerate(maps):
        drawing.level = level
        call = f"rpn_head.({level})"
        seen = drawing.conv(f"{call}.rpn_conv", x, WIDTH, (3, 1), bound=True)
        drawing.in_place(f"{call}.relu", seen, "functional_relu_", call)
        drawing.conv(f"{call}.rpn_cls", seen, tasks.RPN_ANCHORS, until="")
        drawing.conv(f"{call}.rpn_reg", seen, 4 * tasks.RPN_ANCHORS, until="")


def _rois(drawing: Drawing, proposals: int) -> None:
    """Append box head and mask head, on what RoIAlign would give them."""
    drawing.level = 0
    x = _aligned(drawing, "roi_head.bbox_roi_extractor", tasks.BOX_SIDE, proposals)
    x = Map(x.name, (1, 1), x.area * x.channels, proposals)
    head = "roi_head.bbox_head"
    for number, bound in enumerate((False, True)):
        name = f"{head}.shared_fcs@{number}"
        x = _linear(drawing, name, x, tasks.BOX_HIDDEN, bound=bound)
        drawing.in_place(f"{head}.relu@{number}", x)
    _linear(drawing, f"{head}.fc_cls", x, tasks.OBJECTS + 1, until="")
    _linear(drawing, f"{head}.fc_reg", x, 4 * tasks.OBJECTS, until="")
    head = "roi_head.mask_head"
    x = _aligned(drawing, "roi_head.mask_roi_extractor", tasks.MASK_SIDE, tasks.DETECTIONS)
    x = drawing.tower(f"{head}.convs", x, tasks.MASK_CONVS, WIDTH)
    x = _doubled(drawing, f"{head}.upsample", x)
    drawing.in_place(f"{head}.relu", x)
    drawing.conv(f"{head}.conv_logits", x, tasks.OBJECTS, until="")


def _aligned(drawing: Drawing, place: str, side: int, rois: int) -> Map:
    made = Map(place, (side, side), WIDTH, rois)
    return drawing.add(Op(place, "zeros", "", "", "b r s e", of=()), made)


def _linear(drawing: Drawing, place: str, x: Map, channels: int, **said: Any) -> Map:
    op = Op(place, "contract", "b r g", "g e", "b r e", bias="e", of=(x.name,), **said)
    return drawing.add(op, Map(place, (1, 1), channels, x.rois), g=x.channels)


def _doubled(drawing: Drawing, place: str, x: Map) -> Map:
    """Append a transposed convolution, whose 2x2 kernel makes four positions of one."""
    op = Op(place, "contract", "b r p g", "k l g e", "b r p k l e", bias="e", of=(x.name,))
    made = Map(place, (2 * x.grid[0], 2 * x.grid[1]), x.channels, x.rois)
    return drawing.add(op, made, p=x.area, g=x.channels, k=2, l=2)


#: The parts of a detector.
PARTS = ("backbone", "neck", "head")


def part_of(op: Op, spec: ModelSpec) -> str:
    """Return which part of a detector an operator is in: "backbone", "neck" or "head"."""
    outermost = op.place.partition(".")[0]
    if TASKS[spec.task].neck is None or outermost == "backbone":
        return "backbone"
    return "neck" if outermost == "neck" else "head"
