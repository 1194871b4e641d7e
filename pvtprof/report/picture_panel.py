"""A picture of several designs as HTML: its finding, its rows, how to read it, and a list of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from pvtprof import units
from pvtprof.report.picture import GATES, Drawn, Scale, cell, px, scale_of
from pvtprof.report.picture_rows import bars_of, boxes, columns_of, frame, read_by, row


def title(where: str, designs: Sequence[Drawn]) -> str:
    """What the picture of a stage shows, in one sentence."""
    by_keys: dict[int, list[str]] = {}
    for design in designs:
        by_keys.setdefault(design.steps[0].sizes["m"], []).append(design.name)
    tokens = f"{designs[0].steps[0].sizes['n']:,}"
    (keys, names), *others = by_keys.items()
    who = _joined(names) if others or len(designs) == 1 else "every design"
    verb = "compare" if len(names) > 1 and others else "compares"
    text = f"{where}, {who} {verb} {tokens} tokens with {keys:,} keys"
    for more, theirs in others:
        text += f", {_joined(theirs)} with {more:,}"
    first, *rest = designs
    macs = [sum(step.costs[0] for step in design.steps) for design in designs]
    if len(macs) > 1 and len(set(macs)) == 1:
        return f"{text}, for the same MACs."
    for k, design in enumerate(rest, 1):
        is_same = macs[k] == macs[0]
        share = "as many" if is_same else units.ratio(macs[k], macs[0])
        of = " of" * share.endswith("%") + f" {first.name}'s MACs"
        of = f" MACs as {first.name}" if is_same else of
        text += f": {design.name} needs {share}{of}" if k == 1 else f", {design.name} {share}"
    return f"{text}."


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


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
