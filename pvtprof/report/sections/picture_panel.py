"""A picture of several designs as HTML: its finding, its rows, how to read it, and a list of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from pvtprof import spoken, units
from pvtprof.report import phrases
from pvtprof.report.sections.picture import GATES, Drawn, Scale, cell, px, scale_of
from pvtprof.report.sections.picture_rows import bars_of, boxes, columns_of, frame, read_by, row

#: What a design does with each measure, and its name in a sentence.
VERBS, MEASURES = ("needs", "moves", "takes"), ("MACs", "bytes", "time")
#: Times of operators that are added differ beyond their noise from so many per cent on.
TIMES_APART = 5


def title(where: str, designs: Sequence[Drawn], measure: int = 0) -> str:
    """What the picture of a stage shows, in one sentence that ends with the chosen measure."""
    by_keys: dict[int, list[str]] = {}
    for design in designs:
        by_keys.setdefault(design.steps[0].sizes["m"], []).append(design.name)
    tokens = f"{designs[0].steps[0].sizes['n']:,}"
    (keys, names), *others = by_keys.items()
    who = phrases.several(names) if others or len(designs) == 1 else "every design"
    verb = "compare" if len(names) > 1 and others else "compares"
    text = f"{where}, {who} {verb} {tokens} tokens with {keys:,} keys"
    for more, theirs in others:
        text += f", {phrases.several(theirs)} with {more:,}"
    return f"{text}{_times(designs) if measure == 2 else _amounts(designs, measure)}."


def _amounts(designs: Sequence[Drawn], measure: int) -> str:
    """How many MACs or bytes each design has of the first one's."""
    (first, *rest), text = designs, ""
    name, verb = MEASURES[measure], VERBS[measure]
    amounts = [sum(int(step.costs[measure] or 0) for step in design.steps) for design in designs]
    if len(amounts) > 1 and len(set(amounts)) == 1:
        return f", for the same {name}"
    for k, design in enumerate(rest, 1):
        is_same = amounts[k] == amounts[0]
        share = "as many" if is_same else units.ratio(amounts[k], amounts[0])
        of = " of" * share.endswith("%") + f" {first.name}'s {name}"
        of = f" {name} as {first.name}" if is_same else of
        text += f": {design.name} {verb} {share}{of}" if k == 1 else f", {design.name} {share}"
    return text


def _times(designs: Sequence[Drawn]) -> str:
    """How much of the first design's time each takes, all of its operators added."""
    times = [_seconds(design) for design in designs]
    if not any(times):
        return "; no time is known of this setting"
    unknown = [one.name for one, time in zip(designs, times, strict=True) if not time]
    lacks = f"; no time is known of {phrases.several(unknown)}" if unknown else ""
    if not times[0]:
        return lacks
    first, text = designs[0].name, ""
    for design, time in zip(designs[1:], times[1:], strict=True):
        if time:
            share = spoken.people(time, times[0])
            of = " of" * share.endswith("%") + f" {first}'s time"
            if 100 * abs(time - times[0]) < TIMES_APART * times[0]:
                share, of = "about as long", f" as {first}"
            text += f", {design.name} {share}" if text else f": {design.name} takes {share}{of}"
    return text + lacks


def _seconds(design: Drawn) -> float | None:
    """The time of all operators; None where it is not known of one (fused ones have one time)."""
    lacking = [step for step in design.steps if step.costs[2] is None]
    known = [step.costs[2] for step in design.steps if step.costs[2] is not None]
    return sum(known) if known and all(step.fused for step in lacking) else None


def panel(mesh: str, designs: Sequence[Drawn], measure: int = 0, kind: str = "line") -> str:
    """The HTML of one picture: a row for each design, and how to read it."""
    scale, columns = scale_of(designs, mesh), columns_of(designs)
    bars = bars_of(designs, measure, kind)
    rows = [boxes(design, scale, columns) for design in designs]
    shared = frame(rows)
    pictures = "".join(
        f'<div class="design" data-design="{escape(design.name)}" style="--d:{design.color}">'
        f"<p><b>{escape(design.name)}</b> {escape(design.said)}</p>"
        f"{row(design, its, shared, bars)}</div>"
        for design, its in zip(designs, rows, strict=True)
    )
    return (
        f'{_mesh(designs, scale)}<div class="rows" style="--mesh:url(#{scale.mesh})" '
        f'tabindex="0" role="region" aria-label="The operators, drawn">{pictures}</div>'
        f'<p class="soft">{legend(designs, scale, measure)}</p>'
    )


def lists(designs: Sequence[Drawn]) -> str:
    """The operators of each design as a list: what each is, its formula and its cost."""
    return "".join(
        f'<h3>{escape(design.name)}</h3><ol data-design="{escape(design.name)}">'
        + "".join(
            f'<li data-op="{escape(step.name)}"><b>{escape(step.name)}</b>: '
            f"{escape(step.text)}</li>"
            for step in design.steps
        )
        + "</ol>"
        for design in designs
    )


def _mesh(designs: Sequence[Drawn], scale: Scale) -> str:
    """The pattern that fills maps of tokens: a mesh of one token, or of some."""
    if not designs[0].steps[0].left:
        return ""
    wide, high = map(px, cell(designs[0], read_by(designs[0]), scale))
    return (
        f'<svg width="0" height="0" aria-hidden="true"><pattern id="{scale.mesh}" '
        f'patternUnits="userSpaceOnUse" width="{wide}" height="{high}">'
        f'<path d="M{wide} 0H0V{high}"/></pattern></svg>'
    )


def legend(designs: Sequence[Drawn], scale: Scale, measure: int) -> str:
    """How to read the picture."""
    bar = f"the bar below it is its {('MACs', 'bytes moved', 'time')[measure]}"
    if not designs[0].steps[0].left:
        return f"The area of a box is what the submodule writes, all to one scale; {bar}."
    smaller = scale.area / (scale.side * scale.side)
    steps = [step for design in designs for step in design.steps]
    batch = steps[0].sizes.get("b", 1)
    text = "all to one scale"
    if smaller >= 1.05:
        times = f"{math.floor(smaller + 0.5):,}" if smaller >= 10 else px(smaller)
        text = f"maps to one scale, score matrices to one {times} times smaller"
    text = f"The area of a box is its result: {text}; {bar}."
    if any(step.is_matrix and step.sizes["m"] * scale.side < 1.5 for step in steps):
        text += " What is thinner than a line is drawn as a line."
    if batch > 1:
        text += f" The picture is of one of {batch:,} images; the costs are of all."
    if any(step.kind in GATES for step in steps):
        text += " Narrow boxes repeat what they read, in other values or another order."
    if any(step.fused for step in steps):
        text += " One kernel runs what the dashed frame holds; dashed boxes are never stored."
    if all(step.costs[measure] is None for step in steps):
        text += " No time is known of this setting."
    return text
