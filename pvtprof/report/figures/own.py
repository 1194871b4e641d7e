"""MACs of modules of the user's own, stacked by submodule."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from pvtprof import units
from pvtprof.report.figures.chart import Chart
from pvtprof.report.figures.style import OTHERS, empty_figure
from pvtprof.run.run import Run

#: Submodules that have a colour of their own; the smaller ones are one segment.
MOST = 12


@dataclass(frozen=True)
class SubmodulesInfo:
    """MACs of the submodules of each module: ``macs`` maps a submodule to one number a design."""

    designs: tuple[str, ...]
    macs: dict[str, tuple[int, ...]]


def submodules_info(run: Run) -> SubmodulesInfo:
    """Every submodule that has a row and MACs; of many, the smaller ones together."""
    designs = run.variants
    found: dict[str, dict[str, int]] = {}
    for row in run.rows:
        if row.part.module is not None and row.macs:
            found.setdefault(row.part.name, {})[row.design.name] = row.macs
    by_name = {name: tuple(its.get(d, 0) for d in designs) for name, its in found.items()}
    largest = sorted(by_name, key=lambda name: -max(by_name[name]))[:MOST]
    rest = [macs for name, macs in by_name.items() if name not in largest]
    kept = {name: macs for name, macs in by_name.items() if name in largest}
    if rest:
        kept[f"{len(rest)} others"] = tuple(map(sum, zip(*rest, strict=True)))
    return SubmodulesInfo(designs, kept)


def draw_submodules(info: SubmodulesInfo) -> go.Figure:
    """A bar a design, a segment a submodule."""
    figure = empty_figure(barmode="stack")
    for i, (name, macs) in enumerate(info.macs.items()):
        figure.add_bar(
            name=name,
            x=list(info.designs),
            y=list(macs),
            marker={"color": OTHERS[i % len(OTHERS)], "opacity": 1 - 0.35 * (i // len(OTHERS))},
            customdata=[units.integer(value) for value in macs],
            hovertemplate=f"%{{x}}<br>{name}: %{{customdata}} MACs<extra></extra>",
        )
    figure.update_yaxes(exponentformat="SI", title="MACs")
    return figure


CHARTS = (
    Chart(
        name="submodules",
        section="submodules",
        place=5,
        label="Stacked bars: MACs by design and submodule",
        info=lambda run: found if run.is_own and (found := submodules_info(run)).macs else None,
        draw=draw_submodules,
    ),
)
