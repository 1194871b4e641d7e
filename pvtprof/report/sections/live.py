"""The picture of live bytes: where each operator stands, steps as paths, and the finding.

The same rules are in ``assets/memory.js``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pvtprof import units
from pvtprof.analytic.alive import Tensor
from pvtprof.moment import Moment, highest
from pvtprof.report import phrases

#: (section, whether it is attention), and where it begins and ends, from 0 to 1.
Span: TypeAlias = tuple[tuple[str, bool], float, float]
#: The section of an operator by its place; one that matches none stays in the section before it.
SECTIONS = (
    (r"^(?:backbone\.)?[a-z_]+(\d+)[@. ]", "stage $1"),
    (r"^neck", "neck"),
    (r"^optimizer", "optimizer"),
    (r"^(?:[a-z]+_)?head", "head"),
)
#: The place of a peak in words; one that matches none stands for itself.
PLACES = (
    (r"block(\d+)\S*\.scores mul", "the scaling of the scores in stage $1"),
    (r"block(\d+)\S*\.scores", "the scores of stage $1"),
    (r"block(\d+)\S*\.softmax", "the softmax of stage $1"),
    (r"block(\d+)\S*\.attn", "the attention of stage $1"),
    (r"block(\d+)\S*\.dwconv", "the depthwise convolution in stage $1's MLP"),
    (r"block(\d+)\S*\.mlp\.act", "the activation in stage $1's MLP"),
    (r"block(\d+)\S*\.mlp", "stage $1's MLP"),
    (r"patch_embed(\d+)", "the patch embedding of stage $1"),
    (r"^optimizer", "the step of the optimizer"),
    (r"^neck", "the neck"),
    (r"^(?:[a-z]+_)?head", "the head"),
)
#: What an operator's result is, in words, by the operator's name.
TENSORS = (
    (r"attn\.scores$", "the scores"),
    (r"attn\.scale$", "the scaled scores"),
    (r"attn\.softmax$", "the softmax of the scores"),
    (r"attn\.q$", "the queries"),
    (r"attn\.kv$", "the keys and values"),
    (r"attn\.mix$", "the weighted values"),
    (r"attn\.", "the tokens of the reduction or the output"),
    (r"mlp\.fc1$", "the MLP's hidden tokens"),
    (r"mlp\.dwconv$", "the result of the depthwise convolution"),
    (r"mlp\.act$", "the activated hidden tokens"),
    (r"norm\d?$", "the tokens after a norm"),
    (r"patch_embed\d", "the patches"),
    (r"^(?:backbone\.)?(?:block|pos_embed|cls_token)", "the tokens"),
    (r"^(?:backbone\.)?map", "a map of tokens"),
)
#: So many tensors of a peak are named, each with at least one part in so many of it.
NAMED, PART = 3, 20
#: The picture is so wide and so high; what is beyond its top is cut.
WIDTH, HEIGHT = 1000, 100
#: Room above the peak of the chosen design.
ROOM = 1.05


@dataclass(frozen=True, slots=True)
class Picture:
    """Steps as SVG paths, and what is written around them; places in percent of its sides.

    ``sections`` are (name, left, width), ``ticks`` (text, bottom), ``peak`` is (left, bottom).
    ``others`` are (design, path); ``beyond`` says which of them the picture cuts.
    """

    fill: str
    others: tuple[tuple[str, str], ...]
    sections: tuple[tuple[str, str, str], ...]
    ticks: tuple[tuple[str, str], ...]
    peak: tuple[str, str]
    said: str
    beyond: str
    spoken: str


def named(at: str, rules: Sequence[tuple[str, str]]) -> str:
    """Return what the first rule that fits says of a place; "" where none does.

    >>> named("block1.attn.scores mul", PLACES), named("head addmm", SECTIONS)
    ('the scaling of the scores in stage 1', 'head')
    >>> named("block4.mlp.dwconv.dwconv convolution", PLACES), named("mean", PLACES)
    ("the depthwise convolution in stage 4's MLP", '')
    """
    for pattern, words in rules:
        if found := re.search(pattern, at):
            return words.replace("$1", found[1]) if "$1" in words else words
    return ""


def place_of(moments: Sequence[Moment]) -> str:
    """Return the place of the peak in words; of a training step, whether it is on the way back."""
    at = highest(moments).at
    return f"{named(at, PLACES) or at or 'its input'}{way_back(moments)}"


def way_back(moments: Sequence[Moment]) -> str:
    """Return ", on the way back" where the section of the peak has run before; else ""."""
    left, seen, is_back, last = moments.index(highest(moments)), {""}, False, ""
    for name, _, count in sections_of(moments):
        is_back = is_back if name == last else name in seen
        if left < count:
            return ", on the way back" if is_back else ""
        left, last = left - count, name
        seen.add(name)
    return ""


def finding(timelines: Mapping[str, Sequence[Moment]]) -> str:
    """Return the peak of each design and its operator, in one sentence."""
    by_place: dict[str, list[tuple[str, int]]] = {}
    for design, moments in timelines.items():
        by_place.setdefault(place_of(moments), []).append((design, highest(moments).bytes))
    said: list[str] = []
    for place, found in by_place.items():
        names = phrases.owners([design for design, _ in found])
        sizes = phrases.each([units.size(size) for _, size in found], [size for _, size in found])
        what, verb = ("peaks", "are") if len(found) > 1 else ("peak", "is")
        head = f"{names} of {sizes}" if said else f"{names} {what} of {sizes} {verb}"
        said.append(f"{head} at {place}")
    return f"{'; '.join(said)}."


def held_by(tensors: Mapping[str, Sequence[Tensor]]) -> tuple[str, ...]:
    """Return what holds the peak of each design; one line for designs that are alike."""
    alike: dict[str, list[str]] = {}
    for design, its in tensors.items():
        alike.setdefault(holders(its), []).append(design)
    return tuple(f"{phrases.several(names)}, {text}" for text, names in alike.items())


def holders(tensors: Sequence[Tensor]) -> str:
    """Return the largest tensors of a peak with their sizes, and what the others are together."""
    total = sum(one.bytes for one in tensors)
    ordered = sorted(tensors, key=lambda one: -one.bytes)
    large = [one for one in ordered[:NAMED] if PART * one.bytes >= total]
    words = [f"{_tensor(one)} ({units.size(one.bytes)})" for one in large]
    if rest := ordered[len(large) :]:
        many = f"{len(rest)} smaller tensor{'s' * (len(rest) > 1)}"
        words.append(f"{many} ({units.size(sum(one.bytes for one in rest))})")
    return f"{units.size(total)}: {phrases.several(words)}."


def _tensor(one: Tensor) -> str:
    words = named(one.name, TENSORS) or f"the result of {one.name}"
    shape = "x".join(map(units.integer, one.shape))
    return f"what is computed beside {words}" if one.kind else f"{words} {shape}".rstrip()


def picture(
    timelines: Mapping[str, Sequence[Moment]], chosen: str, blocks: Sequence[int]
) -> Picture:
    """Return the picture with one design filled; its peak is the scale."""
    layout = _layout(timelines, chosen)
    top = highest(timelines[chosen])
    most = max(1, top.bytes) * ROOM
    spans = {name: list(_spans(moments, layout)) for name, moments in timelines.items()}
    at = timelines[chosen].index(top)
    beyond = [name for name, moments in timelines.items() if highest(moments).bytes > most]
    size = units.size(top.bytes)
    cut = [f"{name} goes on to {units.size(highest(timelines[name]).bytes)}" for name in beyond]
    peaks = [f"{name} {units.size(highest(moments).bytes)}" for name, moments in timelines.items()]
    return Picture(
        _path(timelines[chosen], spans[chosen], most, is_closed=True),
        tuple(
            (name, _path(moments, spans[name], most))
            for name, moments in timelines.items()
            if name != chosen
        ),
        tuple(_sections(layout, blocks)),
        tuple(_ticks(top.bytes, most)),
        (_percent(sum(spans[chosen][at]) / 2), _percent(top.bytes / most)),
        f"{chosen}: {size} at {top.at}{way_back(timelines[chosen])}",
        f"{phrases.several(cut)}, beyond the top." if cut else "",
        f"Live bytes of {chosen}, step by step: the peak is {size} at {top.at}. Peaks of all: "
        f"{', '.join(peaks)}.",
    )


def sections_of(moments: Sequence[Moment]) -> list[tuple[str, bool, int]]:
    """Return (section, whether it is attention, operators) in the order in which they run.

    Designs differ in attention alone: so what follows it stands at the same place in all.
    """
    found: list[tuple[str, bool, int]] = []
    for moment in moments:
        before = found[-1][0] if found else "start"
        key = (named(moment.at, SECTIONS) or before, ".attn" in moment.at)
        if found and key == found[-1][:2]:
            found[-1] = (*key, found[-1][2] + 1)
        else:
            found.append((*key, 1))
    return found


def _keys(sections: Sequence[tuple[str, bool, int]]) -> list[tuple[str, bool]]:
    return [(name, is_attention) for name, is_attention, _ in sections]


def _layout(timelines: Mapping[str, Sequence[Moment]], chosen: str) -> list[Span]:
    """Return (key of a section, left, right) from 0 to 1: of all, or of the chosen one."""
    every = [sections_of(moments) for moments in timelines.values()]
    own = sections_of(timelines[chosen])
    is_alike = all(_keys(one) == _keys(own) for one in every)
    counts = [max(one[i][2] for one in every) if is_alike else own[i][2] for i in range(len(own))]
    left, found = 0, []
    for (name, is_attention, _), count in zip(own, counts, strict=True):
        ends = (left / sum(counts), (left + count) / sum(counts))
        found.append(((name, is_attention), *ends))
        left += count
    return found


def _spans(moments: Sequence[Moment], layout: Sequence[Span]) -> Iterator[tuple[float, float]]:
    """Yield where each operator begins and ends, from 0 to 1."""
    mine = sections_of(moments)
    is_alike = _keys(mine) == [key for key, _, _ in layout]
    sections = [(a, b) for _, a, b in layout] if is_alike else [(0.0, 1.0)]
    counts = [count for *_, count in mine] if is_alike else [len(moments)]
    for (left, right), count in zip(sections, counts, strict=True):
        step = (right - left) / count
        yield from ((left + i * step, left + (i + 1) * step) for i in range(count))


def _path(
    moments: Sequence[Moment],
    spans: Sequence[tuple[float, float]],
    most: float,
    is_closed: bool = False,
) -> str:
    """Return steps as the path of an SVG; equal neighbours are one step."""
    parts, last = [f"M0 {HEIGHT}"], ""
    for moment, (left, _) in zip(moments, spans, strict=True):
        height = _coordinate(HEIGHT * (1 - moment.bytes / most))
        if height != last:
            parts.append(f"{f'H{_coordinate(WIDTH * left)}' if last else ''}V{height}")
        last = height
    return f"{''.join(parts)}H{WIDTH}{f'V{HEIGHT}Z' if is_closed else ''}"


def _coordinate(value: float) -> str:
    """Return a coordinate with one decimal, as short as can be."""
    tenths = int(10 * value + 0.5) if value >= 0 else -int(0.5 - 10 * value)
    return f"{tenths / 10:g}" if abs(tenths) < 10**6 else str(tenths // 10)


def _percent(share: float) -> str:
    return f"{int(10000 * share + 0.5) / 100:g}"


def _sections(layout: Sequence[Span], blocks: Sequence[int]) -> Iterator[tuple[str, str, str]]:
    """Yield the sections as they are written: name, left and width."""
    merged: list[tuple[str, float, float]] = []
    for (name, _), left, right in layout:
        if merged and merged[-1][0] == name:
            merged[-1] = (name, merged[-1][1], right)
        else:
            merged.append((name, left, right))
    seen: set[str] = set()
    for name, left, right in merged:
        stage = name.partition("stage ")[2]
        count = blocks[int(stage) - 1] if stage and int(stage) <= len(blocks) else 1
        times = f" x{count}" if count > 1 else ""
        back = " back" if name in seen else ""
        seen.add(name)
        yield f"{name}{back}{times}", _percent(left), _percent(right - left)


def _ticks(peak: int, most: float) -> Iterator[tuple[str, str]]:
    """Yield amounts at which the picture has a line: multiples of a power of two."""
    step = 1
    while 4 * step <= peak:
        step *= 2
    for i in range(4):
        if i * step <= peak:
            text = re.sub(r"\.0+ ", " ", units.size(i * step))
            yield text, _percent(i * step / most)
