"""A run as a notebook shows it: the answer, its table and one small picture, without JavaScript."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape

from pvtprof import spoken
from pvtprof.report import terminal_answer
from pvtprof.report.answer.answer import Answer, answers, summary
from pvtprof.report.answer.answer_table import Cell, Line
from pvtprof.run.run import Run

#: Okabe and Ito's colours, in the order of the designs; those of the three are their own.
_HUES = {"mha": "#D55E00", "sra_conv": "#0072B2", "sra_pool": "#009E73"}
_OTHERS = ("#CC79A7", "#E69F00", "#56B4E9", "#666666")
#: Lines of the picture: of what a design costs as a whole.
_SHOWN = ("MACs", "params", "peak", "time")
WIDTH, LABEL, STEP = 560, 150, 16


def bundle(run: Run) -> dict[str, str]:
    """Return what a notebook may show of a run, by MIME type."""
    return {
        "text/html": html(run),
        "text/plain": terminal_answer.render(run, terminal_answer.USUAL),
    }


def html(run: Run) -> str:
    """Return the answer of every comparison as HTML of its own, without scripts and styles."""
    parts = [_one(one) for one in answers(run)]
    command = f"<p><code>{escape(run.command)}</code></p>" if run.command else ""
    return f'<div class="pvtprof">{"".join(parts)}{command}</div>'


def _one(found: Answer) -> str:
    above = (f"{found.title}, {found.setting}", found.advice, found.how_mixed)
    below = (found.attention, found.surprise, found.accuracy, found.trust, summary([found]))
    place, *rest = (escape(text) for text in above)
    head = "".join(f"<th>{escape(name)}</th>" for name in found.designs)
    lines = "".join(map(_line, (*found.lines, *found.stages)))
    return (
        f"<p>{place}</p><p><b>{escape(found.finding)}</b></p>"
        + "".join(f"<p>{text}</p>" for text in rest if text)
        + f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{lines}</tbody></table>"
        + image(picture(found), found.finding)
        + "".join(f"<p>{escape(text)}</p>" for text in below if text)
    )


def _line(line: Line) -> str:
    return f"<tr><th>{escape(line.name)}</th>{''.join(map(_cell, line.cells))}</tr>"


def _cell(cell: Cell) -> str:
    text = f"<b>{escape(cell.text)}</b>" if cell.is_smallest else escape(cell.text)
    title = escape(f"{cell.exact} {cell.note}".strip(), quote=True)
    return f'<td title="{title}">{text} {escape(cell.ratio)}</td>'


def image(svg: str, label: str) -> str:
    """Return a picture that an exported notebook keeps too."""
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{escape(label, quote=True)}" src="data:image/svg+xml;base64,{data}">'


def picture(found: Answer) -> str:
    """Return the whole designs beside each other as SVG: bars, each line scaled to its largest."""
    lines = [line for line in found.lines if line.name.partition(",")[0].split(" ")[0] in _SHOWN]
    bars = list(_bars(found, lines))
    height = STEP * len(lines) * (len(found.designs) + 1) + STEP // 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>{"".join(bars)}</svg>'
    )


def _bars(found: Answer, lines: list[Line]) -> Iterator[str]:
    y, room = STEP, WIDTH - LABEL - 130
    for line in lines:
        yield f'<text x="4" y="{y}" font-weight="bold">{escape(line.name)}</text>'
        for i, (name, cell) in enumerate(zip(found.designs, line.cells, strict=True)):
            y += STEP
            hue = _HUES.get(name) or _OTHERS[i % len(_OTHERS)]
            wide = max(1.0, room * cell.share)
            text = spoken.unbroken(f"{cell.text} {cell.ratio}".strip())
            yield (
                f'<text x="12" y="{y}">{escape(name[:20])}</text>'
                f'<rect x="{LABEL}" y="{y - 10}" width="{wide:.1f}" height="11" fill="{hue}"/>'
                f'<text x="{LABEL + wide + 6:.1f}" y="{y}">{escape(text)}</text>'
            )
        y += STEP
