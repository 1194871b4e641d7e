"""A static picture of a plotly figure: an exported notebook has it where plotly has not run.

It draws what the charts here have: bars (stacked or in groups), lines and dots, on linear, log and
category axes, in several panels. It decides no number.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, LINE = 760, 460, 150, 20, 56, 16
_PREFIXES = {12: "T", 9: "G", 6: "M", 3: "k", 0: "", -3: "m", -6: "µ"}


class Shown(go.Figure):  # type: ignore[misc] # plotly says no types
    """A plotly figure that hands a notebook a static picture beside its JSON."""

    def _repr_mimebundle_(self, *names: Any, **options: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(*names, **options) or {}
        return {**bundle, "image/svg+xml": svg(self)}


@dataclass
class Axis:
    """One axis of a panel: where it lies in the picture, and how values come to places on it."""

    start: float
    end: float
    layout: Mapping[str, Any]
    values: list[Any]
    has_bars: bool

    def __post_init__(self) -> None:
        self.names = [*dict.fromkeys(v for v in self.values if isinstance(v, str))]
        self.is_log = self.layout.get("type") == "log"
        numbers = [self._scaled(v) for v in self.values if isinstance(v, int | float)]
        if not self.is_log and (self.has_bars or self.layout.get("rangemode") == "tozero"):
            numbers.append(0.0)
        self.low, self.high = min(numbers, default=0.0), max(numbers, default=1.0)
        if self.high == self.low:
            self.high += 1.0

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.is_log and value > 0 else float(value)

    def at(self, value: Any, shift: float = 0.0) -> float:
        """The place of a value; of a name, ``shift`` is a part of its band, from -0.5 to 0.5."""
        if isinstance(value, str):
            band = (self.end - self.start) / len(self.names)
            return self.start + band * (self.names.index(value) + 0.5 + shift)
        share = (self._scaled(value) - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * share

    @property
    def band(self) -> float:
        """How wide a name's band is."""
        return abs(self.end - self.start) / max(1, len(self.names))

    def ticks(self) -> Iterator[tuple[Any, str]]:
        """Values and their texts; of names, every one."""
        if self.names:
            yield from ((name, name) for name in self.names)
        elif values := self.layout.get("tickvals"):
            texts = self.layout.get("ticktext") or list(map(si, values))
            shown = [(v, t) for v, t in zip(values, texts, strict=False) if self._is_in(v)]
            yield from shown
        elif self.is_log:
            apart = max(1, round((self.high - self.low) / 6))
            powers = range(math.ceil(self.low), math.floor(self.high) + 1, apart)
            yield from ((10.0**power, si(10.0**power)) for power in powers)
        else:
            step = _step((self.high - self.low) / 5)
            first, last = math.ceil(self.low / step), math.floor(self.high / step + 1e-9)
            is_share = "%" in self.layout.get("tickformat", "")
            for n in range(first, last + 1):
                yield n * step, f"{100 * n * step:.0f} %" if is_share else si(n * step)

    def _is_in(self, value: float) -> bool:
        return self.low - 1e-9 <= self._scaled(value) <= self.high + 1e-9


def _step(wanted: float) -> float:
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(power * n for n in (1, 2, 5, 10) if power * n >= wanted * 0.999)


def si(value: float) -> str:
    """Return a number with a prefix, as ticks have it.

    >>> si(0), si(2.5e9), si(1000), si(0.005)
    ('0', '2.5G', '1k', '5m')
    """
    power = next((p for p in _PREFIXES if abs(value) >= 10.0**p * 0.9999), min(_PREFIXES))
    return f"{value / 10.0**power:.3g}{_PREFIXES[power]}" if value else "0"


def _names(values: Any) -> list[Any]:
    """The values of a trace; two rows of names are one: "stage 1 mha"."""
    if values and isinstance(values[0], list):
        return [" ".join(map(str, pair)) for pair in zip(*values, strict=True)]
    return list(values or [])


def svg(figure: go.Figure) -> str:
    """Return a figure as SVG of its own."""
    given = json.loads(figure.to_json())
    layout, traces = given["layout"], given["data"]
    for trace in traces:
        trace["x"], trace["y"] = _names(trace.get("x")), _names(trace.get("y"))
    title = textwrap.wrap(_plain(layout.get("title", {}).get("text", "")), 100)
    legend = [] if layout.get("showlegend") is False else list(_legend(traces))
    top = LINE * (len(title) + len(legend)) + LINE
    parts = [_text(LEFT, LINE * (i + 1), line, weight="bold") for i, line in enumerate(title)]
    parts += [part.replace("@y", str(LINE * (len(title) + i + 1))) for i, part in enumerate(legend)]
    pairs = dict.fromkeys((t.get("xaxis", "x"), t.get("yaxis", "y")) for t in traces)
    for x, y in pairs:
        its = [t for t in traces if (t.get("xaxis", "x"), t.get("yaxis", "y")) == (x, y)]
        parts += _panel(its, layout, (x, y), top)
    for note in layout.get("annotations", ()):
        if note.get("yref") == "paper":
            y = top + (HEIGHT - top - BOTTOM) * (1 - note["y"]) - 4
            parts.append(_text(LEFT, y, _plain(note["text"])))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 '
        f'{WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11"><rect width="{WIDTH}" '
        f'height="{HEIGHT}" fill="#ffffff"/>{"".join(parts)}</svg>'
    )


def _plain(text: str) -> str:
    return text.replace("<br>", " ")


def _text(x: float, y: float, text: str, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )


def _color(trace: Mapping[str, Any], i: int = 0) -> str:
    """The colour of a trace, or of one of its bars or dots where each has its own."""
    for part in ("marker", "line"):
        color = trace.get(part, {}).get("color")
        color = color[i % len(color)] if isinstance(color, list) and color else color
        if isinstance(color, str):
            return escape(color, quote=True)
    return "#888888"


def _legend(traces: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The names of the traces in their colours, as many a line as have room."""
    shown = [t for t in traces if t.get("name") and t.get("showlegend") is not False]
    line, x = "", LEFT
    for name, color in {t["name"]: _color(t) for t in shown}.items():
        wide = 7 * len(name) + 2 * LINE
        if line and x + wide > WIDTH:
            yield line
            line, x = "", LEFT
        line += f'<text x="{x}" y="@y" fill="{color}">■ {escape(name)}</text>'
        x += wide
    if line:
        yield line


def _panel(
    traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], names: tuple[str, str], top: int
) -> Iterator[str]:
    """One pair of axes with its traces."""
    x, y = (_axis(traces, layout, name, top) for name in names)
    for value, text in x.ticks():
        at = x.at(value)
        yield f'<path d="M{at:.1f} {y.start:.1f}V{y.end:.1f}" stroke="#dddddd"/>'
        yield _text(
            at, y.start + LINE, text[: max(4, int(x.band / 6))] if x.names else text, "middle"
        )
    for value, text in y.ticks():
        at = y.at(value)
        yield f'<path d="M{x.start:.1f} {at:.1f}H{x.end:.1f}" stroke="#dddddd"/>'
        yield _text(x.start - 6, at + 4, text[:24], "end")
    if title := x.layout.get("title", {}).get("text"):
        yield _text((x.start + x.end) / 2, y.start + 2.3 * LINE, _plain(title), "middle")
    if title := y.layout.get("title", {}).get("text"):
        yield _text(4, y.end - 4, _plain(title))
    bars = [trace for trace in traces if trace["type"] == "bar"]
    is_stack = layout.get("barmode") == "stack"
    groups = [*dict.fromkeys(t.get("offsetgroup", t.get("name")) for t in bars)]
    piles: dict[Any, float] = {}
    for trace in traces:
        if trace["type"] == "bar":
            group = (
                None if is_stack else (groups.index(trace.get("offsetgroup", trace.get("name"))))
            )
            yield from _bars(trace, (x, y), piles, (group, len(groups)))
        else:
            yield from _dots(trace, x, y)


def _axis(
    traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], name: str, top: int
) -> Axis:
    letter = name[0]
    its = layout.get(f"{letter}axis{name[1:]}", {})
    first, last = its.get("domain", (0, 1))
    area = HEIGHT - top - BOTTOM
    values = [value for trace in traces for value in trace[letter] if value is not None]
    bars = [t for t in traces if t["type"] == "bar"]
    is_length = any((t.get("orientation") == "h") == (letter == "x") for t in bars)
    if is_length and layout.get("barmode") == "stack":
        other = "y" if letter == "x" else "x"
        sums: dict[Any, float] = {}
        for trace in bars:
            for place, value in zip(trace[other], trace[letter], strict=True):
                sums[place] = sums.get(place, 0.0) + (value or 0.0)
        values = [*values, *sums.values()]
    if letter == "x":
        room = WIDTH - LEFT - RIGHT
        return Axis(LEFT + room * first, LEFT + room * last, its, values, is_length)
    return Axis(top + area * (1 - first), top + area * (1 - last), its, values, is_length)


def _bars(
    trace: Mapping[str, Any],
    axes: tuple[Axis, Axis],
    piles: dict[Any, float],
    group: tuple[int | None, int],
) -> Iterator[str]:
    """The bars of a trace: on top of those before, or beside those of other traces."""
    is_flat = trace.get("orientation") == "h"
    along, across = axes if is_flat else axes[::-1]
    number, count = group
    wide = 0.8 * across.band / (1 if number is None else count)
    shift = 0.0 if number is None else 0.8 * ((number + 0.5) / count - 0.5)
    places, values = (trace["y"], trace["x"]) if is_flat else (trace["x"], trace["y"])
    for i, (place, value) in enumerate(zip(places, values, strict=True)):
        if value is None:
            continue
        base = piles.get(place, 0.0) if number is None else 0.0
        piles[place] = base + value
        ends = sorted((along.at(base), along.at(base + value)))
        middle = across.at(place, shift)
        box = (ends[0], middle - wide / 2, ends[1] - ends[0], wide)
        left, up, long, high = box if is_flat else (box[1], box[0], box[3], box[2])
        yield (
            f'<rect x="{left:.1f}" y="{up:.1f}" width="{long:.1f}" height="{high:.1f}" '
            f'fill="{_color(trace, i)}"/>'
        )


def _dots(trace: Mapping[str, Any], x: Axis, y: Axis) -> Iterator[str]:
    pairs = zip(trace["x"], trace["y"], strict=True)
    points = [(x.at(a), y.at(b)) for a, b in pairs if a is not None and b is not None]
    color = _color(trace)
    if "lines" in trace.get("mode", "lines") and points:
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>'
    if "markers" in trace.get("mode", ""):
        for i, (a, b) in enumerate(points):
            yield f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{_color(trace, i)}"/>'
